"""Money in several currencies: at most one amount of each, in alphabetical order, none of zero."""

from __future__ import annotations

from paidflow.money import Money

Amounts = tuple[Money, ...]


def amount_in(amounts: Amounts, currency: str) -> int:
    """How much there is of one currency, in minor units."""
    return next((money.amount for money in amounts if money.currency == currency), 0)


def added(amounts: Amounts, money: Money) -> Amounts:
    """The amounts and one more."""
    number = amount_in(amounts, money.currency) + money.amount
    rest = [other for other in amounts if other.currency != money.currency]
    more = [Money(number, money.currency)] if number else []
    return tuple(sorted(rest + more, key=_currency))


def less(amounts: Amounts, money: Money) -> Amounts:
    """The amounts without one."""
    return added(amounts, Money(-money.amount, money.currency))


def at_most(amounts: Amounts, limits: Amounts) -> Amounts:
    """Of each currency what there is, but no more than the limit; without a limit, nothing."""
    capped: Amounts = ()
    for money in amounts:
        most = amount_in(limits, money.currency)
        capped = added(capped, Money(min(money.amount, most), money.currency))
    return capped


def _currency(money: Money) -> str:
    return money.currency
