"""Folds the events about money that goes back into their action. Pure."""

from __future__ import annotations

from dataclasses import replace

from paidflow.errors import IllegalTransition
from paidflow.money import Money
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.amounts import added as with_amount
from paidflow.states.amounts import at_most
from paidflow.states.answers import ReversalKind, ReversalStatus
from paidflow.states.attempt import Attempt
from paidflow.states.machine import State
from paidflow.states.postings import Taken, added
from paidflow.states.refunds import Refund, RefundStatus, SeenReversal


def tell_reversal(a: Aggregate, attempt: Attempt, event: e.ReversalEvent) -> None:
    """Fold in an event about money that goes back; only while the two copies are being made."""
    match event:
        case e.RefundRequested():
            _take(a, attempt, event.amount, event.taken)
            refund = Refund(event.refund, event.number, event.amount, event.taken)
            a.refunds = (*a.refunds, refund)
        case e.RefundReturned():
            _end(a, event.refund, RefundStatus.RETURNED)
            _take(a, attempt, event.amount, event.taken, sign=-1)
        case e.ReversalSeen(refund=None):
            _take(a, attempt, event.amount, event.taken)
            _show(attempt, event, event.taken)
        case e.ReversalSeen(refund=int(refund)):
            _show(attempt, event, _end(a, refund, RefundStatus.SEEN).taken)
        case e.ReversalConfirmed():
            _move(attempt, event.reversal_id, ReversalStatus.SUCCEEDED)
        case e.ReversalUndone():
            _move(attempt, event.reversal_id, ReversalStatus.FAILED)
            _take(a, attempt, event.amount, event.taken, sign=-1)
        case _:
            raise IllegalTransition(f"{event.name} in {a.state}")


def _take(a: Aggregate, attempt: Attempt, amount: Money, taken: Taken, sign: int = 1) -> None:
    if amount.currency != attempt.amount.currency:
        whole = attempt.foreign or amount - amount
        attempt.foreign = whole - amount if sign > 0 else whole + amount
        return
    attempt.spare -= sign * taken.unassigned
    attempt.price -= sign * taken.price
    attempt.lost += sign * taken.lost
    a.taken = added(a.taken, taken.payees, sign)
    a.credited = added(a.credited, taken.credited, -sign)


def _end(a: Aggregate, refund: int, status: RefundStatus) -> Refund:
    """Change where a requested refund stands; returns it as it was."""
    found = next((one for one in a.refunds if one.refund == refund), None)
    if found is None or found.status is not RefundStatus.REQUESTED:
        raise IllegalTransition(f"refund {refund} is not waited for")
    a.refunds = tuple(replace(one, status=status) if one is found else one for one in a.refunds)
    return found


def _show(attempt: Attempt, event: e.ReversalSeen, taken: Taken) -> None:
    if attempt.reversal(event.reversal_id) is not None:
        raise IllegalTransition(f"reversal {event.reversal_id} was seen before")
    shown = SeenReversal(
        event.reversal_id, event.reversal, event.amount, event.status, taken, event.refund
    )
    attempt.reversals = (*attempt.reversals, shown)


def _move(attempt: Attempt, reversal_id: str, status: ReversalStatus) -> None:
    found, order = attempt.reversal(reversal_id), list(ReversalStatus)
    if found is None or order.index(status) <= order.index(found.status):
        raise IllegalTransition(f"reversal {reversal_id} cannot be {status} now")
    moved = replace(found, status=status)
    attempt.reversals = tuple(moved if one is found else one for one in attempt.reversals)


def decide_again(a: Aggregate, event: e.ReversalEvent) -> None:
    """What a policy has sent back in vain is left to a person; a dispute that is over is not."""
    match event:
        case e.RefundReturned() | e.ReversalUndone(refund=int()):
            more = Money(event.taken.unassigned, event.amount.currency)
            a.left = with_amount(a.left, more)
        case e.RefundRequested() | e.ReversalSeen():
            a.left = at_most(a.left, a.unclaimed)
        case _:
            pass
    ended = isinstance(event, e.ReversalConfirmed | e.ReversalUndone)
    disputed = a.attention is e.AttentionReason.DISPUTED
    if ended and disputed and event.reversal is ReversalKind.DISPUTE:
        a.attention = None


def tell_reversed(a: Aggregate, event: e.Event) -> None:
    """Fold in an event about the action itself; only while its copy is being made."""
    match event:
        case e.RefundDecided():
            a.refund_decisions = (*a.refund_decisions, event)
        case e.PursesRefunded():
            a.purses_refunded = added(a.purses_refunded, event.purses)
            a.taken = added(a.taken, event.payees)
        case e.Reversed() if a.state is State.PAID:
            a.hook_failures = 0
            a.undo_owed = event.undo_owed
            a.undone = not event.undo_owed
        case e.Restored():
            a.hook_failures = 0
            a.undo_owed = a.undone = False
        case e.DisputeOpened() | e.DisputeEnded() if a.state is not State.PAID:
            pass
        case _:
            raise IllegalTransition(f"{event.name} in {a.state}")
