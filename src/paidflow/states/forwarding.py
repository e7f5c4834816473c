"""Wrapped payments: the payer's locked money pays a receiver directly. Pure functions.

The receiver's invoice and the payer's have the same payment hash, so what proves that the receiver
was paid releases the payer's money. Until the outgoing payment is certainly over, the hold stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.attempt import Attempt, Fact
from paidflow.states.events import Events
from paidflow.states.machine import State
from paidflow.states.paying_out import NOT_THEIRS
from paidflow.states.receivers import Receiver

CAPTURE_TIME = timedelta(minutes=20)
CAPTURE_BLOCKS = 80
"""How long before the end of the hold the outgoing payment must be over, so that there is time to
capture. stacker.news leaves as many (``MIN_SETTLEMENT_CLTV_DELTA`` in wallets/server/wrap.js).
"""

LOCK_MIN = timedelta(minutes=10)
LOCK_BLOCKS_MIN = 40
"""With less than this an outgoing payment is not worth trying; 40 blocks is one hop of LND."""


UNSENT_MAX = 2
"""So often a wallet may go unpaid without its fault; then the payer does not have to try again for
ever, and its owner gets credits at last."""


def receivers_left(a: Aggregate) -> Iterator[Receiver]:
    """Those who may still be paid directly: not whose wallet failed, and one of them only."""
    failed = {t.receiver.wallet for t in a.attempts if t.receiver and t.receiver_failed}
    unsent = Counter(t.receiver.wallet for t in a.attempts if t.receiver and _unsent(a, t))
    failed |= {wallet for wallet, times in unsent.items() if times >= UNSENT_MAX}
    if a.passed_on is None:
        yield from (one for one in a.receivers if one.wallet not in failed)


def _unsent(a: Aggregate, attempt: Attempt) -> bool:
    return attempt.pay_out > 0 and a.pay_outs[attempt.pay_out - 1].failure in NOT_THEIRS


def request_forward(a: Aggregate, held: ans.Held, now: datetime, give_up_at: datetime) -> Events:
    """The steps before money is sent to the receiver; they can be recorded only once.

    Args:
        a: the action in HELD, with all facts folded in.
        held: the hold as the gateway shows it at this very moment.
        now: the current moment, UTC.
        give_up_at: until when the gateway may begin to send it, UTC.

    Returns:
        The release of the money if there is too little time to pass it on; nothing when it is not
        to be passed on.
    """
    attempt = a.current
    if a.state is not State.HELD or attempt is None or attempt.receiver is None:
        return ()
    if attempt.fact is not Fact.HELD:
        return ()
    if _too_short(held, now):
        return (e.CancelRequested(reason=e.FailureReason.TIME_LOCK_TOO_SHORT),)
    work = () if a.performed else (e.Performed(),)
    return (*work, e.PayOutRequested(number=attempt.pay_out, give_up_at=give_up_at))


def pay_until(deadline: ans.HoldDeadline) -> ans.HoldDeadline:
    """When the outgoing payment must be over, so that the payer's money can still be captured."""
    match deadline:
        case ans.InstantDeadline(at):
            return ans.InstantDeadline(at - CAPTURE_TIME)
        case ans.HeightDeadline(height):
            return ans.HeightDeadline(height - CAPTURE_BLOCKS)


def _too_short(held: ans.Held, now: datetime) -> bool:
    match pay_until(held.deadline):
        case ans.InstantDeadline(at):
            return at - now < LOCK_MIN
        case ans.HeightDeadline(height):
            return held.height is None or height - held.height < LOCK_BLOCKS_MIN
