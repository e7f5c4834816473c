"""Folds events into the aggregate of their action. Pure.

Here is what concerns the action as a whole; the events of attempts and of money that goes back are
beside it.
"""

from __future__ import annotations

from collections.abc import Iterable

from paidflow.errors import IllegalTransition
from paidflow.ledger.accounts import purse
from paidflow.money import Money
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate, copied
from paidflow.states.amounts import at_most
from paidflow.states.evolve_attempt import tell_attempt
from paidflow.states.evolve_reversal import tell_reversed
from paidflow.states.machine import REAL, State, fire
from paidflow.states.pay_out import pay_outs_after
from paidflow.states.postings import Posting, added


def evolve(aggregate: Aggregate | None, event: e.Event) -> Aggregate:
    """The aggregate after the event.

    Args:
        aggregate: where it stood; ``None`` before the first event.
        event: what happened.

    Raises:
        IllegalTransition: when the event cannot happen there.
    """
    return fold(aggregate, (event,))


def fold(aggregate: Aggregate | None, events: Iterable[e.Event]) -> Aggregate:
    """The aggregate after several events; the one before stays as it is."""
    a = None if aggregate is None else copied(aggregate)
    for event in events:
        if a is not None:
            _apply(a, event)
        elif isinstance(event, e.Requested):
            a = _requested(event)
        else:
            raise IllegalTransition(f"{event.name} before the action was requested")
    if a is None:
        raise IllegalTransition("an action without events")
    return a


def _requested(event: e.Requested) -> Aggregate:
    return Aggregate(
        kind=event.kind,
        kind_version=event.kind_version,
        actor=event.actor,
        mode=event.mode,
        cost=event.cost,
        late_policy=event.late_policy,
        arguments_hash=event.arguments_hash,
        payouts=event.payouts,
        parts=event.parts,
        receivers=event.receivers,
        performed=event.performed,
        version=1,
    )


def _apply(a: Aggregate, event: e.Event) -> None:
    trigger = event.trigger
    state = a.state if trigger is None else fire(a.state, a.performed, trigger)
    _tell(a, event)
    a.state = state
    a.version += 1


def _tell(a: Aggregate, event: e.Event) -> None:
    match event:
        case e.AttemptEvent():
            tell_attempt(a, event)
        case e.PayOutEvent():
            a.pay_outs = pay_outs_after(a.pay_outs, event)
            if isinstance(event, e.PayOutSettled) and _passes_on(a):
                a.passed_on_by = event.number
            if isinstance(event, e.PayOutPlanned) and event.until is not None:
                a.creation_deadline = event.until
        case e.Paid() | e.Failed():
            _tell_end(a, event)
        case e.Performed():
            if a.performed:
                raise IllegalTransition("perform runs at most once")
            a.performed = True
        case e.PursesReserved():
            if a.purses and a.state is not State.FAILED:
                raise IllegalTransition("the purses have been debited already")
            a.purses = event.purses
        case e.InvoiceAwaited():
            a.creation_deadline = event.until
        case e.CancelRequested():
            _tell_cancel(a, event.reason)
        case e.CancelDeclined():
            a.cancel_reason = None
            a.attention = _about_money(a)
        case e.RetryRequested():
            a.creation_deadline = event.until
            a.purses = ()
            a.undone = a.undone and not event.redone
            a.undo_owed = False
            a.late_refused = False
            a.cancel_reason = None
            a.failure_reason = None
            a.hook_failures = 0
            a.attention = _about_money(a)
        case e.Redone():
            a.undone = False
        case _:
            _tell_rest(a, event)


def _passes_on(a: Aggregate) -> bool:
    """Whether what has arrived pays the receiver of an action, or is only lost.

    It is lost once the action was paid without it, and when another payment has arrived as it had
    to: an action passes on its money once.
    """
    withdrawn, before = a.mode is e.Mode.PAY_OUT, a.passed_on
    return not withdrawn and a.state not in REAL and (before is None or before.lost)


def _tell_end(a: Aggregate, event: e.Paid | e.Failed) -> None:
    a.hook_failures = 0
    a.attention = _about_money(a)
    a.cancel_reason = None
    if isinstance(event, e.Failed):
        a.failure_reason = event.reason
        a.undo_owed = event.undo_owed
        a.undone = a.performed and not event.undo_owed
        return
    if event.source == "invoice":
        a.invoiced = event.amount
        _spend(a, event.amount, on_price=True)
    a.failure_reason = None
    a.undo_owed = False
    a.accept_granted = False
    a.after_paid_owed = event.after_paid_owed


def _tell_cancel(a: Aggregate, reason: e.FailureReason) -> None:
    if a.advanced:
        raise IllegalTransition("a hold is let go although its receiver has been paid")
    a.cancel_reason = reason
    if reason is e.FailureReason.FORWARD_FAILED and a.current is not None:
        attempt = copied(a.current)
        attempt.receiver_failed = attempt.receiver is not None
        a.attempts = (*a.attempts[:-1], attempt)


def _spend(a: Aggregate, money: Money, *, on_price: bool = False) -> None:
    """Use up what is nobody's: what came first goes first."""
    attempts, amount = list(a.attempts), money.amount
    for place, attempt in enumerate(attempts):
        part = min(amount, attempt.spare) if attempt.amount.currency == money.currency else 0
        if part > 0:
            attempts[place] = spent = copied(attempt)
            spent.spare -= part
            spent.price += part if on_price else 0
            amount -= part
    if amount:
        raise IllegalTransition("more is used than was received")
    a.attempts = tuple(attempts)
    a.left = at_most(a.left, a.unclaimed)


def _about_money(a: Aggregate) -> e.AttentionReason | None:
    """What a person was asked about money: only a person's answer ends it."""
    return a.attention if a.attention in e.ABOUT_MONEY else None


def _tell_rest(a: Aggregate, event: e.Event) -> None:
    match event:
        case e.Held() | e.CaptureRequested():
            pass
        case e.ForwardLost():
            a.lost += event.amount.amount
        case e.HookFailed():
            a.hook_failures += 1
        case e.HookDone():
            a.hook_failures = 0
            if event.hook in (e.Hook.ON_FAILED, e.Hook.ON_REVERSED):
                a.undo_owed = False
                a.undone = a.performed
            else:
                a.after_paid_owed = False
        case e.LatePaymentRefused():
            a.late_refused = True
            a.accept_granted = False
        case e.PaymentCredited() | e.PaymentClaimed():
            _spend(a, event.amount)
            a.credited = added(a.credited, (Posting(purse(event.actor), event.amount),))
        case e.AttentionAsked():
            a.attention = event.reason
        case e.AttentionResolved():
            _tell_resolved(a, event)
        case _:
            tell_reversed(a, event)


def _tell_resolved(a: Aggregate, event: e.AttentionResolved) -> None:
    accepted = event.resolution == "accept"
    given_up = event.resolution == "dismiss" and a.attention in e.ABOUT_HOOKS
    if _about_money(a) is not None and not accepted:
        a.left = a.unclaimed
    a.attention = None
    a.hook_failures = 0
    a.late_refused = a.late_refused and not accepted
    a.after_paid_owed = a.after_paid_owed and not given_up
    a.undo_owed = a.undo_owed and not given_up
    a.accept_granted = accepted
