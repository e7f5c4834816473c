"""The contract of a payment gateway: what an adapter has to be able to do.

A gateway is asked, never believed: a message from it only says "look at this invoice", and a
command that it accepted is shown by a lookup. Commands return outcomes and lookups return answers,
as types. A gateway raises nothing for what can happen in the world; what it raises all the same is
taken as ``Unknown`` or ``Unreachable``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from paidflow.money import Money
from paidflow.states.answers import (
    Accepted,
    Answer,
    Cancelled,
    CommandOutcome,
    Declined,
    Expired,
    HeightDeadline,
    Held,
    HoldDeadline,
    InFlight,
    InstantDeadline,
    Invoice,
    Lookup,
    NotFound,
    NotSent,
    Open,
    Opened,
    OpenOutcome,
    PaidOut,
    PayFailed,
    PayFailure,
    PaymentAnswer,
    PaymentLookup,
    Pending,
    Reversal,
    ReversalKind,
    ReversalStatus,
    Settled,
    Unknown,
    Unreachable,
)

__all__ = [
    "Accepted",
    "Answer",
    "CancelCommand",
    "Cancelled",
    "Capability",
    "CaptureCommand",
    "CommandOutcome",
    "Declined",
    "Destination",
    "Expired",
    "Gateway",
    "HeightDeadline",
    "Held",
    "Hint",
    "HoldDeadline",
    "HoldingsGateway",
    "InFlight",
    "InstantDeadline",
    "Invoice",
    "Lookup",
    "NotFound",
    "NotSent",
    "Open",
    "OpenCommand",
    "OpenOutcome",
    "Opened",
    "PaidOut",
    "PayFailed",
    "PayFailure",
    "PayOutCommand",
    "PayerAction",
    "PayingGateway",
    "PaymentAnswer",
    "PaymentLookup",
    "Pending",
    "Profile",
    "RefundCommand",
    "RefundingGateway",
    "Reversal",
    "ReversalKind",
    "ReversalStatus",
    "Settled",
    "Unknown",
    "Unreachable",
    "Updates",
]


class Capability(StrEnum):
    """What a gateway may be able to do."""

    HOLD = "hold"
    CANCEL = "cancel"
    UPDATES = "updates"
    WEBHOOKS = "webhooks"
    PAY_OUT = "pay_out"
    HOLDINGS = "holdings"
    REFUND = "refund"


class PayerAction(StrEnum):
    """What a payer does with the payment request."""

    PAY_INVOICE = "pay_invoice"
    """Pays it from a wallet or a bank: it is an invoice, or an address."""

    CONFIRM_CARD = "confirm_card"
    """Confirms it with a card on a page of ours: it is a client secret, and is not shown."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a gateway supports, and its times.

    Args:
        capabilities: what it can do.
        currencies: the currencies it takes.
        account: which account there this is; a log acts only on the account it belongs to.
        invoice_expiry_s: how long an invoice can be paid.
        patience_s: how long a hold may wait for work that cannot be done at once.
        close_grace_s: ``None`` if the gateway confirms a close. Otherwise an invoice counts as
            closed this many seconds after its expiry, and a later payment is late money.
        pay_out_s: how long it tries to send an outgoing payment.
        webhook_headers: the headers that ``parse_webhook`` reads, in small letters; no others are
            kept with a webhook.
        payer_action: what a payer does with the payment request.
        forwards: whether it lets a payment fail in time for a hold's deadline, so that locked money
            can be passed on.
    """

    capabilities: frozenset[Capability]
    currencies: frozenset[str]
    account: str
    invoice_expiry_s: int = 600
    patience_s: int = 60
    close_grace_s: int | None = None
    pay_out_s: int = 60
    webhook_headers: frozenset[str] = frozenset()
    payer_action: PayerAction = PayerAction.PAY_INVOICE
    forwards: bool = True


@dataclass(frozen=True, slots=True)
class OpenCommand:
    """Ask for an invoice.

    Args:
        key: idempotency key; the same key gives the same invoice.
        amount: what the payer is to pay.
        hold: lock the money first, hand it over on capture.
        payment_hash: SHA-256 of the preimage, hexadecimal, for gateways whose holds need one.
        description: what the payer reads.
        expires_in_s: how long the invoice can be paid.
        again: it may have been sent before, any time ago. A gateway that forgets keys looks first
            whether there is an invoice with this one.
    """

    key: str
    amount: Money
    hold: bool
    payment_hash: str | None
    description: str
    expires_in_s: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class CaptureCommand:
    """Ask for the locked money.

    Args:
        invoice_id: the gateway's id.
        key: idempotency key.
        amount: what is captured.
        preimage: the 32 bytes that release it, for gateways whose holds need them.
    """

    invoice_id: str
    key: str
    amount: Money
    preimage: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CancelCommand:
    """Ask to close an invoice, or to release the locked money.

    Args:
        invoice_id: the gateway's id.
        key: idempotency key.
    """

    invoice_id: str
    key: str


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an outgoing payment goes: an invoice of somebody else, or an address.

    Args:
        payment_id: which payment it is (the payment hash on Lightning), for ever unique; ``None``
            for an address, which can be paid many times: there the sender chooses the id.
        amount: what the receiver asks for; ``None`` if the sender chooses.
        expires_at: until when it can be paid, UTC; ``None`` if for ever.
    """

    payment_id: str | None
    amount: Money | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class PayOutCommand:
    """Ask to send money to somebody else, once.

    Args:
        key: idempotency key.
        destination: the invoice or the address, as the receiver gave it.
        payment_id: the id under which the payment can be looked up.
        amount: what the receiver is to get.
        fee_max: what it may cost besides.
        give_up_at: after this moment, UTC, the gateway does not take the command any more and
            begins no new try. So a payment that it does not know a while later was never sent.
        hold_deadline: when the payer's locked money is let go of, if it is passed on; a payment
            that could take longer must fail (BOLT 2, ``cltv_expiry``).
    """

    key: str
    destination: str = field(repr=False)
    payment_id: str
    amount: Money
    fee_max: Money
    give_up_at: datetime
    hold_deadline: HoldDeadline | None = None


