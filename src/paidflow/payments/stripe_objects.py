"""What of Stripe's objects is read, and what it means. Pure; knows nothing of the network.

Source of the states: docs.stripe.com/payments/paymentintents/lifecycle, docs.stripe.com/refunds and
docs.stripe.com/disputes, API version 2026-10-28.endive.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, Field

from paidflow.money import Money
from paidflow.payments.contract import (
    Cancelled,
    Expired,
    Held,
    InstantDeadline,
    Invoice,
    Lookup,
    Open,
    Pending,
    Reversal,
    ReversalKind,
    ReversalStatus,
    Settled,
    Unreachable,
)
from paidflow.payments.stripe_amounts import from_stripe

KEY = "paidflow_key"
"""The name in an object's metadata of the idempotency key that it was made with."""

EXPIRES_IN_S = "paidflow_expires_in_s"
"""The name in the metadata of how many seconds after its creation a payment is closed."""

HOLD_SHORTEST = timedelta(days=4, hours=18)
"""How long the shortest hold of a card lasts, where Stripe does not say until when it can be
captured (docs.stripe.com/payments/place-a-hold-on-a-payment-method)."""

PAYABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
"""The states in which the payer has something to do. Nobody but us closes such a payment."""

_BY_TIME = frozenset({"abandoned", "automatic", "expired"})
_REFUNDS = {
    "pending": ReversalStatus.PENDING,
    "requires_action": ReversalStatus.PENDING,
    "succeeded": ReversalStatus.SUCCEEDED,
    "failed": ReversalStatus.FAILED,
    "canceled": ReversalStatus.FAILED,
}
# The others are inquiries, or were prevented: no money has left.
_DISPUTES = {
    "needs_response": ReversalStatus.PENDING,
    "under_review": ReversalStatus.PENDING,
    "won": ReversalStatus.FAILED,
    "lost": ReversalStatus.SUCCEEDED,
    "appeal_needs_response": ReversalStatus.SUCCEEDED,
    "appeal_under_review": ReversalStatus.SUCCEEDED,
}


class Refund(BaseModel):
    """Money that goes back because we, or somebody in the dashboard, wanted it."""

    id: str
    amount: int
    status: str
    balance_transaction: object = None
    metadata: dict[str, str] | None = None

    @property
    def key(self) -> str | None:
        """The key of our command; ``None`` if it was not ours."""
        return (self.metadata or {}).get(KEY)


class Refunds(BaseModel):
    """The first refunds of a charge."""

    data: tuple[Refund, ...]
    has_more: bool = False


class Dispute(BaseModel):
    """A charge that the payer contests."""

    id: str
    amount: int
    currency: str
    status: str


class CardDetails(BaseModel):
    """How a card was charged."""

    capture_before: int | None = None


class PaymentMethodDetails(BaseModel):
    """How a charge was paid."""

    card: CardDetails | None = None


class Charge(BaseModel):
    """The charge of a payment that was authorised."""

    amount: int
    amount_captured: int
    created: int
    disputed: bool
    payment_method_details: PaymentMethodDetails | None = None
    refunds: Refunds | None = None


class PaymentIntent(BaseModel):
    """A payment; what the contract calls an invoice.

    Args:
        client_secret: lets whoever has it pay, and see the payment.
    """

    id: str
    amount: int
    currency: str
    status: str
    created: int
    amount_received: int = 0
    amount_capturable: int = 0
    cancellation_reason: str | None = None
    client_secret: str | None = Field(default=None, repr=False)
    latest_charge: Charge | str | None = None
    metadata: dict[str, str] = {}

    @property
    def charge(self) -> Charge | None:
        """Its charge, if it was asked for."""
        return self.latest_charge if isinstance(self.latest_charge, Charge) else None

    @property
    def expires_at(self) -> datetime | None:
        """When it is closed, UTC; ``None`` if it is not ours."""
        expires_in_s = self.metadata.get(EXPIRES_IN_S, "")
        if not (expires_in_s.isascii() and expires_in_s.isdigit()):
            return None
        return _moment(self.created) + timedelta(seconds=int(expires_in_s))


def invoice_of(intent: PaymentIntent, latest: datetime) -> Invoice | None:
    """What a payer gets to see of a payment; ``None`` if something is missing.

    Args:
        intent: the payment.
        latest: when it ends at the latest, UTC, by our own clock; Stripe's may be ahead.

    Raises:
        ValueError: when nobody understands the amount.
    """
    if not intent.client_secret or intent.expires_at is None:
        return None
    return Invoice(
        invoice_id=intent.id,
        amount=from_stripe(intent.amount, intent.currency),
        payment_request=intent.client_secret,
        expires_at=min(intent.expires_at, latest),
    )


def shown(
    intent: PaymentIntent, refunds: tuple[Refund, ...], disputes: tuple[Dispute, ...]
) -> Lookup:
    """What a payment shows.

    Args:
        intent: the payment, with its charge if it has one.
        refunds: all refunds of it.
        disputes: all disputes of it.

    Raises:
        ValueError: when nobody understands the amounts.
    """
    match intent.status:
        case status if status in PAYABLE:
            return Open()
        case "processing":
            return Pending()
        case "requires_capture":
            amount = from_stripe(intent.amount_capturable, intent.currency)
            return Held(amount, InstantDeadline(_captured_before(intent)))
        case "canceled":
            return Expired() if intent.cancellation_reason in _BY_TIME else Cancelled()
        case "succeeded":
            received = from_stripe(intent.amount_received, intent.currency)
            reversals = (*_refunded(intent, refunds), *_disputed(received, disputes))
            return Settled(received, reversals)
        case _:
            return Unreachable("a state that nobody understands")


def _captured_before(intent: PaymentIntent) -> datetime:
    charge = intent.charge
    if charge is None:
        return _moment(intent.created) + HOLD_SHORTEST
    details = charge.payment_method_details
    if details is not None and details.card is not None and details.card.capture_before:
        return _moment(details.card.capture_before)
    return _moment(charge.created) + HOLD_SHORTEST


def _refunded(intent: PaymentIntent, refunds: tuple[Refund, ...]) -> Iterator[Reversal]:
    for refund in refunds:
        status = _REFUNDS.get(refund.status)
        if status is None:
            raise ValueError("a refund that nobody understands")
        if _let_go(intent.charge, refund):
            continue
        yield Reversal(
            reversal_id=refund.id,
            amount=from_stripe(refund.amount, intent.currency),
            kind=ReversalKind.REFUND,
            status=status,
            key=refund.key,
        )


def _let_go(charge: Charge | None, refund: Refund) -> bool:
    """Whether a refund is the part of a hold that was not captured: it moved no money of ours."""
    partly = charge is not None and charge.amount_captured < charge.amount
    nothing_moved = refund.status == "succeeded" and refund.balance_transaction is None
    return partly and nothing_moved and refund.key is None


def _disputed(received: Money, disputes: tuple[Dispute, ...]) -> Iterator[Reversal]:
    for dispute in disputes:
        status = _DISPUTES.get(dispute.status)
        if status is None:
            continue
        amount = received  # in another currency, or more because of its rate: all of it
        if dispute.currency.upper() == received.currency:
            amount = min(from_stripe(dispute.amount, dispute.currency), received)
        yield Reversal(
            reversal_id=dispute.id, amount=amount, kind=ReversalKind.DISPUTE, status=status
        )


def _moment(timestamp_s: int) -> datetime:
    return datetime.fromtimestamp(timestamp_s, UTC)
