"""Amounts as Stripe counts them; its own list is in docs.stripe.com/currencies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidflow.money import MINOR_DIGITS, Money, minor_digits
from paidflow.payments.stripe_amounts import from_stripe, is_counted, to_stripe

NO_DIGITS = [
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "JPY",
    "KMF",
    "KRW",
    "MGA",
    "PYG",
    "RWF",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
]
THREE_DIGITS = ["BHD", "JOD", "KWD", "OMR", "TND"]
HUNDREDTHS = ["EUR", "HUF", "ISK", "TWD", "UGX", "USD"]


@pytest.mark.parametrize(
    ("money", "counted"),
    [
        (Money(1000, "USD"), 1000),  # 10 dollars
        (Money(10, "JPY"), 10),  # 10 yen
        (Money(500, "KRW"), 500),
        (Money(5, "ISK"), 500),  # 5 krónur
        (Money(5, "UGX"), 500),  # 5 shillings
        (Money(1045, "HUF"), 1045),  # 10.45 forint can be charged
        (Money(80045, "TWD"), 80045),
        (Money(5120, "KWD"), 5120),  # 5.124 dinars must be 5.12 or 5.13
        (Money(5124, "KWD"), None),
        (Money(1, "BHD"), None),
        (Money(300, "MGA"), 3),  # 3 ariary, of 100 parts in ISO 4217
        (Money(301, "MGA"), None),
    ],
    ids=str,
)
def test_the_examples_of_stripe(money: Money, counted: int | None) -> None:
    assert to_stripe(money) == counted
    if counted is not None:
        assert from_stripe(counted, money.currency.lower()) == money


def test_every_currency_of_ours_is_counted_or_refused() -> None:
    refused = {currency for currency in MINOR_DIGITS if not is_counted(currency)}
    assert refused == {"BTC", "IQD", "LYD", "UYI"}
    assert all(map(is_counted, NO_DIGITS + THREE_DIGITS + HUNDREDTHS))


@given(
    currency=st.sampled_from(NO_DIGITS + THREE_DIGITS + HUNDREDTHS),
    amount=st.integers(min_value=1, max_value=10**12),
)
def test_there_and_back_is_the_same(currency: str, amount: int) -> None:
    money = Money(amount, currency)
    counted = to_stripe(money)
    if counted is not None:
        assert from_stripe(counted, currency.lower()) == money
    else:
        assert currency in [*THREE_DIGITS, "MGA"]
        whole = amount * 10 ** minor_digits(currency)
        assert to_stripe(Money(whole, currency)) is not None


@pytest.mark.parametrize(
    ("amount", "currency"), [(550, "isk"), (1, "ugx"), (1, "iqd"), (1, "usdc"), (1, "btc"), (1, "")]
)
def test_what_nobody_understands_is_an_error(amount: int, currency: str) -> None:
    with pytest.raises(ValueError, match=r"not known|a fraction"):
        from_stripe(amount, currency)
