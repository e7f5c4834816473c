"""What follows from what a gateway answered: pure functions of (aggregate, answer, now).

``learn`` turns an answer into facts. ``advance`` looks only at the facts and says which steps are
due. ``decide`` is both. No clock, no database, no gateway: the same input gives the same events.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from paidflow.errors import NotCancellable, NotRetriable
from paidflow.money import Money
from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate, Attempt, Fact, fold
from paidflow.states.machine import State

Events = tuple[e.Event, ...]

MARGIN = timedelta(minutes=10)
MARGIN_BLOCKS = 12
"""How long before the hold's deadline the money must be captured or released."""

NO_LATE_ACCEPT = frozenset({e.FailureReason.EXECUTION_FAILED, e.FailureReason.UNDERPAID})
STAYS_CANCELLING = frozenset(
    {
        e.FailureReason.EXECUTION_FAILED,
        e.FailureReason.CAPTURE_DECLINED,
        e.FailureReason.UNDERPAID,
        e.FailureReason.HELD_TOO_LONG,
    }
)


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


def learn(a: Aggregate, answer: ans.Answer, now: datetime) -> Events:
    """The new facts in an answer. Facts only grow; what is already known gives nothing.

    An answer about another attempt than the current one is ignored, except money that settled.
    """
    attempt = a.attempt_of(answer.gateway, answer.invoice_id)
    if attempt is None:
        return ()
    lookup, number = answer.lookup, attempt.number
    if isinstance(lookup, ans.Settled):
        return _learn_settled(a, attempt, lookup.amount)
    if attempt.only_assumed:
        return _learn_assumed(attempt, lookup)
    if attempt is not a.current or attempt.dead:
        return ()
    match lookup:
        case ans.Held() if attempt.fact < Fact.HELD and attempt.hold:
            return (e.HoldSeen(number=number, amount=lookup.amount, deadline=lookup.deadline),)
        case ans.Cancelled():
            return (e.AttemptClosed(number=number, closure=e.Closure.CANCELLED),)
        case ans.Expired():
            return (e.AttemptClosed(number=number, closure=e.Closure.EXPIRED),)
        case ans.Open() | ans.NotFound() if _assumed_dead(attempt, now):
            return (e.AttemptClosed(number=number, closure=e.Closure.ASSUMED),)
        case _:
            return ()


def _learn_assumed(attempt: Attempt, lookup: ans.Lookup) -> Events:
    """An invoice that only counted as closed may still lock somebody's money."""
    match lookup:
        case ans.Held() if not attempt.late_hold:
            return (e.LateHoldSeen(number=attempt.number, amount=lookup.amount),)
        case ans.Cancelled() | ans.Expired():
            return (e.AttemptClosed(number=attempt.number, closure=e.Closure.CANCELLED),)
        case _:
            return ()


def _learn_settled(a: Aggregate, attempt: Attempt, amount: Money) -> Events:
    if amount.currency != a.cost.currency:
        if attempt.fact is Fact.SETTLED:
            return ()
        return (
            e.PaymentSeen(number=attempt.number, gateway=attempt.gateway, amount=amount),
            e.AttentionAsked(reason=e.AttentionReason.WRONG_CURRENCY),
        )
    if amount.amount <= attempt.received and attempt.fact is Fact.SETTLED:
        return ()
    new = Money(amount.amount - attempt.received, amount.currency)
    return (e.PaymentSeen(number=attempt.number, gateway=attempt.gateway, amount=new),)


def _assumed_dead(attempt: Attempt, now: datetime) -> bool:
    return attempt.assumed_closed_at is not None and now >= attempt.assumed_closed_at


def advance(a: Aggregate, now: datetime, held: ans.Held | None = None) -> Events:
    """The steps that the known facts make due, for one transaction; empty when nothing is due.

    Args:
        a: the action with all facts folded in.
        now: the current moment, UTC.
        held: the hold as the gateway shows it at this very moment; nobody performs without it.
    """
    step = _step(a, now, held)
    after = fold(a, step) if step else a
    return step + _dispose(after)


def _step(a: Aggregate, now: datetime, held: ans.Held | None) -> Events:
    attempt = a.current
    if a.state in (State.FAILED, State.RETRYING):
        if accepts_late(a):
            return late_steps(a)
        if a.state is State.RETRYING and a.creation_deadline and now >= a.creation_deadline:
            return (_failed(e.FailureReason.CREATION_FAILED),)
        return ()
    if attempt is None or a.state is State.PAID:
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
            if attempt.fact is Fact.SETTLED:
                return _paid_or_underpaid(a, attempt)
            return (_failed(e.FailureReason.HOLD_LOST),) if attempt.dead else ()
        case State.CANCELLING:
            return _step_cancelling(a, attempt)
        case _:
            return ()


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
        return (*work, e.CaptureRequested(), _paid(a))
    if attempt.dead:
        return (_failed(e.FailureReason.HOLD_LOST),)
    if attempt.held < attempt.amount.amount:
        return (e.CancelRequested(reason=e.FailureReason.UNDERPAID),)
    if deadline_is_near(attempt.hold_deadline, now, held.height if held else None):
        return (e.CancelRequested(reason=e.FailureReason.HELD_TOO_LONG),)
    return (*work, e.CaptureRequested()) if held else ()


