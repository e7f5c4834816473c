"""What happens to an action as a whole: from the request to being paid, or not."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from paidflow.money import Money
from paidflow.states.events.event import Event
from paidflow.states.machine import State, Trigger
from paidflow.states.part import Part
from paidflow.states.postings import Postings
from paidflow.states.receivers import Receiver


class Mode(StrEnum):
    """In which order paying and doing happen."""

    FREE = "free"
    CREDITS = "credits"
    OPTIMISTIC = "optimistic"
    PESSIMISTIC = "pessimistic"
    PAY_OUT = "pay_out"


class LatePolicy(StrEnum):
    """What happens to money that comes late, twice, or in the wrong amount."""

    ACCEPT = "accept"
    CREDIT = "credit"
    REFUND = "refund"
    PERSON = "person"


class FailureReason(StrEnum):
    """Why an action failed."""

    EXPIRED = "expired"
    USER_CANCELLED = "user_cancelled"
    SYSTEM_CANCELLED = "system_cancelled"
    GATEWAY_CANCELLED = "gateway_cancelled"
    CREATION_FAILED = "creation_failed"
    EXECUTION_FAILED = "execution_failed"
    HELD_TOO_LONG = "held_too_long"
    HOLD_LOST = "hold_lost"
    CAPTURE_DECLINED = "capture_declined"
    UNDERPAID = "underpaid"
    TIME_LOCK_TOO_SHORT = "time_lock_too_short"
    FORWARD_FAILED = "forward_failed"
    FORWARD_NOT_SENT = "forward_not_sent"
    PAY_OUT_FAILED = "pay_out_failed"


class Requested(Event):
    """Somebody asked for the action; ``performed`` if its work was done in the same moment.

    Without ``payouts`` the operator earns the whole cost. One of the ``receivers``, the first one
    that can be, is paid directly. The cost is that of the action and all its ``parts`` together.
    """

    name = "paid-action.requested"
    private = frozenset({"receivers"})
    kind: str
    kind_version: int
    actor: str | None
    mode: Mode
    cost: Money
    late_policy: LatePolicy
    arguments_hash: str
    performed: bool
    payouts: Postings = ()
    parts: tuple[Part, ...] = ()
    receivers: tuple[Receiver, ...] = ()


class PursesReserved(Event):
    """Purses gave this for the action; it goes back to them if the action fails."""

    name = "paid-action.purses-reserved"
    purses: Postings


class InvoiceAwaited(Event):
    """The gateway was down; the action goes on and its invoice follows."""

    name = "paid-action.invoice-awaited"
    until: datetime

    @property
    def trigger(self) -> Trigger:
        return Trigger.AWAIT_INVOICE


class Held(Event):
    """The money is locked; now the work can be done."""

    name = "paid-action.held"

    @property
    def trigger(self) -> Trigger:
        return Trigger.HOLD


class CaptureRequested(Event):
    """The work is done; the gateway is to hand over the locked money."""

    name = "paid-action.capture-requested"

    @property
    def trigger(self) -> Trigger:
        return Trigger.REQUEST_CAPTURE


class CancelRequested(Event):
    """The gateway is to close the invoice or to release the locked money."""

    name = "paid-action.cancel-requested"
    reason: FailureReason

    @property
    def trigger(self) -> Trigger:
        return Trigger.REQUEST_CANCEL


class CancelDeclined(Event):
    """The gateway refused to cancel, so the action goes on where it stood."""

    name = "paid-action.cancel-declined"
    resumed: Literal[State.PENDING, State.PENDING_HELD, State.HELD]

    @property
    def trigger(self) -> Trigger:
        return Trigger(f"resume_{self.resumed.lower()}")


class Paid(Event):
    """Work and money are both there: the action is real for everyone.

    ``amount`` is what ``source`` has paid, in the currency in which it came; the purses that were
    reserved paid the rest. ``late`` says that the money was not expected any more when it came.
    """

    name = "paid-action.paid"
    source: Literal["free", "credits", "purses", "invoice"]
    amount: Money
    late: bool
    after_paid_owed: bool

    @property
    def trigger(self) -> Trigger:
        return Trigger.SETTLE


class Failed(Event):
    """The action did not come to be paid; ``undo_owed`` if ``on_failed`` still has to run."""

    name = "paid-action.failed"
    reason: FailureReason
    undo_owed: bool

    @property
    def trigger(self) -> Trigger:
        return Trigger.FAIL


class RetryRequested(Event):
    """The actor tries again; ``redone`` if ``on_retry`` took back what ``on_failed`` had undone."""

    name = "paid-action.retry-requested"
    until: datetime
    redone: bool

    @property
    def trigger(self) -> Trigger:
        return Trigger.RETRY
