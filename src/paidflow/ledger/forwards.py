"""What a wrapped payment does to the payouts of an action: one of them goes out directly.

The way to the receiver is paid by the pool. Its budget is 3/70 of the share, as in stacker.news,
where 70 % of a payment go to the receiver, 21 % to the territory and 9 % to the pool, of which 3 %
may be spent on the way (api/payIn/types/zap.js).
"""

from __future__ import annotations

from paidflow.ledger.accounts import POOL
from paidflow.money import Money
from paidflow.states.postings import Postings, total
from paidflow.states.receivers import Receiver

FEE_PARTS, SHARE_PARTS = 3, 70


def share_of(payouts: Postings, receiver: Receiver) -> Money:
    """What a receiver gets of an action; he has one payout and no more."""
    (amount,) = (line.amount for line in payouts if line.account == receiver.account)
    return amount


def fee_budget(payouts: Postings, share: Money) -> Money:
    """What the way to a receiver may cost: 3/70 of his share, rounded down, if the pool has it."""
    pool = total(line for line in payouts if line.account == POOL)
    return Money(min(share.amount * FEE_PARTS // SHARE_PARTS, pool), share.currency)
