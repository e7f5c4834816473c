"""Stripe and its world, for the checks that every gateway has to pass."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from paidflow.money import Money
from paidflow.payments.contract import Gateway, Invoice
from paidflow.payments.stripe import StripeGateway
from paidflow.testing import ManualClock
from paidflow.testing.conformance import GatewayUnderTest, cannot_be_arranged
from tests.gateways.stripe.account import SECRET_KEY
from tests.gateways.stripe.front import WEBHOOK_SECRET, Front
from tests.gateways.stripe.payer import Payer

PAID = ("succeeded", "requires_capture")


class StripeUnderTest(GatewayUnderTest):
    """Stripe as it is on localstripe behind the front.

    Args:
        gateway: the adapter.
        front: what it is connected to.
        payer: who pays there.
        clock: the time of both.
    """

    amount = Money(3000, "EUR")
    secrets = (SECRET_KEY, WEBHOOK_SECRET)
    holds_need_preimage = False

    def __init__(
        self, gateway: StripeGateway, front: Front, payer: Payer, clock: ManualClock
    ) -> None:
        super().__init__(gateway)
        self._front, self._payer, self._clock = front, payer, clock
        self._currencies = gateway.profile.currencies

    def now(self) -> datetime:
        return self._clock.now()

    def pay(self, invoice: Invoice, amount: Money) -> bool:
        if amount != invoice.amount:
            cannot_be_arranged("a card is charged exactly what is asked for")
        if self._front.account.payment(invoice.invoice_id)["status"] == "processing":
            self._front.account.arrive(invoice.invoice_id)
            return True
        return self._payer.pay(invoice.payment_request) in PAID

    def start_payment(self, invoice: Invoice) -> None:
        assert self._payer.pay(invoice.payment_request, slow=True) == "processing"

    def fail_payment(self, invoice: Invoice) -> None:
        self._front.account.bounce(invoice.invoice_id)

    def refund_outside(self, invoice: Invoice, amount: Money) -> None:
        sent = {"payment_intent": invoice.invoice_id, "amount": str(amount.amount)}
        self._front.account.refund(sent)

    def open_dispute(self, invoice: Invoice) -> None:
        self._front.account.dispute(invoice.invoice_id, "needs_response")

    def expire(self, invoice: Invoice) -> None:
        self._clock.tick(self.short_expiry_s)

    def drop_hold(self, invoice: Invoice) -> None:
        self._front.account.lapse(invoice.invoice_id)

    def webhook(self, invoice: Invoice) -> tuple[Mapping[str, str], bytes]:
        return self._front.webhook(_about({"object": "payment_intent", "id": invoice.invoice_id}))

    def old_webhook(self, invoice: Invoice) -> tuple[Mapping[str, str], bytes]:
        self._clock.tick(-3600)
        old = self.webhook(invoice)
        self._clock.tick(3600)
        return old

    def other_webhook(self) -> tuple[Mapping[str, str], bytes]:
        return self._front.webhook(_about({"object": "customer", "id": "cus_1"}))

    def pointed_at(self, url: str, timeout_s: float) -> Gateway:
        return StripeGateway(
            SECRET_KEY,
            account="acct_1",
            currencies=self._currencies,
            webhook_secret=WEBHOOK_SECRET,
            clock=self._clock,
            url=url,
            timeout_s=timeout_s,
        )


def _about(thing: dict[str, str]) -> dict[str, Any]:
    return {"id": "evt_1", "object": "event", "data": {"object": thing}}
