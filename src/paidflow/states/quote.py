"""What an amount is in another currency, at a rate that somebody stands by for a while."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from math import ceil

from paidflow.errors import InvalidAmount
from paidflow.money import Money, invoice_unit, minor_digits

_RATE = re.compile(r"\d{1,20}(\.\d{1,40})?|\d{1,40}/\d{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Quote:
    """A conversion; ``Quote.at`` makes one from a rate.

    Args:
        cost: what is converted.
        amount: what it is in the other currency, rounded up to what an invoice can ask for.
        rate: what one unit of the first currency, such as a dollar, is in units of the other, such
            as bitcoins: decimal text, or a fraction such as ``1/97000``.
        source: who says so.
        valid_until: until when, UTC.
    """

    cost: Money
    amount: Money
    rate: str
    source: str
    valid_until: datetime

    @classmethod
    def at(
        cls, rate: str, cost: Money, currency: str, *, source: str, valid_until: datetime
    ) -> Quote:
        """The quote that follows from a rate.

        Args:
            rate: see the class; exact, more than zero.
            cost: what is converted.
            currency: the other currency.
            source: who says so.
            valid_until: until when, UTC.

        Raises:
            InvalidAmount: when this is no rate.
        """
        return cls(cost, converted(cost, currency, rate), rate, source, valid_until)

    def __str__(self) -> str:
        until = self.valid_until.isoformat(" ", "seconds")
        return f"{self.cost} at {self.rate} of {self.source}, valid until {until}"


def converted(cost: Money, currency: str, rate: str) -> Money:
    """An amount in another currency, rounded up to whole units of an invoice.

    Raises:
        InvalidAmount: when this is no rate.
    """
    units = Fraction(cost.amount, 10 ** minor_digits(cost.currency)) * _exact(rate)
    unit = invoice_unit(currency)
    return Money(ceil(units * 10 ** minor_digits(currency) / unit) * unit, currency)


def _exact(rate: str) -> Fraction:
    if type(rate) is not str or not _RATE.fullmatch(rate):
        raise InvalidAmount(f"a rate is decimal text or a fraction, not {rate!r:.50}")
    try:
        exact = Fraction(rate)
    except ZeroDivisionError:
        raise InvalidAmount("a rate cannot have a denominator of zero") from None
    if not exact:
        raise InvalidAmount("a rate must be more than zero")
    return exact
