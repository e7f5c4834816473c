"""The contract of a source of exchange rates."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from paidflow.money import Money
from paidflow.states.quote import Quote

__all__ = ["Quote", "Quotes"]


@runtime_checkable
class Quotes(Protocol):
    """Says what a cost is in a currency that a gateway takes. It may ask somebody elsewhere.

    What it raises is taken as "there is no rate right now".
    """

    def quote(self, cost: Money, currency: str) -> Quote | None:
        """A quote, made with ``Quote.at``; ``None`` when it does not know this currency.

        It is asked once for each attempt to get the money.

        Args:
            cost: what is to be converted; more than zero.
            currency: into which currency.
        """
        ...
