"""Notes that only the crash tests need: priced in dollars, with another note inside, for the pool
or from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paidflow import ACCOUNT, POOL, Context, Money, PaidAction, Posting, purse
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


class Donation(Note):
    """A note whose whole price the pool gets."""

    kind = "donation"

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return [Posting(POOL, self.cost(ctx))]


class Prize(Note):
    """A note that the pool pays Bob for."""

    kind = "prize"
    anonymous = False
    funding = (ACCOUNT,)

    def paying_account(self, ctx: Context) -> str:
        return POOL

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return [Posting(purse("bob"), self.cost(ctx))]


EVERY = (*NOTES, DollarNote, HeldDollarNote, CarriedNote, CarryingNote, Donation, Prize)