def _step_cancelling(a: Aggregate, attempt: Attempt) -> Events:
    if attempt.fact is Fact.SETTLED and a.performed and _enough(a, attempt):
        return (_paid(a),)
    if attempt.dead:
        return (_failed(a.cancel_reason or e.FailureReason.SYSTEM_CANCELLED),)
    return ()


def _paid_or_underpaid(a: Aggregate, attempt: Attempt) -> Events:
    return (_paid(a),) if _enough(a, attempt) else (_failed(e.FailureReason.UNDERPAID),)


def _enough(a: Aggregate, attempt: Attempt) -> bool:
    """Whether what was asked for came, and has not been given away since."""
    return attempt.received >= attempt.amount.amount and a.unassigned >= a.cost.amount


def accepts_late(a: Aggregate) -> bool:
    """Whether unexpected money is to make this action real, if it still can be."""
    if a.unassigned < a.cost.amount or a.unassigned <= 0 or a.late_refused:
        return False
    if a.accept_granted:
        return True
    fresh = a.unassigned > a.decided
    wanted = a.late_policy is e.LatePolicy.ACCEPT and a.failure_reason not in NO_LATE_ACCEPT
    return wanted and fresh


def late_steps(a: Aggregate) -> Events:
    """The steps that make an action real with money that was not expected any more."""
    work = () if a.performed else (e.Performed(),)
    redo = (e.Redone(),) if a.undone else ()
    return (*work, *redo, _paid(a, late=True))


def _dispose(a: Aggregate) -> Events:
    """What becomes of received money that the action does not need."""
    surplus = a.unassigned
    needed = a.state not in (State.PAID, State.FAILED, State.RETRYING)
    if needed and a.current is not None and a.current.fact is Fact.SETTLED:
        return ()
    if surplus <= a.decided or (accepts_late(a) and a.state in _ACCEPTS_LATE):
        return ()
    if a.late_policy is e.LatePolicy.PERSON:
        asked = a.attention is not None
        return () if asked else (e.AttentionAsked(reason=e.AttentionReason.LATE_PAYMENT),)
    if a.actor is None:
        return ()
    amount = Money(surplus, a.cost.currency)
    return (e.PaymentCredited(amount=amount, actor=a.actor),)


_ACCEPTS_LATE = frozenset({State.FAILED, State.RETRYING, State.PENDING})


def deadline_is_near(deadline: ans.HoldDeadline | None, now: datetime, height: int | None) -> bool:
    """Whether the hold must be captured or released now, margin included."""
    match deadline:
        case ans.InstantDeadline(at):
            return now >= at - MARGIN
        case ans.HeightDeadline(at_height):
            return height is not None and height >= at_height - MARGIN_BLOCKS
        case None:
            return False


def refuse_late(a: Aggregate) -> Events:
    """What follows when late money cannot make the action real any more."""
    refused: Events = (e.LatePaymentRefused(),)
    return refused + _dispose(fold(a, refused))


def perform_raised(a: Aggregate) -> Events:
    """What follows when the work of a paid-for action raised: the money is let go.

    Args:
        a: the action in HELD, with all facts folded in.
    """
    if a.current is not None and a.current.fact is Fact.SETTLED:
        failed: Events = (_failed(e.FailureReason.EXECUTION_FAILED),)
        return failed + _dispose(fold(a, failed))
    return (e.CancelRequested(reason=e.FailureReason.EXECUTION_FAILED),)


def cancel(a: Aggregate, reason: e.FailureReason) -> Events:
    """The intent to cancel.

    Raises:
        NotCancellable: when the money is already there, or the action is over.
    """
    settled = a.current is not None and a.current.fact is Fact.SETTLED
    if a.state is State.CANCELLING or (a.state is State.FAILED and a.failure_reason is reason):
        return ()
    if a.state is State.RETRYING:
        failed: Events = (_failed(reason),)
        return failed + _dispose(fold(a, failed))
    if a.state in (State.PENDING, State.PENDING_HELD, State.HELD) and not settled:
        return (e.CancelRequested(reason=reason),)
    raise NotCancellable(state=a.state)


def cancel_declined(a: Aggregate) -> Events:
    """What follows when the gateway refuses to cancel and the attempt is still alive."""
    attempt = a.current
    if a.state is not State.CANCELLING or a.cancel_reason in STAYS_CANCELLING:
        return ()
    if attempt is None or attempt.dead:
        return ()
    if attempt.fact is Fact.HELD:
        return (e.CancelDeclined(resumed=State.HELD),)
    if attempt.hold:
        return (e.CancelDeclined(resumed=State.PENDING_HELD),)
    return (e.CancelDeclined(resumed=State.PENDING),)


def retry(a: Aggregate, until: datetime) -> Events:
    """The first event of a retry.

    Args:
        a: the action.
        until: how long a new invoice is tried for, UTC.

    Raises:
        NotRetriable: when it did not fail.
    """
    if a.state is not State.FAILED:
        raise NotRetriable(state=a.state)
    return (e.RetryRequested(until=until, redone=a.undone),)


def _paid(a: Aggregate, *, late: bool = False) -> e.Paid:
    return e.Paid(source="invoice", amount=a.cost, late=late, after_paid_owed=True)


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
