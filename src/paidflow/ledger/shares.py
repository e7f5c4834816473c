"""Who gets what of an amount, and which purse gives what: whole minor units, nothing lost.

The rules are those of stacker.news: shares are rounded down and the remainder goes to one of them
(api/paidAction/zap.js), and an invoice never asks for a fraction of a satoshi.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paidflow.errors import InvalidAmount
from paidflow.money import Money
from paidflow.states.postings import Posting, Postings, total

PERCENT_MAX = 100


def shares(amount: Money, percents: Mapping[str, int], *, rest: str) -> Postings:
    """An amount divided by percentages, each rounded down; one account gets the remainder.

    Args:
        amount: what is divided; not negative.
        percents: account -> whole per cent, 0 to 100, at most 100 in all.
        rest: the account that gets what is left over.

    Raises:
        InvalidAmount: when the percentages or the amount make no sense.
    """
    if amount.amount < 0:
        raise InvalidAmount("a negative amount cannot be divided")
    percentages = list(percents.values())
    whole = all(type(percent) is int and percent >= 0 for percent in percentages)
    if not whole or sum(percentages) > PERCENT_MAX:
        raise InvalidAmount("shares are whole per cent, 0 to 100, at most 100 in all")
    parts = [
        Posting(account, Money(amount.amount * percent // PERCENT_MAX, amount.currency))
        for account, percent in percents.items()
    ]
    left = Posting(rest, Money(amount.amount - total(parts), amount.currency))
    return tuple(part for part in (*parts, left) if part.amount.amount)


def taken(cost: int, balances: Sequence[int], unit: int) -> tuple[int, ...]:
    """What each purse gives, so that the rest of the cost is a multiple of ``unit``.

    Args:
        cost: in minor units.
        balances: what is in the purses, in the order in which they are used; at most two.
        unit: the smallest amount that an invoice can ask for, in minor units.
    """
    if sum(balances) >= cost:
        given: list[int] = []
        for balance in balances:
            given.append(min(balance, cost - sum(given)))
        return tuple(given)
    first, *others = balances or (0,)
    second = others[0] if others else 0
    missing = (cost - first) % unit
    if second >= missing:
        pair = (first, missing + (second - missing) // unit * unit)
    else:
        pair = (first // unit * unit, second // unit * unit)
    return pair[: len(balances)]
