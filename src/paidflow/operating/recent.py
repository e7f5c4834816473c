"""What happened lately, counted: how many actions came to which end, by the hour."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from paidflow.flow.paid_flow import PaidFlow
from paidflow.states.events import AttentionAsked, Failed, Held, Paid, Requested, Reversed
from paidflow.store.records import as_time

EVENTS_MAX = 20_000
"""So much of the end of the log is looked at; a busy hour may be longer than that."""

COUNTED = (Requested, Held, Paid, Failed, Reversed, AttentionAsked)


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour.

    Args:
        begins: when, UTC.
        counts: how many events there were, by the last word of their names, such as ``paid``.
    """

    begins: datetime
    counts: dict[str, int]


def recent_hours(flow: PaidFlow, *, hours: int = 24) -> list[Hour]:
    """The last hours, the oldest first, without gaps.

    Args:
        flow: whose log.
        hours: how many, 1 to 1,000.
    """
    now = flow.clock.now()
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)
    counted: dict[datetime, Counter[str]] = {}
    last = flow.store.publish()
    topics = {event.name: event.name.rpartition(".")[2] for event in COUNTED}
    with flow.store.reading() as tx:
        rows = tx.query("select_recent_topics", after=last - EVENTS_MAX, since=first).fetchall()
    for row in rows:
        at, name = as_time(row["recorded_at"]), topics.get(row["topic"].partition("@")[0])
        if at is not None and name is not None:
            hour = at.replace(minute=0, second=0, microsecond=0)
            counted.setdefault(hour, Counter())[name] += 1
    begins = [first + timedelta(hours=number) for number in range(hours)]
    return [Hour(hour, dict(counted.get(hour, {}))) for hour in begins]
