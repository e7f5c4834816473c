"""Stripe's events: which payment each is about. They come as webhooks, or are read from a list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import stripe
from pydantic import BaseModel, ValidationError

from paidflow.errors import WebhookRefused
from paidflow.payments.contract import Hint

SIGNATURE_HEADER = "stripe-signature"
TOLERANCE_S = 300
"""How old a webhook may be: the SDK's own limit. How far in the future: the same."""

BODY_BYTES_MAX = 1024 * 1024
EVENT_TYPES = (
    "charge.captured",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.expired",
    "charge.refund.updated",
    "charge.refunded",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "refund.created",
    "refund.failed",
    "refund.updated",
)
"""The events that say something about a payment; a list can be asked for 20 types."""


class About(BaseModel):
    """The thing that an event is about: a payment, or a charge, a refund or a dispute of one."""

    object: str
    id: str
    payment_intent: str | None = None


class EventData(BaseModel):
    """What an event holds."""

    object: About


class Event(BaseModel):
    """A message of Stripe."""

    id: str
    data: EventData

    @property
    def payment_id(self) -> str | None:
        """The payment that it is about; ``None`` if it is about something else."""
        about = self.data.object
        return about.id if about.object == "payment_intent" else about.payment_intent


class Events(BaseModel):
    """A page of events, the newest first."""

    data: tuple[Event, ...]
    has_more: bool = False


def hints_of(events: tuple[Event, ...]) -> tuple[Hint, ...]:
    """The payments that events are about, each once."""
    payments = dict.fromkeys(event.payment_id for event in events)
    return tuple(Hint(payment) for payment in payments if payment)


def read_webhook(
    headers: Mapping[str, str], body: bytes, *, secret: str, now: datetime
) -> tuple[Hint, ...]:
    """The payment that a genuine webhook is about; none if it is about something else.

    Args:
        headers: in any case.
        body: as it came.
        secret: the signing secret of the endpoint.
        now: the current moment, UTC; the SDK itself would ask the machine's clock.

    Raises:
        WebhookRefused: when it is not genuine, too old or not readable.
    """
    given = {name.lower(): value for name, value in headers.items()}.get(SIGNATURE_HEADER, "")
    if len(body) > BODY_BYTES_MAX:
        raise WebhookRefused("it is too long")
    try:
        event = stripe.Webhook.construct_event(body, given, secret, tolerance=0)
    except (stripe.SignatureVerificationError, UnicodeError, TypeError):
        raise WebhookRefused("the signature does not fit") from None
    except (AttributeError, KeyError, ValueError, RecursionError):
        raise WebhookRefused("it is not readable") from None
    if abs(now.timestamp() - _signed_at_s(given)) > TOLERANCE_S:
        raise WebhookRefused("it is too old, or from the future")
    try:
        return hints_of((Event.model_validate(event.to_dict()),))
    except ValidationError:
        return ()  # genuine, and about something else


def _signed_at_s(signature: str) -> int:
    """When it was signed, of a header that the SDK has accepted; it reads the first ``t``."""
    parts = (part.split("=", 2) for part in signature.split(","))
    return next(int(part[1]) for part in parts if part[0] == "t")
