"""Amounts in several currencies are added and taken away, and none is ever mixed with another."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from paidflow.money import Money
from paidflow.states.amounts import Amounts, added, amount_in, at_most, less

MONEY = st.builds(Money, st.integers(-(10**12), 10**12), st.sampled_from(("BTC", "EUR", "JPY")))


def of(money: list[Money]) -> Amounts:
    amounts: Amounts = ()
    for one in money:
        amounts = added(amounts, one)
    return amounts


@given(st.lists(MONEY))
def test_they_are_the_sums(money: list[Money]) -> None:
    sums: Counter[str] = Counter()
    for one in money:
        sums[one.currency] += one.amount
    amounts = of(money)
    assert {one.currency: one.amount for one in amounts} == {c: n for c, n in sums.items() if n}
    assert [one.currency for one in amounts] == sorted({one.currency for one in amounts})


@given(st.lists(MONEY), MONEY)
def test_less_takes_back_what_added_has_added(money: list[Money], one: Money) -> None:
    amounts = of(money)
    assert less(added(amounts, one), one) == amounts


@given(st.lists(MONEY), st.lists(MONEY))
def test_at_most_the_limit(money: list[Money], limits: list[Money]) -> None:
    amounts, most = of(money), of(limits)
    capped = at_most(amounts, most)
    for one in amounts:
        expected = min(one.amount, amount_in(most, one.currency))
        assert amount_in(capped, one.currency) == expected
    assert {one.currency for one in capped} <= {one.currency for one in amounts}