@dataclass(frozen=True, slots=True)
class RefundCommand:
    """Ask to send received money back to whoever has paid it.

    Args:
        invoice_id: the gateway's id of the invoice that was paid.
        key: idempotency key; the gateway lists it with the reversal that came of it.
        amount: how much; no more than was received and has not gone back.
    """

    invoice_id: str
    key: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Hint:
    """ "Look at this invoice": all that a message from a gateway is worth."""

    invoice_id: str


@dataclass(frozen=True, slots=True)
class Updates:
    """The next messages of a gateway's stream.

    Args:
        hints: invoices to look at; may repeat, may be late, may be out of order.
        cursor: where to go on the next time.
    """

    hints: tuple[Hint, ...]
    cursor: str


@runtime_checkable
class Gateway(Protocol):
    """A way to be paid. An adapter implements all of this and declares what it supports."""

    @property
    def profile(self) -> Profile:
        """What it supports; the same for the life of the object."""
        ...

    def open(self, command: OpenCommand) -> OpenOutcome:
        """Open an invoice."""
        ...

    def lookup(self, invoice_id: str) -> Lookup:
        """What the gateway shows about an invoice now."""
        ...

    def capture(self, command: CaptureCommand) -> CommandOutcome:
        """Hand over the locked money."""
        ...

    def cancel(self, command: CancelCommand) -> CommandOutcome:
        """Close an invoice, or release the locked money."""
        ...

    def updates(self, cursor: str | None) -> Updates:
        """The messages after the cursor; ``None`` asks from the beginning. Never blocks long."""
        ...

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
        """The invoices that a webhook is about; none if it is about something else. Asks nobody.

        Raises:
            WebhookRefused: when it is not genuine or not readable.
        """
        ...


@runtime_checkable
class PayingGateway(Gateway, Protocol):
    """A gateway with ``Capability.PAY_OUT``: it also sends money to others."""

    def decode(self, destination: str) -> Destination | Declined:
        """Read an invoice or an address of a receiver. Pure: it asks nobody."""
        ...

    def pay_out(self, command: PayOutCommand) -> CommandOutcome:
        """Send money, one time for each payment id, ever. What became of it shows a lookup.

        A second command with the same payment id is declined, whatever became of the first one; so
        "declined" speaks of this command only. "Accepted" does not say that it has arrived.
        """
        ...

    def lookup_payment(self, payment_id: str) -> PaymentLookup:
        """What the gateway shows about an outgoing payment now."""
        ...


@runtime_checkable
class HoldingsGateway(Gateway, Protocol):
    """A gateway with ``Capability.HOLDINGS``: it can say how much it holds for us."""

    def holdings(self) -> tuple[Money, ...] | Unreachable:
        """All money of the account, one amount in each currency.

        Payments that are in flight and money that a payer has only locked do not change it.
        """
        ...


@runtime_checkable
class RefundingGateway(Gateway, Protocol):
    """A gateway that can send money back; its profile has ``Capability.REFUND``.

    Its lookups list in ``Settled.reversals`` whatever has gone back, whoever wanted it.
    """

    def refund(self, command: RefundCommand) -> CommandOutcome:
        """Send money back. A lookup shows whether it worked."""
        ...
