"""Shares and split funding, with worked examples and as properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidflow.errors import InvalidAmount
from paidflow.ledger.accounts import POOL, purse, territory
from paidflow.ledger.shares import shares, taken
from paidflow.money import Money, invoice_unit, msats, sats
from paidflow.states.postings import total

FEES = "fees"

# An amount in millisatoshis, percentages, who gets the rest -> what each gets.
DIVIDED: tuple[tuple[int, dict[str, int], str, dict[str, int]], ...] = (
    # A zap of 100 sats: the author, the territory, the pool.
    (100_000, {"a": 70, "t": 21}, "p", {"a": 70_000, "t": 21_000, "p": 9_000}),
    # The same straight to a wallet: three of the pool's nine pay for the route.
    (100_000, {"a": 70, "t": 21, "f": 3}, "p", {"a": 70_000, "t": 21_000, "f": 3_000, "p": 6_000}),
    # Forwards are rounded down, and the author gets the remainder.
    (9_999, {"b": 33, "c": 33, "d": 33}, "a", {"b": 3_299, "c": 3_299, "d": 3_299, "a": 102}),
    (7, {"b": 50, "c": 50}, "a", {"b": 3, "c": 3, "a": 1}),
    (1, {"b": 99}, "a", {"a": 1}),
    (10, {"b": 100}, "a", {"b": 10}),
    (10, {}, "a", {"a": 10}),
    (0, {"b": 50}, "a", {}),
    # Everything to the pool, as for a downzap.
    (5_000, {"t": 0}, "p", {"p": 5_000}),
)


@pytest.mark.parametrize(("amount", "percents", "rest", "expected"), DIVIDED)
def test_worked_examples(
    amount: int, percents: dict[str, int], rest: str, expected: dict[str, int]
) -> None:
    parts = shares(msats(amount), percents, rest=rest)
    assert {part.account: part.amount.amount for part in parts} == expected


@given(
    st.integers(0, 2**53),
    st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 100), max_size=6),
)
def test_nothing_is_lost_and_nobody_gets_too_much(amount: int, percents: dict[str, int]) -> None:
    percents = {f"payee:{account}": percent for account, percent in percents.items()}
    money = Money(amount, "BTC")
    if sum(percents.values()) > 100:
        with pytest.raises(InvalidAmount):
            shares(money, percents, rest=POOL)
        return
    parts = {part.account: part.amount.amount for part in shares(money, percents, rest=POOL)}
    assert sum(parts.values()) == amount
    for account, percent in percents.items():
        assert parts.get(account, 0) * 100 <= amount * percent < (parts.get(account, 0) + 1) * 100


@pytest.mark.parametrize("percents", [{"a": -1}, {"a": 101}, {"a": 60, "b": 41}, {"a": 0.5}])
def test_percentages_that_make_no_sense(percents: dict[str, int]) -> None:
    with pytest.raises(InvalidAmount):
        shares(sats(1), percents, rest=purse("ann"))


def test_a_negative_amount_is_not_divided() -> None:
    with pytest.raises(InvalidAmount):
        shares(msats(-1), {territory("x"): 50}, rest=POOL)


# The cost, credits and withdrawable money -> what each gives; in millisatoshis.
TAKEN: tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...] = (
    # First branch: enough in both. Credits go first.
    (10_000, (10_000, 0), (10_000, 0)),
    (10_000, (25_000, 5_000), (10_000, 0)),
    (10_000, (4_300, 9_000), (4_300, 5_700)),
    (10_500, (500, 10_000), (500, 10_000)),
    # Second branch: all credits, and so much money that a whole number of sats is left.
    (10_000, (4_300, 700), (4_300, 700)),
    (10_000, (4_300, 2_950), (4_300, 2_700)),
    (10_000, (4_000, 1_999), (4_000, 1_000)),
    (10_000, (0, 3_500), (0, 3_000)),
    # Third branch: the money does not fill up the fraction, so both give whole sats.
    (10_000, (4_300, 699), (4_000, 0)),
    (10_000, (999, 0), (0, 0)),
    (10_000, (5_950, 40), (5_000, 0)),
    # One purse, or none.
    (10_000, (3_700,), (3_000,)),
    (10_000, (12_000,), (10_000,)),
    (10_000, (), ()),
)


@pytest.mark.parametrize(("cost", "balances", "expected"), TAKEN)
def test_what_purses_give(cost: int, balances: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert taken(cost, balances, 1_000) == expected


@given(st.integers(1, 500), st.lists(st.integers(0, 400_000), min_size=0, max_size=2))
def test_an_invoice_never_asks_for_a_fraction(cost_sats: int, balances: list[int]) -> None:
    cost = cost_sats * 1_000
    given_ = taken(cost, balances, invoice_unit("BTC"))
    assert len(given_) == len(balances)
    assert all(0 <= part <= balance for part, balance in zip(given_, balances, strict=True))
    left = cost - sum(given_)
    assert left >= 0
    assert left % 1_000 == 0
    # What stays behind could not have made another whole satoshi, unless it was not needed.
    assert left == 0 or sum(balances) - sum(given_) < 2_000


def test_other_currencies_have_no_smaller_unit() -> None:
    assert (invoice_unit("BTC"), invoice_unit("EUR"), invoice_unit("JPY")) == (1_000, 1, 1)
    assert taken(1_001, (500,), invoice_unit("EUR")) == (500,)


def test_the_total_of_postings() -> None:
    assert total(shares(msats(12_345), {FEES: 3}, rest=POOL)) == 12_345
