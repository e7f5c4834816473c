"""What a gateway can answer: four outcomes of a command, eight answers to a lookup.

They are types and never a bool or ``None``, because "not paid", "unknown" and "unreachable" are
three different things. Facts about one attempt are ordered: open, pending, held, closed, settled.
About an outgoing payment there are five answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from paidflow.money import Money


@dataclass(frozen=True, slots=True)
class InstantDeadline:
    """The gateway closes a hold at this moment, UTC."""

    at: datetime


@dataclass(frozen=True, slots=True)
class HeightDeadline:
    """The gateway closes a hold at this block height."""

    height: int


HoldDeadline = InstantDeadline | HeightDeadline


@dataclass(frozen=True, slots=True)
class Accepted:
    """The gateway took the command; only a lookup shows whether it worked."""


@dataclass(frozen=True, slots=True)
class Declined:
    """The gateway refused the command; it has done nothing."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class NotSent:
    """The command certainly never reached the gateway (for example: connection refused)."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The command may or may not have been carried out (for example: a timeout)."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Invoice:
    """What a gateway opened.

    Args:
        invoice_id: the gateway's own id, for ever unique there (a payment hash on Lightning).
        amount: what the payer is asked for.
        payment_request: what the payer needs in order to pay (a BOLT 11 text, a client secret).
        expires_at: when the gateway stops taking a payment; ``None`` if it never does.
    """

    invoice_id: str
    amount: Money
    payment_request: str = field(repr=False)
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Opened:
    """The gateway opened an invoice."""

    invoice: Invoice


OpenOutcome = Opened | Declined | NotSent | Unknown
CommandOutcome = Accepted | Declined | NotSent | Unknown


@dataclass(frozen=True, slots=True)
class Open:
    """Nobody has paid yet; it can still be paid."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A payment is on its way; nothing is locked or settled yet."""


@dataclass(frozen=True, slots=True)
class Held:
    """The payer's money is locked until the deadline.

    Args:
        amount: what is locked.
        deadline: when the gateway lets go of it, less its own safety margin.
        height: the block height now, where the deadline is a height.
    """

    amount: Money
    deadline: HoldDeadline
    height: int | None = None


class ReversalKind(StrEnum):
    """Who wanted received money to go back: us, or the payer against our will."""

    REFUND = "refund"
    DISPUTE = "dispute"


class ReversalStatus(StrEnum):
    """Where a reversal stands; it only goes forward, in this order."""

    PENDING = "pending"
    """The money has left us, and may come back: a refund on its way, an open dispute."""

    SUCCEEDED = "succeeded"
    """The payer has it: the refund arrived, or we have lost the dispute."""

    FAILED = "failed"
    """We have it again: the refund bounced, or we have won the dispute."""


@dataclass(frozen=True, slots=True)
class Reversal:
    """Received money that goes back, as the gateway shows it.

    Args:
        reversal_id: the gateway's id, for ever unique there. What is contested again after it was
            decided is another reversal.
        amount: how much of what was received.
        kind: a refund, or a dispute.
        status: where it stands.
        key: the idempotency key of our command; ``None`` when somebody else has made it.
    """

    reversal_id: str
    amount: Money
    kind: ReversalKind
    status: ReversalStatus
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The money is ours.

    Args:
        amount: what was received in all, whatever has gone back since.
        reversals: what has gone back, all of it, or was about to.
    """

    amount: Money
    reversals: tuple[Reversal, ...] = ()


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Closed by a command; it can no longer be paid."""


@dataclass(frozen=True, slots=True)
class Expired:
    """Closed by time; it can no longer be paid."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """The gateway does not know this invoice; for one that we have seen, that proves nothing."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No answer; nothing is known."""

    reason: str = ""


Lookup = Open | Pending | Held | Settled | Cancelled | Expired | NotFound | Unreachable


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway said about one attempt.

    Args:
        gateway: the gateway's name.
        invoice_id: the gateway's id of the invoice.
        lookup: what it said.
    """

    gateway: str
    invoice_id: str
    lookup: Lookup


class PayFailure(StrEnum):
    """Why an outgoing payment failed for certain; no gateway answers the first one itself."""

    NOT_SENT = "not_sent"
    RECEIVER_UNREACHABLE = "receiver_unreachable"
    REFUSED = "refused"
    FEE_TOO_HIGH = "fee_too_high"
    TIME_LOCK_TOO_SHORT = "time_lock_too_short"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class InFlight:
    """An outgoing payment that may still succeed or fail; the money must not be used again."""


@dataclass(frozen=True, slots=True)
class PaidOut:
    """The receiver has the money.

    Args:
        amount: what the receiver got.
        fee: what it has cost besides.
        preimage: the 32 bytes that prove it, for gateways whose payments give them; a secret.
    """

    amount: Money
    fee: Money
    preimage: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PayFailed:
    """The receiver does not have the money, and will not get it by this payment."""

    reason: PayFailure


PaymentLookup = InFlight | PaidOut | PayFailed | NotFound | Unreachable


@dataclass(frozen=True, slots=True)
class PaymentAnswer:
    """What the gateway said about one outgoing payment.

    Args:
        gateway: the gateway's name.
        payment_id: the id of the payment.
        lookup: what it said.
    """

    gateway: str
    payment_id: str
    lookup: PaymentLookup
