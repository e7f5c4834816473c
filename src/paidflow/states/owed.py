"""What an action owes next, and when to look: the status row is the schedule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from paidflow.states.aggregate import Aggregate
from paidflow.states.answers import HeightDeadline, HoldDeadline, InstantDeadline
from paidflow.states.attempt import Fact
from paidflow.states.decide import MARGIN, MARGIN_BLOCKS
from paidflow.states.events import ABOUT_HOOKS, Mode
from paidflow.states.late import accepts_late
from paidflow.states.machine import FINAL, REAL, State
from paidflow.states.paying_out import SEND_MARGIN
from paidflow.states.reversals import due_refund, standing, undecided

SWEEP = timedelta(minutes=10)
"""How often an unpaid invoice is looked at when no message comes."""

HAND_OVER = timedelta(seconds=5)
"""How long a worker leaves work to whoever has just recorded that it is owed."""

WATCH_FOR = timedelta(days=1)
"""How long an invoice that only counts as closed is still looked at: money may come late."""

REVERSAL_SWEEP = timedelta(days=1)
"""How often a dispute, or a refund on its way, is looked at when no message comes."""

HOOK_TRIES = 10
"""How often a hook may raise before a person is asked."""


class OwedKind(StrEnum):
    """The kinds of owed work."""

    INVOICE = "invoice"
    PAYMENT = "payment"
    HOLD = "hold"
    PERFORM = "perform"
    PAY_OUT = "pay_out"
    FORWARD = "forward"
    CAPTURE = "capture"
    CLOSE = "close"
    COMPLETE = "complete"
    LATE = "late"
    UNDO = "undo"
    CLOSE_OTHER = "close_other"
    AFTER_PAID = "after_paid"
    REFUND = "refund"
    REVERSAL = "reversal"
    WATCH = "watch"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Owed:
    """Something that has to happen next.

    Args:
        kind: what.
        due_at: when to look next, UTC.
        deadline_at: when it must be done, if there is such a moment.
        deadline_height: at which height of the chain it must be done, if there is such a height.
    """

    kind: OwedKind
    due_at: datetime
    deadline_at: datetime | None = None
    deadline_height: int | None = None


def owed(a: Aggregate, now: datetime) -> Owed | None:
    """What the action owes next; ``None`` when it is finished."""
    kind = _kind(a, now)
    if kind is None:
        return None
    if kind is OwedKind.WATCH:
        return Owed(kind, now + SWEEP, _watched_until(a))
    if kind is OwedKind.REVERSAL:
        return Owed(kind, now + REVERSAL_SWEEP)
    if kind in (OwedKind.PAYMENT, OwedKind.HOLD):
        return Owed(kind, _next_look(a, now), a.current.expires_at if a.current else None)
    due_at = now if kind in (OwedKind.AFTER_PAID, OwedKind.PERSON) else now + HAND_OVER
    return Owed(kind, due_at, _deadline(a, kind), _deadline_height(a, kind))


_FIRST = frozenset({State.HELD, State.FORWARDING, State.CAPTURING, State.CANCELLING})
"""Here the money of the current attempt comes first."""


def _kind(a: Aggregate, now: datetime) -> OwedKind | None:
    hook_fails = a.attention in ABOUT_HOOKS
    if a.state not in _FIRST and a.to_close is not None:
        return OwedKind.CLOSE_OTHER
    if a.state in FINAL:
        return _kind_final(a, now, hook_fails)
    settled = a.current is not None and a.current.fact is Fact.SETTLED
    match a.state:
        case State.RETRYING if a.mode is Mode.PAY_OUT:
            return OwedKind.PAY_OUT
        case State.FORWARDING if a.pay_out is not None and a.pay_out.over:
            waits = hook_fails and a.mode is Mode.PAY_OUT  # a payer's money must never wait
            return OwedKind.PERSON if waits else OwedKind.COMPLETE
        case State.FORWARDING:
            return OwedKind.FORWARD
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
            return None


def _kind_final(a: Aggregate, now: datetime, hook_fails: bool) -> OwedKind | None:
    if a.state is State.FAILED and accepts_late(a):
        return OwedKind.LATE
    if due_refund(a) is not None:
        return OwedKind.REFUND
    if not hook_fails and (hook := _hook_owed(a)) is not None:
        return hook
    until = _watched_until(a)
    if until is not None and now < until:
        return OwedKind.WATCH
    if next(undecided(a), None) is not None:
        return OwedKind.REVERSAL
    return OwedKind.PERSON if a.attention is not None else None


def _hook_owed(a: Aggregate) -> OwedKind | None:
    if a.undo_owed:
        return OwedKind.UNDO
    if a.state in REAL and standing(a) is not a.state:
        return OwedKind.COMPLETE
    return OwedKind.AFTER_PAID if a.after_paid_owed and a.state is State.PAID else None


def _watched_until(a: Aggregate) -> datetime | None:
    assumed = [attempt.assumed_closed_at for attempt in a.attempts if attempt.only_assumed]
    ends = [end + WATCH_FOR for end in assumed if end is not None]
    return max(ends, default=None)


def _next_look(a: Aggregate, now: datetime) -> datetime:
    expires_at = a.current.expires_at if a.current else None
    if expires_at is None or expires_at <= now:
        return now + SWEEP
    return min(now + SWEEP, expires_at + timedelta(seconds=1))


def _deadline(a: Aggregate, kind: OwedKind) -> datetime | None:
    if kind in (OwedKind.INVOICE, OwedKind.PAY_OUT):
        return a.creation_deadline
    if kind is OwedKind.FORWARD and a.pay_out is not None and a.pay_out.give_up_at is not None:
        return a.pay_out.give_up_at + SEND_MARGIN
    deadline = _hold_deadline(a, kind)
    return deadline.at - MARGIN if isinstance(deadline, InstantDeadline) else None


def _deadline_height(a: Aggregate, kind: OwedKind) -> int | None:
    deadline = _hold_deadline(a, kind)
    return deadline.height - MARGIN_BLOCKS if isinstance(deadline, HeightDeadline) else None


_HOLDING = frozenset({OwedKind.PERFORM, OwedKind.FORWARD, OwedKind.CAPTURE, OwedKind.CLOSE})


def holds_money(a: Aggregate) -> bool:
    """Whether the payer's money is locked for the current attempt, as far as is known."""
    return a.current is not None and a.current.fact is Fact.HELD


def _hold_deadline(a: Aggregate, kind: OwedKind) -> HoldDeadline | None:
    if kind not in _HOLDING or a.current is None or not holds_money(a):
        return None
    return a.current.hold_deadline
