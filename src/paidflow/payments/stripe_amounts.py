"""Amounts as Stripe counts them; for some currencies that is not as ISO 4217 does. Pure.

Source: docs.stripe.com/currencies, "Zero-decimal currencies", "Three-decimal currencies" and
"Special cases".
"""

from __future__ import annotations

import re

from paidflow.money import Money, minor_digits

_CODE = re.compile(r"[A-Z]{3}")
_DIGITS_USUAL = 2
_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    # They have no fractions any more; Stripe still counts in hundredths of them.
    **dict.fromkeys(("ISK", "UGX"), 2),
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3),
}
_THREE_DIGITS_STEP = 10
"""The last of three digits has to be 0."""


def is_counted(currency: str) -> bool:
    """Whether it is known how Stripe counts a currency; three capital letters."""
    if not _CODE.fullmatch(currency):
        return False
    return currency in _DIGITS or minor_digits(currency) == _DIGITS_USUAL


def to_stripe(money: Money) -> int | None:
    """The number that says this amount to Stripe.

    Args:
        money: in a currency of ``is_counted``.

    Returns:
        ``None`` if there is no such amount there: a fraction of an ariary, a single fils.
    """
    digits = _digits(money.currency)
    counted, rest = divmod(money.amount * 10**digits, 10 ** minor_digits(money.currency))
    step = _THREE_DIGITS_STEP if digits == 3 else 1
    return None if rest or counted % step else counted


def from_stripe(amount: int, currency: str) -> Money:
    """What an amount of Stripe is.

    Args:
        amount: as Stripe counts it.
        currency: three letters, as Stripe writes them.

    Raises:
        ValueError: when nobody understands it.
    """
    code = currency.upper()
    if not is_counted(code):
        raise ValueError("a currency that is not known")
    minor, rest = divmod(amount * 10 ** minor_digits(code), 10 ** _digits(code))
    if rest:
        raise ValueError("a fraction of the smallest unit")
    return Money(minor, code)


def _digits(currency: str) -> int:
    return _DIGITS.get(currency, _DIGITS_USUAL)
