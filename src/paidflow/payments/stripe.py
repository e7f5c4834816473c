"""Cards by Stripe: a PaymentIntent is an invoice, its manual capture a hold. Needs the SDK.

A key makes a payment or a refund once for as long as Stripe remembers it, which is a day at least.
After that it is found by the key in its metadata. Capturing and cancelling need no key: a
payment is captured or cancelled once, and an answer kept under a key would hide what is new.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

from paidflow.clock import Clock, SystemClock
from paidflow.errors import InvalidConfiguration, WebhookRefused
from paidflow.money import Money
from paidflow.payments import contract as c
from paidflow.payments.http import Failure, GatewayHttp, SettingNames
from paidflow.payments.stripe_amounts import is_counted, to_stripe
from paidflow.payments.stripe_calls import (
    Refused,
    as_outcome,
    as_unreachable,
    as_unsent,
    call,
    client_of,
)
from paidflow.payments.stripe_events import SIGNATURE_HEADER, read_webhook
from paidflow.payments.stripe_objects import (
    EXPIRES_IN_S,
    KEY,
    PAYABLE,
    PaymentIntent,
    Refund,
    invoice_of,
)
from paidflow.payments.stripe_questions import StripeQuestions

LIVE_URL = "https://api.stripe.com"
DESCRIPTION_LENGTH_MAX = 500
ABLE = frozenset(
    {
        c.Capability.HOLD,
        c.Capability.CANCEL,
        c.Capability.UPDATES,
        c.Capability.HOLDINGS,
        c.Capability.REFUND,
    }
)
_SECRET_KEY = re.compile(r"(sk|rk)_[\x21-\x7e]+")
_PAYMENT_ID = re.compile(r"pi_[A-Za-z0-9]{1,250}")
_NO_PAYMENT = "no such payment"


class StripeGateway:
    """Payments by card through Stripe.

    Args:
        api_key: a secret key, or a restricted one that may read and write payments, charges,
            refunds, disputes, events and the balance.
        account: the id of the account (``acct_...``), so that a log acts on no other one.
        currencies: the currencies it takes; three capital letters.
        webhook_secret: the signing secret of the webhook's endpoint; without it there are none.
        payment_method_types: how people may pay; all that can hold money are fine for holds.
        clock: where the time comes from.
        url: where the API is.
        timeout_s: how long to wait for an answer.
        invoice_expiry_s: how long a payment can be made; it is closed at the first look after
            that, because Stripe closes none itself.
        patience_s: how long a hold may wait for work that cannot be done at once.

    Raises:
        InvalidConfiguration: when a setting cannot be right; it says which.
    """

    def __init__(
        self,
        api_key: str,
        *,
        account: str,
        currencies: Iterable[str],
        webhook_secret: str | None = None,
        payment_method_types: Iterable[str] = ("card",),
        clock: Clock | None = None,
        url: str = LIVE_URL,
        timeout_s: float = 10.0,
        invoice_expiry_s: int = 3600,
        patience_s: int = 600,
    ) -> None:
        if not _SECRET_KEY.fullmatch(api_key):
            raise InvalidConfiguration("api_key must be a secret key (sk_...) or a restricted one")
        taken = frozenset(currencies)
        if unknown := sorted(code for code in taken if not is_counted(code)):
            raise InvalidConfiguration(f"currencies: Stripe does not take {', '.join(unknown)}")
        self._http = GatewayHttp(url, headers={}, settings=SettingNames(), timeout_s=timeout_s)
        self._stripe = client_of(api_key, url.rstrip("/"), self._http)
        self._ask = StripeQuestions(self._stripe)
        self._clock = clock or SystemClock()
        self._webhook_secret = webhook_secret
        self._payment_method_types = list(payment_method_types)
        able = ABLE | {c.Capability.WEBHOOKS} if webhook_secret else ABLE
        mode = "live" if "_live_" in api_key else "test"
        self._profile = c.Profile(
            capabilities=able,
            currencies=taken,
            account=f"{account} ({mode})",
            invoice_expiry_s=invoice_expiry_s,
            patience_s=patience_s,
            webhook_headers=frozenset({SIGNATURE_HEADER}),
            payer_action=c.PayerAction.CONFIRM_CARD,
        )

    def __repr__(self) -> str:
        return f"StripeGateway(account={self._profile.account!r})"

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    @property
    def profile(self) -> c.Profile:
        """What it supports."""
        return self._profile

    def open(self, command: c.OpenCommand) -> c.OpenOutcome:
        """Create a payment; what the payer needs for it is its client secret."""
        amount = self._counted(command.amount)
        if amount is None:
            return c.Declined("no such amount at Stripe")
        latest = self._clock.now() + timedelta(seconds=command.expires_in_s)
        if command.again:
            found = self._ask.made_with(command.key)
            if isinstance(found, Failure):
                return as_unsent(found)
            if found is not None:
                return _opened(found, latest)
        made = call(
            lambda: self._stripe.v1.payment_intents.create(
                {
                    "amount": amount,
                    "currency": command.amount.currency.lower(),
                    "capture_method": "manual" if command.hold else "automatic",
                    "description": command.description[:DESCRIPTION_LENGTH_MAX],
                    "metadata": {KEY: command.key, EXPIRES_IN_S: str(command.expires_in_s)},
                    "allowed_payment_method_types": self._payment_method_types,
                },
                {"idempotency_key": command.key},
            ),
            PaymentIntent,
        )
        return _opened(made, latest) if isinstance(made, PaymentIntent) else as_outcome(made)

    def lookup(self, invoice_id: str) -> c.Lookup:
        """What Stripe shows about a payment now; one whose time is over is closed first."""
        if not _PAYMENT_ID.fullmatch(invoice_id):
            return c.NotFound()
        found = self._ask.payment(invoice_id)
        if isinstance(found, PaymentIntent) and self._is_over(found):
            closed = self._cancel(invoice_id, "abandoned")
            found = closed if isinstance(closed, PaymentIntent) else self._ask.payment(invoice_id)
        if isinstance(found, PaymentIntent):
            return self._ask.shown(found)
        if isinstance(found, Refused) and found.code == "resource_missing":
            return c.NotFound()
        return as_unreachable(found)

    def capture(self, command: c.CaptureCommand) -> c.CommandOutcome:
        """Take locked money, all or a part; the rest of it is let go of."""
        amount = self._counted(command.amount)
        if amount is None or not _PAYMENT_ID.fullmatch(command.invoice_id):
            return c.Declined(_NO_PAYMENT if amount else "no such amount at Stripe")
        told = call(
            lambda: self._stripe.v1.payment_intents.capture(
                command.invoice_id, {"amount_to_capture": amount}
            ),
            PaymentIntent,
        )
        return _done(told, "succeeded")

    def cancel(self, command: c.CancelCommand) -> c.CommandOutcome:
        """Close a payment, or let go of locked money; not while a payment is on its way."""
        if not _PAYMENT_ID.fullmatch(command.invoice_id):
            return c.Declined(_NO_PAYMENT)
        return _done(self._cancel(command.invoice_id, "requested_by_customer"), "canceled")

    def refund(self, command: c.RefundCommand) -> c.CommandOutcome:
        """Send money back, unless a refund with this key is there already."""
        amount = self._counted(command.amount)
        if amount is None or not _PAYMENT_ID.fullmatch(command.invoice_id):
            return c.Declined(_NO_PAYMENT if amount else "no such amount at Stripe")
        refunds = self._ask.refunds(command.invoice_id)
        if isinstance(refunds, Refused):
            return as_outcome(refunds)
        if isinstance(refunds, Failure):
            return as_unsent(refunds)
        if any(refund.key == command.key for refund in refunds):
            return c.Accepted()
        told = call(
            lambda: self._stripe.v1.refunds.create(
                {
                    "payment_intent": command.invoice_id,
                    "amount": amount,
                    "metadata": {KEY: command.key},
                },
                {"idempotency_key": command.key},
            ),
            Refund,
        )
        return c.Accepted() if isinstance(told, Refund) else as_outcome(told)

    def holdings(self) -> tuple[Money, ...] | c.Unreachable:
        """The balance, with what Stripe pays out only in some days; less its fees."""
        return self._ask.balance()

    def updates(self, cursor: str | None) -> c.Updates:
        """A page of the events of the last 30 days; none and the same cursor if it fails."""
        return self._ask.events(cursor or "")

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[c.Hint, ...]:
        """The payment that a webhook is about.

        Raises:
            WebhookRefused: when it is not genuine, too old or not readable.
        """
        if self._webhook_secret is None:
            raise WebhookRefused("webhook_secret is not set")
        return read_webhook(headers, body, secret=self._webhook_secret, now=self._clock.now())

    def _cancel(
        self, invoice_id: str, reason: Literal["abandoned", "requested_by_customer"]
    ) -> PaymentIntent | Refused | Failure:
        return call(
            lambda: self._stripe.v1.payment_intents.cancel(
                invoice_id, {"cancellation_reason": reason}
            ),
            PaymentIntent,
        )

    def _is_over(self, payment: PaymentIntent) -> bool:
        if payment.status not in PAYABLE or payment.expires_at is None:
            return False
        return self._clock.now() >= payment.expires_at

    def _counted(self, money: Money) -> int | None:
        """An amount as Stripe counts it, if it can be paid or given back there."""
        if money.currency not in self._profile.currencies or money.amount <= 0:
            return None
        return to_stripe(money)


def _opened(payment: PaymentIntent, latest: datetime) -> c.OpenOutcome:
    try:
        invoice = invoice_of(payment, latest)
    except ValueError as error:
        return c.Unknown(str(error))
    return c.Opened(invoice) if invoice else c.Unknown("a payment that nobody understands")


def _done(told: PaymentIntent | Refused | Failure, status: str) -> c.CommandOutcome:
    """What a command came to that brings a payment to a status, where it may be already."""
    if isinstance(told, PaymentIntent):
        return c.Accepted()
    if isinstance(told, Refused) and told.payment_status == status:
        return c.Accepted()
    return as_outcome(told)
