"""What happens to one attempt to get the money, and to its invoice."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from paidflow.money import Money
from paidflow.states.answers import HoldDeadline
from paidflow.states.events.event import Event
from paidflow.states.machine import Trigger
from paidflow.states.quote import Quote
from paidflow.states.receivers import Receiver


class Closure(StrEnum):
    """How an attempt came to be dead."""

    EXPIRED = "expired"
    CANCELLED = "cancelled"
    CREATION_FAILED = "creation_failed"
    WRAP_REFUSED = "wrap_refused"
    ASSUMED = "assumed"


class AttemptEvent(Event):
    """An event about one numbered attempt to get the money."""

    number: int


class AttemptStarted(AttemptEvent):
    """A new attempt is about to ask the gateway for an invoice.

    With a ``quote`` the payer pays in another currency than that of the cost.
    """

    name = "paid-action.attempt-started"
    private = frozenset({"receiver"})
    gateway: str
    hold: bool
    amount: Money
    key_id: str
    quote: Quote | None = None
    receiver: Receiver | None = None


class InvoiceAttached(AttemptEvent):
    """The gateway's invoice belongs to this attempt."""

    name = "paid-action.invoice-attached"
    private = frozenset({"receiver"})
    gateway: str
    hold: bool
    amount: Money
    key_id: str
    invoice_id: str
    expires_at: datetime | None
    assumed_closed_at: datetime | None
    quote: Quote | None = None
    receiver: Receiver | None = None

    @property
    def trigger(self) -> Trigger:
        return Trigger.OPEN_HOLD_INVOICE if self.hold else Trigger.OPEN_INVOICE


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
