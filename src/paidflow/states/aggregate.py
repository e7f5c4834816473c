"""One paid action as its events tell it: ``evolve`` folds an event into it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import TypeVar

from paidflow.errors import IllegalTransition
from paidflow.money import Money
from paidflow.states import events as e
from paidflow.states.answers import HoldDeadline
from paidflow.states.machine import FINAL, State, fire


class Fact(IntEnum):
    """What is known of an attempt; it only ever grows, so the order of answers does not matter."""

    CREATING = 0
    OPEN = 1
    HELD = 2
    CLOSED = 3
    SETTLED = 4


@dataclass(unsafe_hash=True)
class Attempt:
    """One numbered try to get the money: one invoice; a value like the aggregate.

    Args:
        number: 1 for the first.
        gateway: the name of the gateway that was asked.
        hold: whether the money is locked first and captured later.
        amount: what the payer is asked for.
        key_id: the key from which the preimage derives.
        invoice_id: the gateway's id; ``None`` until there is an invoice.
        expires_at: when the gateway stops taking a payment.
        assumed_closed_at: when it counts as dead at a gateway that cannot confirm a close.
        fact: what is known of it.
        received: minor units that were received in all.
        held: minor units that are locked, or were.
        hold_deadline: when the gateway lets go of the locked money.
        closure: how it came to be dead.
        late_hold: money was locked on it after it counted as dead, and is not released yet.
    """

    number: int
    gateway: str
    hold: bool
    amount: Money
    key_id: str
    invoice_id: str | None = None
    expires_at: datetime | None = None
    assumed_closed_at: datetime | None = None
    fact: Fact = Fact.CREATING
    received: int = 0
    held: int = 0
    hold_deadline: HoldDeadline | None = None
    closure: e.Closure | None = None
    late_hold: bool = False

    @property
    def payable(self) -> bool:
        """Whether somebody could pay this invoice now, as far as is known."""
        return self.invoice_id is not None and self.fact is Fact.OPEN

    @property
    def dead(self) -> bool:
        """Whether nothing more is to be expected: closed, or settled."""
        return self.fact >= Fact.CLOSED

    @property
    def only_assumed(self) -> bool:
        """Whether it counts as dead although its gateway has not confirmed it."""
        return self.fact is Fact.CLOSED and self.closure is e.Closure.ASSUMED


@dataclass(unsafe_hash=True)
class Aggregate:
    """Where one paid action stands; a value, which only ``fold`` changes while it makes it.

    Args:
        version: how many events it has.
        state: its place in the state table.
        performed: whether the work was done; it is done at most once.
        undone: whether ``on_failed`` took the work back.
        undo_owed: whether ``on_failed`` still has to run.
        after_paid_owed: whether ``after_paid`` still has to run.
        unassigned: received minor units that are nobody's yet.
        decided: how many of them a person or a policy has left unclaimed on purpose.
        late_refused: money came late and could not be used.
        accept_granted: a person decided that the late money counts.
        cancel_reason: why the cancel was asked for.
        failure_reason: why it failed.
        creation_deadline: until when a new invoice is tried for.
        hook_failures: how often in a row the owed hook has raised.
        attention: why a person has to look.
    """

    kind: str
    kind_version: int
    actor: str | None
    mode: e.Mode
    cost: Money
    late_policy: e.LatePolicy
    arguments_hash: str
    version: int = 0
    state: State = State.NEW
    performed: bool = False
    undone: bool = False
    undo_owed: bool = False
    after_paid_owed: bool = False
    unassigned: int = 0
    decided: int = 0
    late_refused: bool = False
    accept_granted: bool = False
    cancel_reason: e.FailureReason | None = None
    failure_reason: e.FailureReason | None = None
    creation_deadline: datetime | None = None
    hook_failures: int = 0
    attention: e.AttentionReason | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def current(self) -> Attempt | None:
        """The latest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def to_close(self) -> Attempt | None:
        """The attempt whose invoice has to be closed although the action does not wait for it."""
        for attempt in self.attempts:
            if attempt.late_hold:
                return attempt
        current = self.current
        alive = current is not None and not current.dead and current.invoice_id is not None
        return current if alive and self.state in FINAL else None

    def attempt_of(self, gateway: str, invoice_id: str) -> Attempt | None:
        """The attempt that this invoice belongs to."""
        for attempt in self.attempts:
            if attempt.gateway == gateway and attempt.invoice_id == invoice_id:
                return attempt
        return None


Folded = TypeVar("Folded", Aggregate, Attempt)


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
    a = None if aggregate is None else _copy(aggregate)
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


def _copy(folded: Folded) -> Folded:
    copy = object.__new__(type(folded))
    copy.__dict__.update(folded.__dict__)
    return copy


