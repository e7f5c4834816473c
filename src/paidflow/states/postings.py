"""An account and an amount: one line of what is paid in for an action, or paid out by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from paidflow.money import Money


@dataclass(frozen=True, slots=True)
class Posting:
    """A line of a payment.

    Args:
        account: the account that gives or gets, such as ``purse("ann")``.
        amount: how much; zero or more.
    """

    account: str
    amount: Money


Postings = tuple[Posting, ...]


def total(postings: Iterable[Posting]) -> int:
    """The sum of postings of one currency, in minor units."""
    return sum(posting.amount.amount for posting in postings)


def added(postings: Postings, more: Postings, sign: int = 1) -> Postings:
    """Postings with others added: one line for each account and currency, none of zero.

    Args:
        postings: some.
        more: the others.
        sign: -1 takes the others away.
    """
    sums: Counter[tuple[str, str]] = Counter()
    for lines, factor in ((postings, 1), (more, sign)):
        for line in lines:
            sums[line.account, line.amount.currency] += factor * line.amount.amount
    return tuple(
        Posting(account, Money(amount, currency))
        for (account, currency), amount in sums.items()
        if amount
    )


def in_turn(amount: int, postings: Postings) -> Postings:
    """So many minor units of postings, taken from one after the other, as far as they go."""
    parts: list[Posting] = []
    for line in postings:
        part = min(amount, line.amount.amount)
        amount -= part
        if part:
            parts.append(Posting(line.account, Money(part, line.amount.currency)))
    return tuple(parts)


def pro_rata(amount: int, postings: Postings) -> Postings:
    """So many minor units of postings, from each in proportion to what it has.

    Shares are rounded down. The units that are left over go one by one to those who lost most by
    rounding, the last of equals first (Hare's quota, largest remainder), so no line gives more than
    it has.

    Args:
        amount: in minor units, at most the sum of the postings.
        postings: of one currency, one line for each account.
    """
    whole = total(postings)
    if not amount:
        return ()
    shares = [divmod(amount * line.amount.amount, whole) for line in postings]
    left = amount - sum(share for share, _ in shares)
    losers = sorted(range(len(shares)), key=lambda place: (-shares[place][1], -place))
    more = frozenset(losers[:left])
    parts = [
        Posting(line.account, Money(share + (place in more), line.amount.currency))
        for place, (line, (share, _)) in enumerate(zip(postings, shares, strict=True))
    ]
    return tuple(part for part in parts if part.amount.amount)


@dataclass(frozen=True, slots=True)
class Taken:
    """From whom money is taken that goes back, and who gets it if it comes back once more.

    All of it is in the currency of the event which it belongs to, but for what the payees give:
    that is in the currency of the cost, as they got it.

    Args:
        unassigned: minor units that were nobody's yet.
        price: minor units that had paid for the action; ``payees`` give them.
        payees: what those give whom the action has paid.
        credited: what purses give that got what the action did not need.
        lost: minor units that nobody can be asked for.
    """

    unassigned: int = 0
    price: int = 0
    payees: Postings = ()
    credited: Postings = ()
    lost: int = 0
