"""Money: whole minor units and a currency, and nothing else."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidflow.errors import CurrencyMismatch, InvalidAmount
from paidflow.money import MINOR_DIGITS, Money, msats, sats

LIMIT = 2**63 - 1
AMOUNTS = st.integers(-(LIMIT // 2), LIMIT // 2)


class Whole(int):
    """Looks like a whole number, and may do anything when it is added."""


NO_AMOUNTS = (1.0, 0.1, float("nan"), Decimal(1), Fraction(1), True, False, "1", None, Whole(1), 1j)


@pytest.mark.parametrize("amount", NO_AMOUNTS, ids=repr)
def test_only_whole_numbers_are_amounts(amount: Any) -> None:
    with pytest.raises(InvalidAmount):
        Money(amount, "EUR")
    with pytest.raises(InvalidAmount):
        sats(amount)
    with pytest.raises(InvalidAmount):
        msats(amount)


def test_an_amount_fits_the_database() -> None:
    assert Money(LIMIT, "BTC").amount == LIMIT
    assert Money(-LIMIT, "BTC").amount == -LIMIT
    for amount in (LIMIT + 1, -LIMIT - 1):
        with pytest.raises(InvalidAmount):
            Money(amount, "BTC")
    with pytest.raises(InvalidAmount):
        Money(LIMIT, "BTC") + msats(1)
    with pytest.raises(InvalidAmount):
        msats(-LIMIT) - msats(1)
    with pytest.raises(InvalidAmount):
        sats(LIMIT)


@pytest.mark.parametrize(
    "currency", ["", "eur", "EU", "EURO", "E R", "ÄÖÜ", "EUR\n", "12A", None, 978, b"EUR"], ids=repr
)
def test_only_three_capital_letters_are_a_currency(currency: Any) -> None:
    with pytest.raises(InvalidAmount):
        Money(1, currency)


def test_an_invalid_amount_is_a_value_error_too() -> None:
    """So pydantic turns it into a validation error of the field."""
    assert issubclass(InvalidAmount, ValueError)
    assert issubclass(CurrencyMismatch, ValueError)


def test_money_does_not_change() -> None:
    money = sats(1)
    with pytest.raises(FrozenInstanceError):
        money.amount = 2  # type: ignore[misc]
    assert hash(sats(1)) == hash(msats(1000))


@given(AMOUNTS, AMOUNTS)
def test_adding_and_taking_away(a: int, b: int) -> None:
    assert Money(a, "EUR") + Money(b, "EUR") == Money(a + b, "EUR")
    assert Money(a, "EUR") - Money(b, "EUR") == Money(a - b, "EUR")


@given(AMOUNTS, AMOUNTS)
def test_the_order_is_that_of_the_amounts(a: int, b: int) -> None:
    x, y = Money(a, "EUR"), Money(b, "EUR")
    assert (x < y, x <= y, x > y, x >= y, x == y) == (a < b, a <= b, a > b, a >= b, a == b)


def test_currencies_do_not_mix() -> None:
    euro, yen = Money(1, "EUR"), Money(1, "JPY")
    assert euro != yen
    for mix in (
        lambda: euro + yen,
        lambda: euro - yen,
        lambda: euro < yen,
        lambda: euro <= yen,
        lambda: euro > yen,
        lambda: euro >= yen,
    ):
        with pytest.raises(CurrencyMismatch, match="EUR and JPY"):
            mix()


def test_money_is_not_multiplied_or_divided() -> None:
    """A share of money has to say who gets the rest."""
    money: Any = sats(10)
    for wrong in (lambda: money * 2, lambda: money / 3, lambda: money // 3, lambda: money + 1):
        with pytest.raises((TypeError, AttributeError)):
            wrong()


def test_satoshis_and_millisatoshis() -> None:
    assert sats(10) == msats(10_000) == Money(10_000, "BTC")


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (sats(0), "0 sats"),
        (sats(10), "10 sats"),
        (sats(-10), "-10 sats"),
        (msats(10_500), "10500 msats"),
        (msats(-1), "-1 msats"),
        (Money(0, "EUR"), "0.00 EUR"),
        (Money(5, "EUR"), "0.05 EUR"),
        (Money(-5, "EUR"), "-0.05 EUR"),
        (Money(50, "EUR"), "0.50 EUR"),
        (Money(123_456, "EUR"), "1234.56 EUR"),
        (Money(-123_456, "USD"), "-1234.56 USD"),
        (Money(500, "JPY"), "500 JPY"),
        (Money(-1, "JPY"), "-1 JPY"),
        (Money(0, "JPY"), "0 JPY"),
        (Money(1, "KWD"), "0.001 KWD"),
        (Money(1_234, "KWD"), "1.234 KWD"),
        (Money(-12, "KWD"), "-0.012 KWD"),
    ],
)
def test_how_it_is_written(money: Money, text: str) -> None:
    assert str(money) == text


@given(AMOUNTS, st.sampled_from(("EUR", "JPY", "KWD")))
def test_what_is_written_is_what_it_is(amount: int, currency: str) -> None:
    number, unit = str(Money(amount, currency)).split()
    digits = {"EUR": 2, "JPY": 0, "KWD": 3}[currency]
    assert (Decimal(number).scaleb(digits), unit) == (amount, currency)


def test_the_minor_units() -> None:
    assert (MINOR_DIGITS["JPY"], MINOR_DIGITS["KWD"], MINOR_DIGITS["BTC"]) == (0, 3, 11)
    assert "EUR" not in MINOR_DIGITS
