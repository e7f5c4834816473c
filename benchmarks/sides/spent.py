"""A view that is folded from the log: what each actor has asked for and paid."""

from __future__ import annotations

from collections.abc import Iterator

from paidflow.states.events import Paid, Requested
from paidflow.views.batch import Batch
from paidflow.views.counter import Counter

_ACTORS = "select action_id, actor from paidflow_actions where action_id in (:actions)"

EVENTS = (Requested, Paid)
"""What it is made of: two of the four events of a lifecycle."""


class Spent(Counter):
    """Counts and sums per actor.

    Args:
        name: of the view.
        version: of the view.
    """

    events = EVENTS
    key = "actor"
    columns = ("requested", "paid", "amount")

    def __init__(self, name: str, version: int) -> None:
        self.name = name  # type: ignore[misc]
        self.version = version  # type: ignore[misc]

    def count(self, batch: Batch) -> Iterator[tuple[str, int, int, int]]:
        actors = batch.look_up(_ACTORS)
        for recorded in batch:
            actor = actors[recorded.action_id]["actor"]
            match recorded.event:
                case Requested():
                    yield actor, 1, 0, 0
                case Paid(amount=amount):
                    yield actor, 0, 1, amount.amount
                case _:
                    raise AssertionError("it asks for nothing else")
