"""Notes that only the crash tests need: priced in dollars, or with another note inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paidflow import Context, Money, PaidAction
from tests.wall import NOTES, Note


class DollarNote(Note):
    """A note that costs cents."""

    kind = "dollar-note"

    def cost(self, ctx: Context) -> Money:
        return Money(self.price_sats, "USD")


class HeldDollarNote(DollarNote):
    """The same, paid first."""

    kind = "held-dollar-note"
    optimistic = False


class CarriedNote(Note):
    """A note inside another."""

    kind = "carried-note"


class CarryingNote(Note):
    """A note that carries another."""

    kind = "carrying-note"
    carried_raises: Mapping[str, int] = {}

    def parts(self) -> Sequence[PaidAction]:
        return [CarriedNote(text="inside", price_sats=3, raises=self.carried_raises)]


EVERY = (*NOTES, DollarNote, HeldDollarNote, CarriedNote, CarryingNote)