def _requested(event: e.Requested) -> Aggregate:
    return Aggregate(
        kind=event.kind,
        kind_version=event.kind_version,
        actor=event.actor,
        mode=event.mode,
        cost=event.cost,
        late_policy=event.late_policy,
        arguments_hash=event.arguments_hash,
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
            _tell_attempt(a, event)
        case e.Paid() | e.Failed():
            _tell_end(a, event)
        case e.Performed():
            if a.performed:
                raise IllegalTransition("perform runs at most once")
            a.performed = True
        case e.InvoiceAwaited():
            a.creation_deadline = event.until
        case e.CancelRequested():
            a.cancel_reason = event.reason
        case e.CancelDeclined():
            a.cancel_reason = None
            a.attention = _about_money(a)
        case e.RetryRequested():
            a.creation_deadline = event.until
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


def _tell_end(a: Aggregate, event: e.Paid | e.Failed) -> None:
    a.hook_failures = 0
    a.attention = _about_money(a)
    a.cancel_reason = None
    if isinstance(event, e.Failed):
        a.failure_reason = event.reason
        a.undo_owed = event.undo_owed
        a.undone = a.performed and not event.undo_owed
        return
    a.unassigned -= event.amount.amount if event.source == "invoice" else 0
    a.decided = min(a.decided, a.unassigned)
    a.failure_reason = None
    a.undo_owed = False
    a.accept_granted = False
    a.after_paid_owed = event.after_paid_owed


ABOUT_HOOKS = frozenset({e.AttentionReason.HOOK_FAILS, e.AttentionReason.NOT_REGISTERED})


def _about_money(a: Aggregate) -> e.AttentionReason | None:
    """What a person was asked about money: only a person's answer ends it."""
    reasons = (e.AttentionReason.LATE_PAYMENT, e.AttentionReason.WRONG_CURRENCY)
    return a.attention if a.attention in reasons else None


def _tell_rest(a: Aggregate, event: e.Event) -> None:
    match event:
        case e.Held() | e.CaptureRequested():
            pass
        case e.HookFailed():
            a.hook_failures += 1
        case e.HookDone():
            a.hook_failures = 0
            if event.hook is e.Hook.ON_FAILED:
                a.undo_owed = False
                a.undone = a.performed
            else:
                a.after_paid_owed = False
        case e.LatePaymentRefused():
            a.late_refused = True
            a.accept_granted = False
        case e.PaymentCredited() | e.PaymentClaimed():
            a.unassigned -= event.amount.amount
            a.decided = min(a.decided, a.unassigned)
        case e.AttentionAsked():
            a.attention = event.reason
        case e.AttentionResolved():
            _tell_resolved(a, event)
        case _:
            raise IllegalTransition(f"{event.name} in {a.state}")


def _tell_resolved(a: Aggregate, event: e.AttentionResolved) -> None:
    accepted = event.resolution == "accept"
    given_up = event.resolution == "dismiss" and a.attention in ABOUT_HOOKS
    if _about_money(a) is not None and not accepted:
        a.decided = a.unassigned
    a.attention = None
    a.hook_failures = 0
    a.late_refused = a.late_refused and not accepted
    a.after_paid_owed = a.after_paid_owed and not given_up
    a.undo_owed = a.undo_owed and not given_up
    a.accept_granted = accepted


def _refuse_second_invoice(a: Aggregate, event: e.AttemptStarted | e.InvoiceAttached) -> None:
    """At most one invoice can be paid at any time, and every attempt has one at most."""
    last = a.current
    if last is not None and last.invoice_id is not None and not last.dead:
        raise IllegalTransition(f"{event.name} while attempt {last.number} is not dead")
    starts = isinstance(event, e.AttemptStarted)
    if event.number <= len(a.attempts) and (starts or a.attempts[event.number - 1].dead):
        raise IllegalTransition(f"{event.name} of attempt {event.number}, which was there before")


def _tell_attempt(a: Aggregate, event: e.AttemptEvent) -> None:
    if isinstance(event, e.AttemptStarted | e.InvoiceAttached):
        _refuse_second_invoice(a, event)
        if event.number > len(a.attempts):
            started = Attempt(event.number, event.gateway, event.hold, event.amount, event.key_id)
            a.attempts = (*a.attempts, started)
    if not 1 <= event.number <= len(a.attempts):
        raise IllegalTransition(f"{event.name} of attempt {event.number}, which does not exist")
    attempt = _copy(a.attempts[event.number - 1])
    match event:
        case e.InvoiceAttached():
            attempt.invoice_id = event.invoice_id
            attempt.expires_at = event.expires_at
            attempt.assumed_closed_at = event.assumed_closed_at
            attempt.fact = Fact.OPEN
        case e.HoldSeen():
            attempt.fact = max(attempt.fact, Fact.HELD)
            attempt.held = event.amount.amount
            attempt.hold_deadline = event.deadline
        case e.PaymentSeen():
            amount = event.amount.amount if event.amount.currency == a.cost.currency else 0
            a.unassigned += amount
            attempt.fact = Fact.SETTLED
            attempt.received += amount
            attempt.late_hold = False
        case e.AttemptClosed():
            attempt.fact = max(attempt.fact, Fact.CLOSED)
            attempt.closure = event.closure
            attempt.late_hold = False
        case e.LateHoldSeen():
            attempt.late_hold = True
        case _:
            pass
    a.attempts = (*a.attempts[: event.number - 1], attempt, *a.attempts[event.number :])
