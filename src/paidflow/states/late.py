"""What received money pays for, and what becomes of money that is late or too much. Pure."""

from __future__ import annotations

from paidflow.money import Money
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.amounts import amount_in
from paidflow.states.attempt import Fact
from paidflow.states.events import Events
from paidflow.states.evolve import fold
from paidflow.states.giving_back import refund_spare
from paidflow.states.machine import FINAL, State

NO_LATE_ACCEPT = frozenset({e.FailureReason.EXECUTION_FAILED, e.FailureReason.UNDERPAID})
_ACCEPTS_LATE = frozenset({State.FAILED, State.RETRYING, State.PENDING})


def payment_of(a: Aggregate, *, quoted: bool = True) -> Money | None:
    """What received money pays the rest of the cost, in the currency in which it came.

    Args:
        a: the action.
        quoted: whether money in another currency counts, at the quote of its attempt.
    """
    for attempt in reversed(a.attempts):
        due, quote = a.remainder, attempt.quote
        if quote is not None:
            if not quoted or quote.cost != due:
                continue
            due = quote.amount
        if amount_in(a.unclaimed, due.currency) >= max(due.amount, 1):
            return due
    return None


def accepts_late(a: Aggregate) -> bool:
    """Whether unexpected money is to make this action real, if it still can be.

    A quote ends with its invoice: what comes later in another currency counts only if a person
    says so.
    """
    if payment_of(a, quoted=a.accept_granted) is None or a.late_refused:
        return False
    if a.accept_granted:
        return True
    fresh = a.unassigned > a.decided
    wanted = a.late_policy is e.LatePolicy.ACCEPT and a.failure_reason not in NO_LATE_ACCEPT
    return wanted and fresh


def late_steps(a: Aggregate) -> Events:
    """The steps that make an action real with money that was not expected any more.

    What purses paid of it, and got back when it failed, is taken from them again.
    """
    again: Events = ()
    if a.purses and a.state is State.FAILED:
        enough = a.unassigned >= a.cost.amount
        again = (e.PursesReserved(purses=() if enough else a.purses),)
    work = () if a.performed else (e.Performed(),)
    redo = (e.Redone(),) if a.undone else ()
    return (*again, *work, *redo, paid(fold(a, again), late=True))


def refuse_late(a: Aggregate) -> Events:
    """What follows when late money cannot make the action real any more."""
    refused: Events = (e.LatePaymentRefused(),)
    return refused + dispose(fold(a, refused))


def dispose(a: Aggregate) -> Events:
    """What becomes of received money that the action does not need."""
    surplus = any(m.amount > amount_in(a.left, m.currency) for m in a.unclaimed)
    needed = a.state not in FINAL and a.state is not State.RETRYING
    if needed and a.current is not None and a.current.fact is Fact.SETTLED:
        return ()
    if not surplus or (accepts_late(a) and a.state in _ACCEPTS_LATE):
        return ()
    if a.late_policy is e.LatePolicy.PERSON:
        asked = a.attention is not None
        return () if asked else (e.AttentionAsked(reason=e.AttentionReason.LATE_PAYMENT),)
    if a.late_policy is e.LatePolicy.REFUND:
        return refund_spare(a)
    if a.actor is None:
        return ()
    return credited(a, a.actor)


def credited(a: Aggregate, actor: str) -> Events:
    """All received money that is nobody's yet goes to an actor's purse, as it came."""
    return tuple(e.PaymentCredited(amount=money, actor=actor) for money in a.claimable)


def paid(a: Aggregate, *, late: bool = False) -> e.Paid:
    """The step by which received money pays for the action."""
    payment = payment_of(a, quoted=not late or a.accept_granted)
    if payment is None:
        raise AssertionError("what was received pays the rest of the cost")
    return e.Paid(source="invoice", amount=payment, late=late, after_paid_owed=True)
