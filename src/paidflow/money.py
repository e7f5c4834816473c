"""Money is an integer number of minor units together with its currency; no floats anywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

from paidflow.errors import CurrencyMismatch, InvalidAmount

MINOR_DIGITS_DEFAULT = 2
MINOR_DIGITS = {
    "BTC": 11,  # the minor unit of bitcoin is the millisatoshi, as on Lightning (BOLT 11)
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_INVOICE_UNITS = {"BTC": 1000}
_CURRENCY = re.compile(r"[A-Z]{3}")
_MAX_AMOUNT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of money.

    Args:
        amount: whole number of minor units (millisatoshi, cent, yen), may be negative, 63 bits.
        currency: three capital letters as in ISO 4217, or ``BTC``.

    Raises:
        InvalidAmount: when the amount is not a whole number or the currency is not three letters.
    """

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount) is not int or abs(self.amount) > _MAX_AMOUNT:
            raise InvalidAmount(f"the amount must be a whole number, not {self.amount!r}")
        if type(self.currency) is not str or not _CURRENCY.fullmatch(self.currency):
            raise InvalidAmount(
                f"the currency must be three capital letters, not {self.currency!r}"
            )

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same(other)

    def __str__(self) -> str:
        if self.currency == "BTC" and self.amount % 1000 == 0:
            return f"{self.amount // 1000} sats"
        if self.currency == "BTC":
            return f"{self.amount} msats"
        digits = minor_digits(self.currency)
        sign, units = "-" * (self.amount < 0), str(abs(self.amount)).rjust(digits + 1, "0")
        number = f"{units[:-digits]}.{units[-digits:]}" if digits else units
        return f"{sign}{number} {self.currency}"

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")
        return other.amount


def minor_digits(currency: str) -> int:
    """How many decimal digits the minor unit of a currency has (ISO 4217): 2 for cents."""
    return MINOR_DIGITS.get(currency, MINOR_DIGITS_DEFAULT)


def invoice_unit(currency: str) -> int:
    """The smallest amount that invoices ask for, in minor units: a satoshi, a cent."""
    return _INVOICE_UNITS.get(currency, 1)


def sats(amount_sats: int) -> Money:
    """Whole satoshis; one satoshi is 1,000 millisatoshis."""
    if type(amount_sats) is not int:
        raise InvalidAmount(f"the amount must be a whole number, not {amount_sats!r}")
    return Money(amount_sats * 1000, "BTC")


def msats(amount_msats: int) -> Money:
    """Millisatoshis, the unit in which bitcoin is counted here."""
    return Money(amount_msats, "BTC")
