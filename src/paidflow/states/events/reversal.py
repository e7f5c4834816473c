"""What happens to money that goes back to the payer."""

from __future__ import annotations

from paidflow.money import Money
from paidflow.states.answers import ReversalKind, ReversalStatus
from paidflow.states.events.attempt import AttemptEvent
from paidflow.states.events.event import Event
from paidflow.states.machine import Trigger
from paidflow.states.postings import Postings, Taken


class RefundDecided(Event):
    """An operator gives back what the action has cost, or a part of it.

    ``key_hash`` is of the idempotency key; ``whole`` if it was to be all that was left.
    """

    name = "paid-action.refund-decided"
    private = frozenset({"key_hash", "whole"})
    amount: Money
    operator: str
    why: str
    key_hash: str | None = None
    whole: bool = False


class PursesRefunded(Event):
    """Purses got back what they had paid; ``payees`` gave it."""

    name = "paid-action.purses-refunded"
    purses: Postings
    payees: Postings


class ReversalEvent(AttemptEvent):
    """An event about received money that goes back to the payer of an attempt."""


class RefundRequested(ReversalEvent):
    """The gateway is to send money back; it is reserved for that."""

    name = "paid-action.refund-requested"
    refund: int
    amount: Money
    taken: Taken


class RefundReturned(ReversalEvent):
    """A refund that was asked for does not happen, so nothing is reserved for it any more."""

    name = "paid-action.refund-returned"
    fact = True
    refund: int
    amount: Money
    taken: Taken


class ReversalSeen(ReversalEvent):
    """The gateway shows that money goes back.

    If it is a refund of ours, ``refund`` is its number, and the money was taken when it was asked
    for.
    """

    name = "paid-action.reversal-seen"
    fact = True
    reversal_id: str
    reversal: ReversalKind
    gateway: str
    amount: Money
    status: ReversalStatus
    refund: int | None
    taken: Taken


class ReversalConfirmed(ReversalEvent):
    """The gateway shows that the money has gone back for good."""

    name = "paid-action.reversal-confirmed"
    fact = True
    reversal_id: str
    reversal: ReversalKind


class ReversalUndone(ReversalEvent):
    """The gateway shows that the money is here again: a refund bounced, or a dispute is won."""

    name = "paid-action.reversal-undone"
    fact = True
    reversal_id: str
    reversal: ReversalKind
    gateway: str
    amount: Money
    refund: int | None
    taken: Taken


class Reversed(Event):
    """The money went back or is contested, so the action is not real any more.

    ``undo_owed`` if ``on_reversed`` still has to run.
    """

    name = "paid-action.reversed"
    reversal: ReversalKind
    undo_owed: bool

    @property
    def trigger(self) -> Trigger:
        return Trigger.DISPUTE if self.reversal is ReversalKind.DISPUTE else Trigger.REFUND


class DisputeOpened(Event):
    """A payment that was refunded is contested as well."""

    name = "paid-action.dispute-opened"

    @property
    def trigger(self) -> Trigger:
        return Trigger.DISPUTE


class DisputeEnded(Event):
    """The dispute is over, and none of the money is left here."""

    name = "paid-action.dispute-ended"

    @property
    def trigger(self) -> Trigger:
        return Trigger.REFUND


class Restored(Event):
    """The money came back, so the action is real again.

    ``redone`` if ``on_paid`` has to do again what ``on_reversed`` had taken back.
    """

    name = "paid-action.restored"
    redone: bool

    @property
    def trigger(self) -> Trigger:
        return Trigger.RESTORE
