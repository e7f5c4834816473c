"""Prices in dollars: notes that have them, and who says what that is in bitcoins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar, Literal

from paidflow import POOL, Context, LatePolicy, Money, Posting, Quote, purse, shares, territory
from paidflow.testing import ManualClock
from tests.wall import Note

RATES = ("1/1000000", "1/970000", "1/400000")
"""At the first of them ten cents are ten satoshis."""

Mood = Literal["fine", "down", "unknown", "short", "wrong"]


class DollarNote(Note):
    """A note that costs so many cents; optimistic."""

    kind = "dollar-note"

    def cost(self, ctx: Context) -> Money:
        return Money(self.price_sats, "USD")

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        assert ctx.cost is not None
        return shares(ctx.cost, {purse("bob"): 70, territory("music"): 21}, rest=POOL)


class HeldDollarNote(DollarNote):
    """The same, pessimistic."""

    kind = "held-dollar-note"
    optimistic = False


class CarefulDollarNote(DollarNote):
    """Its late money waits for a person."""

    kind = "careful-dollar-note"
    late_payment: ClassVar[LatePolicy] = LatePolicy.PERSON


DOLLAR_NOTES = (DollarNote, HeldDollarNote, CarefulDollarNote)


class Desk:
    """Somebody who converts dollars into bitcoins.

    Args:
        clock: the time.
        seen: counts in which mood it was asked.

    Attributes:
        mood: whether it is fine, cannot be reached, does not know the currency, gives less time
            than a payer needs, or miscalculates.
        rate: how many bitcoins a dollar is.
        valid_s: how long that holds.
    """

    def __init__(self, clock: ManualClock, seen: Counter[str]) -> None:
        self.mood: Mood = "fine"
        self.rate = RATES[0]
        self.valid_s = 900
        self._clock = clock
        self._seen = seen

    def quote(self, cost: Money, currency: str) -> Quote | None:
        self._seen[f"quote:{self.mood}"] += 1
        if self.mood == "down":
            raise TimeoutError
        if self.mood == "unknown":
            return None
        valid = timedelta(seconds=60 if self.mood == "short" else self.valid_s)
        until = self._clock.now() + valid
        quote = Quote.at(self.rate, cost, currency, source="desk", valid_until=until)
        wrong = Money(1_000, currency)
        return replace(quote, amount=wrong) if self.mood == "wrong" else quote
