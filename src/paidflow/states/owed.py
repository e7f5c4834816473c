"""What an action owes next, and when to look: the status row is the schedule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from paidflow.states.aggregate import ABOUT_HOOKS, Aggregate, Fact
from paidflow.states.answers import InstantDeadline
from paidflow.states.decide import MARGIN, accepts_late
from paidflow.states.machine import State

SWEEP = timedelta(minutes=10)
"""How often an unpaid invoice is looked at when no message comes."""

HAND_OVER = timedelta(seconds=5)
"""How long a worker leaves work to whoever has just recorded that it is owed."""

WATCH_FOR = timedelta(days=1)
"""How long an invoice that only counts as closed is still looked at: money may come late."""

HOOK_TRIES = 10
"""How often a hook may raise before a person is asked."""


class OwedKind(StrEnum):
    """The kinds of owed work."""

    INVOICE = "invoice"
    PAYMENT = "payment"
    HOLD = "hold"
    PERFORM = "perform"
    CAPTURE = "capture"
    CLOSE = "close"
    COMPLETE = "complete"
    LATE = "late"
    UNDO = "undo"
    CLOSE_OTHER = "close_other"
    AFTER_PAID = "after_paid"
    WATCH = "watch"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Owed:
    """Something that has to happen next.

    Args:
        kind: what.
        due_at: when to look next, UTC.
        deadline_at: when it must be done, if there is such a moment.
    """

    kind: OwedKind
    due_at: datetime
    deadline_at: datetime | None = None


def owed(a: Aggregate, now: datetime) -> Owed | None:
    """What the action owes next; ``None`` when it is finished."""
    kind = _kind(a, now)
    if kind is None:
        return None
    if kind is OwedKind.WATCH:
        return Owed(kind, now + SWEEP, _watched_until(a))
    if kind in (OwedKind.PAYMENT, OwedKind.HOLD):
        return Owed(kind, _next_look(a, now), a.current.expires_at if a.current else None)
    due_at = now if kind in (OwedKind.AFTER_PAID, OwedKind.PERSON) else now + HAND_OVER
    return Owed(kind, due_at, _deadline(a, kind))


_FIRST = frozenset({State.HELD, State.CAPTURING, State.CANCELLING})
"""Here the money of the current attempt comes first."""


def _kind(a: Aggregate, now: datetime) -> OwedKind | None:
    settled = a.current is not None and a.current.fact is Fact.SETTLED
    hook_fails = a.attention in ABOUT_HOOKS
    if a.to_close is not None and a.state not in _FIRST:
        return OwedKind.CLOSE_OTHER
    match a.state:
        case State.RETRYING:
            return OwedKind.LATE if accepts_late(a) else OwedKind.INVOICE
        case State.PENDING | State.CAPTURING | State.CANCELLING if settled:
            return OwedKind.PERSON if hook_fails else OwedKind.COMPLETE
        case State.PENDING:
            return OwedKind.LATE if accepts_late(a) else OwedKind.PAYMENT
        case State.PENDING_HELD:
            return OwedKind.HOLD
        case State.HELD:
            return OwedKind.PERSON if hook_fails and settled else OwedKind.PERFORM
        case State.CAPTURING:
            return OwedKind.CAPTURE
        case State.CANCELLING:
            return OwedKind.CLOSE
        case _:
            return _kind_final(a, now, hook_fails)


def _kind_final(a: Aggregate, now: datetime, hook_fails: bool) -> OwedKind | None:
    if a.state is State.FAILED and accepts_late(a):
        return OwedKind.LATE
    if a.undo_owed and not hook_fails:
        return OwedKind.UNDO
    if a.after_paid_owed and not hook_fails:
        return OwedKind.AFTER_PAID
    until = _watched_until(a)
    if until is not None and now < until:
        return OwedKind.WATCH
    return OwedKind.PERSON if a.attention is not None else None


def _watched_until(a: Aggregate) -> datetime | None:
    ends = [attempt.assumed_closed_at for attempt in a.attempts if attempt.only_assumed]
    return max((end + WATCH_FOR for end in ends if end is not None), default=None)


def _next_look(a: Aggregate, now: datetime) -> datetime:
    expires_at = a.current.expires_at if a.current else None
    if expires_at is None or expires_at <= now:
        return now + SWEEP
    return min(now + SWEEP, expires_at + timedelta(seconds=1))


def _deadline(a: Aggregate, kind: OwedKind) -> datetime | None:
    if kind is OwedKind.INVOICE:
        return a.creation_deadline
    deadline = a.current.hold_deadline if a.current else None
    if kind in (OwedKind.PERFORM, OwedKind.CAPTURE) and isinstance(deadline, InstantDeadline):
        return deadline.at - MARGIN
    return None
