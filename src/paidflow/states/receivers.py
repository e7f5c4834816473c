"""Who may be paid directly, by a wrapped payment, and what becomes of the other payouts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from paidflow.ledger.accounts import POOL
from paidflow.money import Money
from paidflow.states.postings import Posting, Postings


@dataclass(frozen=True, slots=True)
class Receiver:
    """Somebody whose share of an action may go out to his own wallet.

    Args:
        account: the payout that goes out instead of being posted, such as ``purse("ann")``.
        wallet: the name of his wallet among those that the flow was opened with.
    """

    account: str
    wallet: str


def payouts_beside(payouts: Postings, receiver: Receiver, out: Posting) -> Postings:
    """The payouts when the receiver has been paid already.

    Args:
        payouts: as they were declared.
        receiver: who has been paid.
        out: the account that this was paid from, and how much, fee included; the pool gets what is
            left of the share and pays the fee.
    """
    return tuple(line for line in _beside(payouts, receiver, out) if line.amount.amount)


def _beside(payouts: Postings, receiver: Receiver, out: Posting) -> Iterator[Posting]:
    pool = 0
    for line in payouts:
        if line.account == receiver.account:
            pool += line.amount.amount - out.amount.amount
            yield out
        elif line.account == POOL:
            pool += line.amount.amount
        else:
            yield line
    yield Posting(POOL, Money(pool, out.amount.currency))
