"""The contract of a payment gateway: what an adapter has to be able to do.

A gateway is asked, never believed: a message from it only says "look at this invoice", and a
command that it accepted is shown by a lookup. Commands return outcomes and lookups return answers,
as types. A gateway raises nothing for what can happen in the world; what it raises all the same is
taken as ``Unknown`` or ``Unreachable``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    InstantDeadline,
    Invoice,
    Lookup,
    NotFound,
    NotSent,
    Open,
    Opened,
    OpenOutcome,
    Pending,
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
    "Expired",
    "Gateway",
    "HeightDeadline",
    "Held",
    "Hint",
    "HoldDeadline",
    "InstantDeadline",
    "Invoice",
    "Lookup",
    "NotFound",
    "NotSent",
    "Open",
    "OpenCommand",
    "OpenOutcome",
    "Opened",
    "Pending",
    "Profile",
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
    """

    capabilities: frozenset[Capability]
    currencies: frozenset[str]
    account: str
    invoice_expiry_s: int = 600
    patience_s: int = 60
    close_grace_s: int | None = None


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
    """

    key: str
    amount: Money
    hold: bool
    payment_hash: str | None
    description: str
    expires_in_s: int


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
        """The invoices that a webhook is about.

        Raises:
            WebhookRefused: when it is not genuine or not readable.
        """
        ...
