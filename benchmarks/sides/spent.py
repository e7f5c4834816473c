"""A view that is folded from the log: what each actor has asked for and paid."""

from __future__ import annotations

from collections.abc import Iterator

from paidflow.states.events import Paid, Requested
from paidflow.views.batch import Batch
from paidflow.views.counter import Counter

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
        actors = batch.actors()
        for action_id in batch.actions(Requested):
            yield actors[action_id] or "nobody", 1, 0, 0
        for action_id, paid in batch.of(Paid):
            yield actors[action_id] or "nobody", 0, 1, paid.amount.amount
