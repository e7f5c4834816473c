"""What is true of a forum, read from the log of events alone, by other means than the views."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from paidflow import PaidFlow, State
from paidflow.states import codec
from paidflow.states.events import Paid, Requested
from paidflow.states.evolve import fold
from paidflow.store.records import as_time


@dataclass(frozen=True)
class Truth:
    """What is true of every action, read from the log.

    Args:
        states: where each stands.
        actors: whose each is.
        items: the rows of the items, as they were written.
        acts: the rows of the acts.
        ballots: how many paid votes each poll has.
        requested: what was asked for with each action.
        paid_at: when each was paid for the first time.
        changes: the rows of what was changed about territories.
    """

    states: Mapping[str, State]
    actors: Mapping[str, str | None]
    items: Mapping[str, Mapping[str, Any]]
    acts: Sequence[Mapping[str, Any]]
    ballots: Mapping[str, int]
    requested: Mapping[str, Requested]
    paid_at: Mapping[str, datetime]
    changes: Sequence[Mapping[str, Any]]

    def real(self, action_id: str) -> bool:
        """Whether everybody sees it."""
        return self.states.get(action_id[:36]) is State.PAID

    def seen(self, action_id: str, viewer: str | None) -> bool:
        """Whether a viewer sees it."""
        mine = viewer is not None and self.actors.get(action_id[:36]) == viewer
        return self.real(action_id) or mine

    def seen_items(self, viewer: str | None) -> list[str]:
        """The items that a viewer sees."""
        return [item_id for item_id in self.items if self.seen(item_id, viewer)]

    def above(self, item_id: str) -> list[str]:
        """The items above an item, its parent first."""
        found: list[str] = []
        while (parent := self.items[item_id]["parent_id"]) is not None:
            found.append(parent)
            item_id = parent
        return found

    def below(self, item_id: str) -> list[str]:
        """The comments below an item."""
        return [other for other in self.items if item_id in self.above(other)]

    def paid_by(self, act: str, item_id: str) -> dict[str | None, int]:
        """What each person has really paid for an act on an item, in millisatoshis."""
        sums: defaultdict[str | None, int] = defaultdict(int)
        for row in self.acts:
            if (row["act"], row["item_id"]) == (act, item_id) and self.real(row["id"]):
                sums[row["actor"]] += row["amount_msats"]
        return dict(sums)


def truth_of(flow: PaidFlow) -> Truth:
    """Read the log and the application's rows, and nothing that paidflow has made of them."""
    events: defaultdict[str, list[Any]] = defaultdict(list)
    with flow.store.reading() as tx:
        log = tx.execute(
            "select originator_id, topic, state, recorded_at from paidflow_log"
            " order by originator_id, originator_version"
        ).fetchall()
        items = tx.execute("select * from forum_items order by id").fetchall()
        acts = tx.execute("select * from forum_acts").fetchall()
        ballots = tx.execute("select id, item_id from forum_ballots").fetchall()
        changes = tx.execute("select * from forum_territory_changes").fetchall()
    paid_at: dict[str, datetime] = {}
    requested: dict[str, Requested] = {}
    for row in log:
        if row["topic"].startswith("paid-action."):
            event = codec.decode(row["topic"], bytes(row["state"]))
            events[row["originator_id"]].append(event)
            if isinstance(event, Requested):
                requested[row["originator_id"]] = event
            elif isinstance(event, Paid):
                paid_at.setdefault(row["originator_id"], _time(row["recorded_at"]))
    folded = {action_id: fold(None, found) for action_id, found in events.items()}
    return Truth(
        states={action_id: a.state for action_id, a in folded.items()},
        actors={action_id: a.actor for action_id, a in folded.items()},
        items={row["id"]: row for row in items},
        acts=acts,
        # A vote that was paid once stays, because nobody knows what it was.
        ballots=Counter(row["item_id"] for row in ballots if row["id"] in paid_at),
        requested=requested,
        paid_at=paid_at,
        changes=changes,
    )


def _time(stored: Any) -> datetime:
    at = as_time(stored)
    assert at is not None
    return at
