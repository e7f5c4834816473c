"""Which gateway is asked for how much: in the currency of the cost, or converted by a quote."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from paidflow import checkpoints
from paidflow.clock import Clock
from paidflow.errors import NetworkInTransaction, NoFunding, PaidflowError, QuoteUnavailable
from paidflow.flow.gateways import Gateways
from paidflow.flow.registry import check_text
from paidflow.money import Money
from paidflow.payments.quotes import Quotes
from paidflow.spans import span
from paidflow.states.quote import Quote, converted

logger = logging.getLogger("paidflow.quotes")

CLOCKS_DIFFER = timedelta(seconds=10)
"""An invoice ends so long before its quote, because the gateway's clock may be behind."""

PAYABLE_FOR_MIN = timedelta(seconds=60)
"""A payer needs so long; what is valid for less is no quote."""

SOURCE_CHARACTERS_MAX = 100


@dataclass(frozen=True, slots=True)
class Charge:
    """What a gateway is asked for.

    Args:
        gateway: its name.
        amount: what the payer is to pay.
        quote: the conversion, when the cost is in another currency.
    """

    gateway: str
    amount: Money
    quote: Quote | None = None


class Charging:
    """Finds gateways, and quotes where no gateway takes the currency.

    Args:
        gateways: the gateways.
        quotes: where rates come from; ``None`` if nothing is ever converted.
        clock: the time.
    """

    def __init__(self, gateways: Gateways, quotes: Quotes | None, clock: Clock) -> None:
        self._gateways = gateways
        self._quotes = quotes
        self._clock = clock

    def direct(self, amount: Money, *, hold: bool, wanted: str | None) -> Charge | None:
        """The charge in the currency of the amount; ``None`` when it has to be converted.

        Args:
            amount: what is to be paid.
            hold: whether the gateway has to hold it.
            wanted: the only gateway that may be asked; ``None`` for any.

        Raises:
            NoFunding: when no gateway can be asked.
        """
        try:
            return Charge(self._gateways.choose(amount.currency, hold=hold, wanted=wanted), amount)
        except NoFunding:
            if self._quotes is None or not any(self._others(hold, wanted)):
                raise
            return None

    def charge(self, amount: Money, *, hold: bool, wanted: str | None) -> Charge:
        """The charge, converted if it has to be; never inside a transaction.

        Args:
            amount: what is to be paid.
            hold: whether the gateway has to hold it.
            wanted: the only gateway that may be asked; ``None`` for any.

        Raises:
            NoFunding: when no gateway can be asked.
            QuoteUnavailable: when there is no rate that can be used.
        """
        direct = self.direct(amount, hold=hold, wanted=wanted)
        if direct is not None:
            return direct
        for gateway, currency in self._others(hold, wanted):
            quote = self._quote(amount, currency)
            if quote is not None:
                return Charge(gateway, quote.amount, quote)
        raise QuoteUnavailable(f"{amount.currency} cannot be converted")

    def payable_s(self, quote: Quote) -> int:
        """For how many seconds an invoice may be payable at a quote; 0 when it has run out."""
        left = quote.valid_until - self._clock.now() - CLOCKS_DIFFER
        return int(left.total_seconds()) if left >= PAYABLE_FOR_MIN else 0

    def _others(self, hold: bool, wanted: str | None) -> Iterator[tuple[str, str]]:
        for gateway, currencies in self._gateways.able(hold=hold, wanted=wanted):
            for currency in sorted(currencies):
                yield gateway, currency

    def _quote(self, cost: Money, currency: str) -> Quote | None:
        """Ask for a quote, and check it; ``None`` when the source does not know the currency."""
        if self._quotes is None:
            return None
        checkpoints.refuse_in_transaction("quote")
        checkpoints.reach("quote", "before")
        try:
            with span("quote", currency=currency):
                quote = self._quotes.quote(cost, currency)
            if quote is not None:
                self._check(quote, cost, currency)
        except NetworkInTransaction:
            raise
        except Exception as error:
            # Of a foreign error only the type: its text may hold what must not be logged.
            known = isinstance(error, PaidflowError)
            said = str(error) if known else type(error).__name__
            logger.warning("no quote in %s: %s", currency, said)
            raise QuoteUnavailable(error.detail if known else "") from None
        finally:
            checkpoints.reach("quote", "after")
        return quote

    def _check(self, quote: Quote, cost: Money, currency: str) -> None:
        """What was not asked for, or does not follow from its rate, is no quote."""
        check_text("the source of a quote", quote.source)
        if len(quote.source) > SOURCE_CHARACTERS_MAX:
            raise QuoteUnavailable("the name of its source is too long")
        if quote.cost != cost or quote.amount != converted(cost, currency, quote.rate):
            raise QuoteUnavailable("the quote is not what was asked for at its rate")
        if quote.valid_until.utcoffset() is None:
            raise QuoteUnavailable("the quote does not say in which time zone it ends")
        if not self.payable_s(quote):
            raise QuoteUnavailable("the quote ends too soon")
