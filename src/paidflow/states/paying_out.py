"""What follows from what a gateway says about a payment to somebody else. Pure, as ``decide``.

A gateway that does not know a payment proves nothing, until it would not begin it any more.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from paidflow.money import Money
from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.machine import FINAL, State
from paidflow.states.pay_out import PayOut, PayOutFact

SEND_MARGIN = timedelta(minutes=5)
"""How long after it gave up a gateway may still come to know a payment; clocks differ, too."""


def learn_pay_out(
    a: Aggregate,
    answer: ans.PaymentAnswer,
    now: datetime,
    outcome: ans.CommandOutcome | None = None,
) -> tuple[e.Event, ...]:
    """The new facts in an answer. Facts only grow; what is already known gives nothing.

    Args:
        a: the action as it was before the gateway was asked.
        answer: what the gateway said, and about which payment.
        now: the current moment, UTC.
        outcome: what the one command to pay out was answered; only whoever has sent it knows.
    """
    pay_out = _asked_about(a, answer)
    if pay_out is None:
        return ()
    if pay_out.fact is PayOutFact.PLANNED:
        return _sent_before(a, pay_out, answer.lookup, now)
    match answer.lookup:
        case ans.PaidOut(amount=amount, fee=fee) if pay_out.fact is not PayOutFact.SETTLED:
            failed = pay_out.fact is PayOutFact.FAILED
            return _settled(pay_out, amount, fee, failed=failed)
        case ans.PayFailed(reason) if not pay_out.over:
            return (e.PayOutFailed(number=pay_out.number, reason=reason),)
        case _ if pay_out.fact is not PayOutFact.REQUESTED:
            return ()
        case ans.NotFound() | ans.Unreachable() if _never_sent(pay_out, answer, now, outcome):
            return (e.PayOutFailed(number=pay_out.number, reason=ans.PayFailure.NOT_SENT),)
        case ans.InFlight():
            return (e.PayOutSeen(number=pay_out.number),)
        case _ if isinstance(outcome, ans.Accepted):
            return (e.PayOutSeen(number=pay_out.number),)
        case _:
            return ()


def _sent_before(
    a: Aggregate, pay_out: PayOut, lookup: ans.PaymentLookup, now: datetime
) -> tuple[e.Event, ...]:
    """What follows if a gateway knows a payment that was not sent, as far as this log tells.

    The log was restored, and was sent from by what came after the backup.
    """
    asked: tuple[e.Event, ...] = ()
    if a.mode is not e.Mode.PAY_OUT and a.state not in FINAL:
        return ()  # it is about to be passed on, and is looked up then
    if a.state is State.RETRYING:
        asked = (e.PayOutRequested(number=pay_out.number, give_up_at=now),)
    match lookup:
        case ans.PaidOut(amount=amount, fee=fee):
            settled = _settled(pay_out, amount, fee, failed=not asked)
            return asked + settled if settled else ()
        case ans.InFlight() if asked:
            return (*asked, e.PayOutSeen(number=pay_out.number))
        case _:
            return ()


def _settled(pay_out: PayOut, amount: Money, fee: Money, *, failed: bool) -> tuple[e.Event, ...]:
    if not amount.currency == fee.currency == pay_out.amount.currency:
        return ()  # nonsense; after a while a person is asked
    settled = e.PayOutSettled(
        number=pay_out.number, gateway=pay_out.gateway, amount=amount, fee=fee
    )
    if failed:
        return (settled, e.AttentionAsked(reason=e.AttentionReason.PAID_OUT_LATE))
    return (settled,)


def _never_sent(
    pay_out: PayOut,
    answer: ans.PaymentAnswer,
    now: datetime,
    outcome: ans.CommandOutcome | None,
) -> bool:
    """Whether a payment that the gateway does not show was certainly never begun."""
    if isinstance(outcome, ans.NotSent):
        return True
    if isinstance(answer.lookup, ans.Unreachable):
        return False
    if isinstance(outcome, ans.Declined):
        return True
    return pay_out.give_up_at is not None and now > pay_out.give_up_at + SEND_MARGIN


def _asked_about(a: Aggregate, answer: ans.PaymentAnswer) -> PayOut | None:
    """The payment of an answer; the last one, if several that were not sent have this id."""
    for pay_out in reversed(a.pay_outs):
        if (pay_out.gateway, pay_out.payment_id) == (answer.gateway, answer.payment_id):
            return pay_out
    return None


def step_forwarding(a: Aggregate) -> tuple[e.Event, ...]:
    """The step that is due when it is known how the payment ended."""
    pay_out = a.pay_out
    if pay_out is None:
        return ()
    if a.mode is not e.Mode.PAY_OUT:
        return _step_wrapped(pay_out)
    if pay_out.fact is PayOutFact.SETTLED:
        return (e.Paid(source="purses", amount=a.cost, late=False, after_paid_owed=True),)
    if pay_out.fact is PayOutFact.FAILED:
        return (e.Failed(reason=e.FailureReason.PAY_OUT_FAILED, undo_owed=False),)
    return ()


NOT_THEIRS = frozenset({ans.PayFailure.NOT_SENT, ans.PayFailure.INSUFFICIENT_BALANCE})
"""In these cases the receiver could not help it."""


def _step_wrapped(pay_out: PayOut) -> tuple[e.Event, ...]:
    """The payer's money is captured if the receiver has his, and let go if he certainly has not."""
    if pay_out.fact is PayOutFact.SETTLED:
        return (e.CaptureRequested(),)
    if pay_out.fact is PayOutFact.FAILED:
        ours = pay_out.failure in NOT_THEIRS
        reason = e.FailureReason.FORWARD_NOT_SENT if ours else e.FailureReason.FORWARD_FAILED
        return (e.CancelRequested(reason=reason),)
    return ()
