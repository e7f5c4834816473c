"""What follows when somebody cancels or retries, and when work or a command came to nothing."""

from __future__ import annotations

from datetime import datetime

from paidflow.errors import NotCancellable, NotRetriable
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.attempt import Fact
from paidflow.states.events import Events
from paidflow.states.evolve import fold
from paidflow.states.late import dispose
from paidflow.states.machine import State

STAYS_CANCELLING = frozenset(
    {
        e.FailureReason.EXECUTION_FAILED,
        e.FailureReason.CAPTURE_DECLINED,
        e.FailureReason.UNDERPAID,
        e.FailureReason.HELD_TOO_LONG,
        e.FailureReason.TIME_LOCK_TOO_SHORT,
        e.FailureReason.FORWARD_FAILED,
        e.FailureReason.FORWARD_NOT_SENT,
    }
)


def perform_raised(a: Aggregate) -> Events:
    """What follows when the work of a paid-for action raised: the money is let go.

    Args:
        a: the action in HELD, with all facts folded in.
    """
    if a.current is not None and a.current.fact is Fact.SETTLED:
        failed: Events = (e.Failed(reason=e.FailureReason.EXECUTION_FAILED, undo_owed=False),)
        return failed + dispose(fold(a, failed))
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
        failed: Events = (e.Failed(reason=reason, undo_owed=False),)
        return failed + dispose(fold(a, failed))
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


def capture_declined(a: Aggregate) -> Events:
    """What follows when the gateway refuses to capture and still holds the money: it is let go.

    Not when a receiver has been paid with it: then a person is asked, and it is tried again.
    """
    if not a.advanced:
        return (e.CancelRequested(reason=e.FailureReason.CAPTURE_DECLINED),)
    asked = a.attention is not None
    return () if asked else (e.AttentionAsked(reason=e.AttentionReason.CAPTURE_OVERDUE),)


def retry(a: Aggregate, until: datetime) -> Events:
    """The first event of a retry.

    Args:
        a: the action.
        until: how long a new invoice is tried for, UTC.

    Raises:
        NotRetriable: when it did not fail.
    """
    arrived = a.mode is e.Mode.PAY_OUT and a.arrived
    if a.state is not State.FAILED or arrived:
        raise NotRetriable("the money has arrived" if arrived else "", state=a.state)
    return (e.RetryRequested(until=until, redone=a.undone),)
