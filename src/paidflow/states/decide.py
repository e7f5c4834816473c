"""What follows from what a gateway answered: pure functions of (aggregate, answer, now).

``learn`` turns an answer into facts. ``advance`` looks only at the facts and says which steps are
due. ``decide`` is both. No clock, no database, no gateway: the same input gives the same events.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from paidflow.money import Money
from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.attempt import Attempt, Fact
from paidflow.states.events import Events
from paidflow.states.evolve import fold
from paidflow.states.late import accepts_late, dispose, late_steps, paid, payment_of
from paidflow.states.learn import learn
from paidflow.states.machine import REAL, State
from paidflow.states.paying_out import learn_pay_out, step_forwarding
from paidflow.states.reversals import step_reversed

MARGIN = timedelta(minutes=10)
MARGIN_BLOCKS = 12
"""How long before the hold's deadline the money must be captured or released."""


def decide(a: Aggregate, answer: ans.Answer, now: datetime) -> Events:
    """The events that follow from one answer.

    Args:
        a: the action as it was before the gateway was asked.
        answer: what the gateway said, and about which invoice.
        now: the current moment, UTC.

    Returns:
        Facts first, then the steps that are due because of them; empty when nothing follows.
    """
    facts = learn(a, answer, now)
    held = answer.lookup if isinstance(answer.lookup, ans.Held) else None
    return facts + advance(fold(a, facts), now, held)


def decide_pay_out(
    a: Aggregate,
    answer: ans.PaymentAnswer,
    now: datetime,
    outcome: ans.CommandOutcome | None = None,
) -> Events:
    """The events that follow from one answer about a payment to somebody else.

    Args:
        a: the action as it was before the gateway was asked.
        answer: what the gateway said, and about which payment.
        now: the current moment, UTC.
        outcome: what the command was answered, for whoever has just sent it.
    """
    facts = learn_pay_out(a, answer, now, outcome)
    return facts + advance(fold(a, facts), now)


def advance(a: Aggregate, now: datetime, held: ans.Held | None = None) -> Events:
    """The steps that the known facts make due, for one transaction; empty when nothing is due.

    Args:
        a: the action with all facts folded in.
        now: the current moment, UTC.
        held: the hold as the gateway shows it at this very moment; nobody performs without it.
    """
    step = _step(a, now, held)
    after = fold(a, step) if step else a
    return step + dispose(after)


def _step(a: Aggregate, now: datetime, held: ans.Held | None) -> Events:
    attempt = a.current
    if a.state in REAL:
        return step_reversed(a)
    if a.state in (State.FAILED, State.RETRYING):
        if accepts_late(a):
            return late_steps(a)
        return _step_retrying(a, now) if a.state is State.RETRYING else ()
    if a.state is State.FORWARDING:
        return step_forwarding(a)
    if attempt is None:
        return ()
    match a.state:
        case State.PENDING:
            return _step_pending(a, attempt)
        case State.PENDING_HELD:
            if attempt.fact in (Fact.HELD, Fact.SETTLED):
                return (e.Held(),)
            return (_failed(_closed_because(attempt)),) if attempt.dead else ()
        case State.HELD:
            return _step_held(a, attempt, now, held)
        case State.CAPTURING:
            return _step_capturing(a, attempt)
        case State.CANCELLING:
            return _step_cancelling(a, attempt)
        case _:
            return ()


def _step_retrying(a: Aggregate, now: datetime) -> Events:
    too_late = a.creation_deadline is not None and now >= a.creation_deadline
    if a.mode is not e.Mode.PAY_OUT:
        return (_failed(e.FailureReason.CREATION_FAILED),) if too_late else ()
    # Nothing more is sent to somebody who has an earlier payment that had failed for certain.
    return (_failed(e.FailureReason.PAY_OUT_FAILED),) if too_late or a.arrived else ()


def _step_pending(a: Aggregate, attempt: Attempt) -> Events:
    if attempt.fact is Fact.SETTLED:
        return _paid_or_underpaid(a, attempt)
    if accepts_late(a):
        return late_steps(a)
    return (_failed(_closed_because(attempt)),) if attempt.dead else ()


def _step_held(a: Aggregate, attempt: Attempt, now: datetime, held: ans.Held | None) -> Events:
    work = () if a.performed else (e.Performed(),)
    if attempt.fact is Fact.SETTLED:
        if not _enough(a, attempt):
            return (_failed(e.FailureReason.UNDERPAID),)
        return (*work, e.CaptureRequested(), paid(a))
    if attempt.dead:
        return (_failed(e.FailureReason.HOLD_LOST),)
    if attempt.held < attempt.amount.amount:
        return (e.CancelRequested(reason=e.FailureReason.UNDERPAID),)
    if deadline_is_near(attempt.hold_deadline, now, held.height if held else None):
        return (e.CancelRequested(reason=e.FailureReason.HELD_TOO_LONG),)
    if attempt.receiver is not None and a.passed_on is not None:
        return (e.CancelRequested(reason=e.FailureReason.FORWARD_NOT_SENT),)  # he has his share
    if attempt.receiver is not None:
        return ()  # the receiver comes first: ``forwarding.request_forward``
    return (*work, e.CaptureRequested()) if held else ()


def _step_capturing(a: Aggregate, attempt: Attempt) -> Events:
    if attempt.fact is Fact.SETTLED and _enough(a, attempt):
        return (paid(a),)
    if not attempt.dead:
        return ()
    settled = attempt.fact is Fact.SETTLED
    failed = _failed(e.FailureReason.UNDERPAID if settled else e.FailureReason.HOLD_LOST)
    if not a.advanced:
        return (failed,)
    lost = Money(a.advanced, a.cost.currency)
    asked = e.AttentionAsked(reason=e.AttentionReason.FORWARD_LOST)
    return (failed, e.ForwardLost(amount=lost), asked)


def _step_cancelling(a: Aggregate, attempt: Attempt) -> Events:
    if attempt.fact is Fact.SETTLED and a.performed and _enough(a, attempt):
        return (paid(a),)
    if attempt.dead:
        return (_failed(a.cancel_reason or e.FailureReason.SYSTEM_CANCELLED),)
    return ()


def _paid_or_underpaid(a: Aggregate, attempt: Attempt) -> Events:
    return (paid(a),) if _enough(a, attempt) else (_failed(e.FailureReason.UNDERPAID),)


def _enough(a: Aggregate, attempt: Attempt) -> bool:
    """Whether what was asked for came, and has not been given away since."""
    return attempt.received >= attempt.amount.amount and payment_of(a) is not None


def deadline_is_near(deadline: ans.HoldDeadline | None, now: datetime, height: int | None) -> bool:
    """Whether the hold must be captured or released now, margin included."""
    match deadline:
        case ans.InstantDeadline(at):
            return now >= at - MARGIN
        case ans.HeightDeadline(at_height):
            return height is not None and height >= at_height - MARGIN_BLOCKS
        case None:
            return False


def _failed(reason: e.FailureReason) -> e.Failed:
    return e.Failed(reason=reason, undo_owed=False)


def _closed_because(attempt: Attempt) -> e.FailureReason:
    match attempt.closure:
        case e.Closure.CANCELLED:
            return e.FailureReason.GATEWAY_CANCELLED
        case e.Closure.CREATION_FAILED:
            return e.FailureReason.CREATION_FAILED
        case _:
            return e.FailureReason.EXPIRED
