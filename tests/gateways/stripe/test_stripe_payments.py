"""Payments by card: paid at once, declined, with 3-D Secure, slow, cancelled, over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paidflow.money import Money
from paidflow.payments.contract import (
    Accepted,
    CancelCommand,
    Cancelled,
    CaptureCommand,
    Declined,
    Expired,
    Held,
    HoldingsGateway,
    InstantDeadline,
    NotFound,
    Open,
    OpenCommand,
    Pending,
    RefundingGateway,
    Settled,
)
from paidflow.payments.stripe import StripeGateway
from paidflow.testing import ManualClock
from tests.gateways.stripe.account import CAPTURABLE
from tests.gateways.stripe.front import Front
from tests.gateways.stripe.payer import DECLINED, SECURE, Payer
from tests.gateways.stripe.payments import EXPIRES_IN_S, TEN, capture, held, opened

pytestmark = pytest.mark.gateways


def test_it_is_a_gateway_that_holds_refunds_and_counts(gateway: StripeGateway) -> None:
    assert isinstance(gateway, RefundingGateway)
    assert isinstance(gateway, HoldingsGateway)
    assert gateway.profile.account == "acct_1 (test)"
    assert sorted(gateway.profile.capabilities) == [
        "cancel",
        "hold",
        "holdings",
        "refund",
        "updates",
        "webhooks",
    ]


def test_a_payment_is_opened_with_exactly_the_amount(gateway: StripeGateway, front: Front) -> None:
    invoice = opened(gateway)
    payment = front.account.payment(invoice.invoice_id)
    assert (payment["amount"], payment["currency"], payment["description"]) == (
        1000,
        "eur",
        "a post",
    )
    assert invoice.amount == TEN
    assert invoice.payment_request == payment["client_secret"]
    assert invoice.payment_request not in repr(invoice)
    assert gateway.lookup(invoice.invoice_id) == Open()


def test_it_is_paid_at_once(gateway: StripeGateway, payer: Payer) -> None:
    invoice = opened(gateway)
    assert payer.pay(invoice.payment_request) == "succeeded"
    assert gateway.lookup(invoice.invoice_id) == Settled(TEN)


def test_a_declined_card_leaves_it_payable(gateway: StripeGateway, payer: Payer) -> None:
    invoice = opened(gateway)
    assert payer.pay(invoice.payment_request, DECLINED) == "card_declined"
    assert gateway.lookup(invoice.invoice_id) == Open()
    assert payer.pay(invoice.payment_request) == "succeeded"
    assert gateway.lookup(invoice.invoice_id) == Settled(TEN)


def test_with_3d_secure_it_is_open_until_that_is_done(gateway: StripeGateway, payer: Payer) -> None:
    invoice = opened(gateway)
    assert payer.pay(invoice.payment_request, SECURE) == "requires_action"
    assert gateway.lookup(invoice.invoice_id) == Open()
    assert payer.authenticate(invoice.payment_request) == "succeeded"
    assert gateway.lookup(invoice.invoice_id) == Settled(TEN)


def test_a_payer_who_fails_3d_secure_has_not_paid(gateway: StripeGateway, payer: Payer) -> None:
    invoice = opened(gateway)
    payer.pay(invoice.payment_request, SECURE)
    assert payer.authenticate(invoice.payment_request, well=False) == "requires_payment_method"
    assert gateway.lookup(invoice.invoice_id) == Open()


def test_a_payment_on_its_way_is_pending_and_cannot_be_cancelled(
    gateway: StripeGateway, payer: Payer, front: Front
) -> None:
    invoice = opened(gateway)
    assert payer.pay(invoice.payment_request, slow=True) == "processing"
    assert gateway.lookup(invoice.invoice_id) == Pending()
    told = gateway.cancel(CancelCommand(invoice.invoice_id, "k-cancel"))
    assert told == Declined("payment_intent_unexpected_state")
    front.account.arrive(invoice.invoice_id)
    assert gateway.lookup(invoice.invoice_id) == Settled(TEN)


def test_after_it_came_back_it_can_be_cancelled_with_the_same_key(
    gateway: StripeGateway, payer: Payer, front: Front
) -> None:
    """An answer that is kept under the key would say no for a day."""
    invoice = opened(gateway)
    command = CancelCommand(invoice.invoice_id, "k-cancel")
    payer.pay(invoice.payment_request, slow=True)
    assert isinstance(gateway.cancel(command), Declined)
    front.account.bounce(invoice.invoice_id)
    assert gateway.cancel(command) == Accepted()
    assert gateway.lookup(invoice.invoice_id) == Cancelled()


def test_a_hold_can_be_captured(gateway: StripeGateway, payer: Payer, clock: ManualClock) -> None:
    invoice = held(gateway, payer)
    deadline = InstantDeadline(clock.now() + CAPTURABLE)
    assert gateway.lookup(invoice.invoice_id) == Held(TEN, deadline)
    assert gateway.capture(capture(invoice)) == Accepted()
    assert gateway.lookup(invoice.invoice_id) == Settled(TEN)
    assert gateway.capture(capture(invoice)) == Accepted()
    assert gateway.lookup(invoice.invoice_id) == Settled(TEN)


def test_where_stripe_does_not_say_it_the_shortest_hold_counts(
    gateway: StripeGateway, payer: Payer, front: Front, clock: ManualClock
) -> None:
    front.account.says_until_when = False
    invoice = opened(gateway, hold=True)
    clock.tick(60)
    payer.pay(invoice.payment_request)
    deadline = InstantDeadline(clock.now() + timedelta(days=4, hours=18))
    assert gateway.lookup(invoice.invoice_id) == Held(TEN, deadline)


@pytest.mark.parametrize("lets_go_by_refund", [False, True])
def test_a_part_of_a_hold_can_be_captured(
    gateway: StripeGateway, payer: Payer, front: Front, lets_go_by_refund: bool
) -> None:
    front.account.lets_go_by_refund = lets_go_by_refund
    invoice = held(gateway, payer)
    assert gateway.capture(capture(invoice, Money(400, "EUR"))) == Accepted()
    assert gateway.lookup(invoice.invoice_id) == Settled(Money(400, "EUR"))


def test_more_than_is_held_cannot_be_captured(gateway: StripeGateway, payer: Payer) -> None:
    invoice = held(gateway, payer)
    assert gateway.capture(capture(invoice, Money(1001, "EUR"))) == Declined("amount_too_large")
    assert isinstance(gateway.lookup(invoice.invoice_id), Held)


def test_what_was_cancelled_cannot_be_captured(gateway: StripeGateway, payer: Payer) -> None:
    invoice = held(gateway, payer)
    command = CancelCommand(invoice.invoice_id, "k-cancel")
    assert gateway.cancel(command) == Accepted()
    assert gateway.cancel(command) == Accepted()
    assert gateway.capture(capture(invoice)) == Declined("payment_intent_unexpected_state")
    assert gateway.lookup(invoice.invoice_id) == Cancelled()


def test_what_was_captured_cannot_be_cancelled(gateway: StripeGateway, payer: Payer) -> None:
    invoice = held(gateway, payer)
    gateway.capture(capture(invoice))
    told = gateway.cancel(CancelCommand(invoice.invoice_id, "k-cancel"))
    assert told == Declined("payment_intent_unexpected_state")


def test_a_hold_that_nobody_captured_in_time_is_gone(
    gateway: StripeGateway, payer: Payer, front: Front
) -> None:
    invoice = held(gateway, payer)
    front.account.lapse(invoice.invoice_id)
    assert gateway.lookup(invoice.invoice_id) == Expired()


def test_a_payment_whose_time_is_over_is_closed_at_stripe(
    gateway: StripeGateway, payer: Payer, clock: ManualClock
) -> None:
    invoice = opened(gateway)
    assert invoice.expires_at == clock.now() + timedelta(seconds=EXPIRES_IN_S)
    clock.tick(EXPIRES_IN_S - 1)
    assert gateway.lookup(invoice.invoice_id) == Open()
    clock.tick(1)
    assert gateway.lookup(invoice.invoice_id) == Expired()
    assert payer.pay(invoice.payment_request) == "payment_intent_unexpected_state"


def test_money_that_came_after_the_time_was_over_is_ours(
    gateway: StripeGateway, payer: Payer, clock: ManualClock
) -> None:
    invoice = opened(gateway)
    clock.tick(EXPIRES_IN_S + 60)
    payer.pay(invoice.payment_request)
    assert gateway.lookup(invoice.invoice_id) == Settled(TEN)


def test_a_payment_on_its_way_outlives_its_time(
    gateway: StripeGateway, payer: Payer, front: Front, clock: ManualClock
) -> None:
    invoice = opened(gateway)
    payer.pay(invoice.payment_request, slow=True)
    clock.tick(EXPIRES_IN_S + 60)
    assert gateway.lookup(invoice.invoice_id) == Pending()
    front.account.bounce(invoice.invoice_id)
    assert gateway.lookup(invoice.invoice_id) == Expired()


@pytest.mark.parametrize("invoice_id", ["pi_unknown", "", "../balance", "pi_", "pi_1/cancel", "ä"])
def test_what_is_unknown_is_not_found(gateway: StripeGateway, invoice_id: str) -> None:
    assert gateway.lookup(invoice_id) == NotFound()
    assert isinstance(gateway.cancel(CancelCommand(invoice_id, "k")), Declined)
    assert isinstance(gateway.capture(CaptureCommand(invoice_id, "k", TEN)), Declined)


@pytest.mark.parametrize(
    ("amount", "counted"),
    [
        (Money(500, "JPY"), 500),
        (Money(5, "ISK"), 500),
        (Money(5, "UGX"), 500),
        (Money(1045, "HUF"), 1045),
        (Money(5120, "BHD"), 5120),
    ],
    ids=lambda value: value.currency if isinstance(value, Money) else "",
)
def test_currencies_are_counted_as_stripe_does(
    gateway: StripeGateway, payer: Payer, front: Front, amount: Money, counted: int
) -> None:
    invoice = held(gateway, payer, amount)
    assert front.account.payment(invoice.invoice_id)["amount"] == counted
    assert invoice.amount == amount
    gateway.capture(capture(invoice, amount))
    assert gateway.lookup(invoice.invoice_id) == Settled(amount)
    assert gateway.holdings() == (amount,)


@pytest.mark.parametrize(
    "amount", [Money(5124, "BHD"), Money(0, "EUR"), Money(-1, "EUR"), Money(1, "GBP")], ids=str
)
def test_amounts_that_are_not_there_are_declined(
    gateway: StripeGateway, front: Front, amount: Money
) -> None:
    told = gateway.open(OpenCommand("k", amount, False, None, "", EXPIRES_IN_S))
    assert told == Declined("no such amount at Stripe")
    assert front.requests == []


def test_stripes_own_limits_decline(gateway: StripeGateway) -> None:
    told = gateway.open(OpenCommand("k", Money(10**8, "EUR"), False, None, "", EXPIRES_IN_S))
    assert told == Declined("parameter_invalid_integer")
