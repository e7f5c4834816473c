"""Payments for tests: opened, held, paid."""

from __future__ import annotations

from paidflow.money import Money
from paidflow.payments.contract import CaptureCommand, Invoice, OpenCommand, Opened
from paidflow.payments.stripe import StripeGateway
from tests.gateways.stripe.payer import Payer

TEN = Money(1000, "EUR")
EXPIRES_IN_S = 600


def open_command(
    key: str = "k", amount: Money = TEN, *, hold: bool = False, again: bool = False
) -> OpenCommand:
    return OpenCommand(key, amount, hold, None, "a post", EXPIRES_IN_S, again)


def opened(
    gateway: StripeGateway, key: str = "k", amount: Money = TEN, *, hold: bool = False
) -> Invoice:
    told = gateway.open(open_command(key, amount, hold=hold))
    assert isinstance(told, Opened), told
    return told.invoice


def held(gateway: StripeGateway, payer: Payer, amount: Money = TEN) -> Invoice:
    invoice = opened(gateway, amount=amount, hold=True)
    assert payer.pay(invoice.payment_request) == "requires_capture"
    return invoice


def paid(gateway: StripeGateway, payer: Payer, amount: Money = TEN, key: str = "k") -> str:
    """The id of a payment that was made."""
    invoice = opened(gateway, key, amount)
    assert payer.pay(invoice.payment_request) == "succeeded"
    return invoice.invoice_id


def capture(invoice: Invoice, amount: Money = TEN) -> CaptureCommand:
    return CaptureCommand(invoice.invoice_id, "k-capture", amount)
