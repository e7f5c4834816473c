"""What can be recorded about a paid action.

Facts say what was seen and move nothing. Steps move the action on: each names the one trigger of
the state table that it fires. Events carry ids, amounts and reasons, never texts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from paidflow.money import Money
from paidflow.states.answers import HoldDeadline
from paidflow.states.machine import State, Trigger


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


class AttentionReason(StrEnum):
    """Why a person has to look."""

    LATE_PAYMENT = "late_payment"
    WRONG_CURRENCY = "wrong_currency"
    HOOK_FAILS = "hook_fails"
    CLOSE_OVERDUE = "close_overdue"
    CAPTURE_OVERDUE = "capture_overdue"
    NOT_REGISTERED = "not_registered"


class LatePolicy(StrEnum):
    """What happens to money that comes late, twice, or in the wrong amount."""

    ACCEPT = "accept"
    CREDIT = "credit"
    PERSON = "person"


class Mode(StrEnum):
    """In which order paying and doing happen."""

    FREE = "free"
    CREDITS = "credits"
    OPTIMISTIC = "optimistic"
    PESSIMISTIC = "pessimistic"


class Closure(StrEnum):
    """How an attempt came to be dead."""

    EXPIRED = "expired"
    CANCELLED = "cancelled"
    CREATION_FAILED = "creation_failed"
    ASSUMED = "assumed"


class Hook(StrEnum):
    """The hooks of an action that may have to be tried again."""

    ON_PAID = "on_paid"
    ON_FAILED = "on_failed"
    AFTER_PAID = "after_paid"


class _EventType(type(BaseModel)):
    """Asks for the type of an event as Python does; pydantic's way takes five times as long."""

    __instancecheck__ = type.__instancecheck__


class Event(BaseModel, metaclass=_EventType):
    """Something that happened to a paid action; ``name`` and ``version`` are for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    version: ClassVar[int] = 1
    upcasters: ClassVar[dict[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {}
    fact: ClassVar[bool] = False

    @property
    def trigger(self) -> Trigger | None:
        """What this fires in the state table; ``None`` for a fact."""
        return None


class Requested(Event):
    """Somebody asked for the action; ``performed`` if its work was done in the same moment."""

    name = "paid-action.requested"
    kind: str
    kind_version: int
    actor: str | None
    mode: Mode
    cost: Money
    late_policy: LatePolicy
    arguments_hash: str
    performed: bool


class Performed(Event):
    """The work of the action was done."""

    name = "paid-action.performed"


class AttemptEvent(Event):
    """An event about one numbered attempt to get the money."""

    number: int


class AttemptStarted(AttemptEvent):
    """A new attempt is about to ask the gateway for an invoice."""

    name = "paid-action.attempt-started"
    gateway: str
    hold: bool
    amount: Money
    key_id: str


class InvoiceAttached(AttemptEvent):
    """The gateway's invoice belongs to this attempt."""

    name = "paid-action.invoice-attached"
    gateway: str
    hold: bool
    amount: Money
    key_id: str
    invoice_id: str
    expires_at: datetime | None
    assumed_closed_at: datetime | None

    @property
    def trigger(self) -> Trigger:
        return Trigger.OPEN_HOLD_INVOICE if self.hold else Trigger.OPEN_INVOICE


class InvoiceAwaited(Event):
    """The gateway was down; the action goes on and its invoice follows."""

    name = "paid-action.invoice-awaited"
    until: datetime

    @property
    def trigger(self) -> Trigger:
        return Trigger.AWAIT_INVOICE


class HoldSeen(AttemptEvent):
    """The gateway shows the payer's money locked."""

    name = "paid-action.hold-seen"
    fact = True
    amount: Money
    deadline: HoldDeadline


class LateHoldSeen(AttemptEvent):
    """Money is locked on an invoice that counted as closed; it has to be released."""

    name = "paid-action.late-hold-seen"
    fact = True
    amount: Money


class PaymentSeen(AttemptEvent):
    """The gateway shows that money was received for this attempt, in addition to what was known."""

    name = "paid-action.payment-seen"
    fact = True
    gateway: str
    amount: Money


class AttemptClosed(AttemptEvent):
    """The invoice of this attempt can no longer be paid."""

    name = "paid-action.attempt-closed"
    fact = True
    closure: Closure


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

    ``late`` says that the money was not expected any more when it came.
    """

    name = "paid-action.paid"
    source: Literal["free", "credits", "invoice"]
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


class Redone(Event):
    """``on_retry`` took back what ``on_failed`` had undone."""

    name = "paid-action.redone"


class HookFailed(Event):
    """A hook raised; the error's text is kept beside the log."""

    name = "paid-action.hook-failed"
    hook: Hook
    error_type: str


class HookDone(Event):
    """A hook that was still owed has run."""

    name = "paid-action.hook-done"
    hook: Hook


class LatePaymentRefused(Event):
    """The money came, but the action can no longer be made real with it."""

    name = "paid-action.late-payment-refused"


class PaymentCredited(Event):
    """Received money that the action does not keep went to the actor's purse."""

    name = "paid-action.payment-credited"
    amount: Money
    actor: str


class PaymentClaimed(Event):
    """Unclaimed money was claimed by the holder of the proof."""

    name = "paid-action.payment-claimed"
    amount: Money
    actor: str


class AttentionAsked(Event):
    """A person has to look."""

    name = "paid-action.attention-asked"
    reason: AttentionReason


class AttentionResolved(Event):
    """A person has decided."""

    name = "paid-action.attention-resolved"
    resolution: str
    operator: str
    why: str
