"""What happened on each day: how much was done, spent and stacked, by the kind of the action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from paidflow.money import Money, msats
from paidflow.store.queries import named
from paidflow.views.reader import Reader
from paidflow.views.sql import read_sql

_SQL = named(read_sql("statistics"))


@dataclass(frozen=True, slots=True)
class DayLine:
    """One kind of action on one day.

    Args:
        day: in the time zone of the forum.
        kind: of the action; ``comment`` and the kinds of posts are items.
        times: how many became real, less those that were reversed.
        people: how many different people did it, or got something from it.
        spent: what it cost them.
        stacked: what others got of that.
    """

    day: date
    kind: str
    times: int
    people: int
    spent: Money
    stacked: Money


class Statistics:
    """Reads sums by day.

    Args:
        reader: reads the folded sums.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def days(self, since: date, until: date) -> list[DayLine]:
        """What all people did from one day to another, both included."""
        bounds = {"since": since.isoformat(), "until": until.isoformat()}
        return [_line(row) for row in self._reader.sums(_SQL["days"], **bounds)]

    def days_of(self, actor: str, since: date, until: date) -> list[DayLine]:
        """The same for one person, who alone should see it."""
        bounds = {"since": since.isoformat(), "until": until.isoformat()}
        rows = self._reader.sums(_SQL["days_of"], actor=actor, **bounds)
        return [_line(row) for row in rows]


def _line(row: Mapping[str, Any]) -> DayLine:
    return DayLine(
        day=date.fromisoformat(row["day"]),
        kind=row["kind"],
        times=row["times"],
        people=row["people"],
        spent=msats(row["spent_msats"]),
        stacked=msats(row["stacked_msats"]),
    )
