"""Money that goes back: refunds of ours and of others, refunds that bounce, disputes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paidflow.money import Money
from paidflow.payments.contract import (
    Accepted,
    Declined,
    NotSent,
    RefundCommand,
    Reversal,
    ReversalKind,
    ReversalStatus,
    Settled,
    Unknown,
)
from paidflow.payments.stripe import StripeGateway
from paidflow.testing import ManualClock
from tests.gateways.stripe.front import Front, Misdeed
from tests.gateways.stripe.payer import Payer
from tests.gateways.stripe.payments import TEN, held, opened, paid

pytestmark = pytest.mark.gateways

FOUR, SIX = Money(400, "EUR"), Money(600, "EUR")
PENDING, SUCCEEDED, FAILED = ReversalStatus


def listed(gateway: StripeGateway, invoice_id: str) -> list[tuple[Money, str, str | None]]:
    """What a lookup shows of what goes back: amount, status and key."""
    found = gateway.lookup(invoice_id)
    assert isinstance(found, Settled), found
    assert found.amount == TEN
    assert len({each.reversal_id for each in found.reversals}) == len(found.reversals)
    return sorted((each.amount, str(each.status), each.key) for each in found.reversals)


def sent(front: Front) -> int:
    return sum((method, path) == ("POST", "/v1/refunds") for method, path, _ in front.requests)


def test_a_part_and_the_rest_go_back(gateway: StripeGateway, payer: Payer) -> None:
    invoice_id = paid(gateway, payer)
    assert gateway.refund(RefundCommand(invoice_id, "r1", FOUR)) == Accepted()
    assert listed(gateway, invoice_id) == [(FOUR, "succeeded", "r1")]
    assert gateway.holdings() == (SIX,)
    assert gateway.refund(RefundCommand(invoice_id, "r2", SIX)) == Accepted()
    assert listed(gateway, invoice_id) == [(FOUR, "succeeded", "r1"), (SIX, "succeeded", "r2")]
    assert gateway.holdings() == (Money(0, "EUR"),)


def test_more_than_there_is_does_not_go_back(gateway: StripeGateway, payer: Payer) -> None:
    invoice_id = paid(gateway, payer)
    too_much = RefundCommand(invoice_id, "r1", Money(1001, "EUR"))
    assert gateway.refund(too_much) == Declined("amount_too_large")
    gateway.refund(RefundCommand(invoice_id, "r2", FOUR))
    told = gateway.refund(RefundCommand(invoice_id, "r3", TEN))
    assert told == Declined("charge_already_refunded")
    assert listed(gateway, invoice_id) == [(FOUR, "succeeded", "r2")]


@pytest.mark.parametrize("hours", [0, 23, 25, 24 * 40])
def test_a_refund_is_sent_once_however_much_later_it_is_tried_again(
    gateway: StripeGateway, payer: Payer, front: Front, clock: ManualClock, hours: int
) -> None:
    invoice_id = paid(gateway, payer)
    command = RefundCommand(invoice_id, "r1", FOUR)
    front.misdeeds += [Misdeed(200, b'{"object":"list","data":[]}'), Misdeed(500, after=True)]
    assert gateway.refund(command) == Unknown("status 500")
    clock.tick(hours=hours)
    assert gateway.refund(command) == Accepted()
    assert listed(gateway, invoice_id) == [(FOUR, "succeeded", "r1")]


def test_one_that_fell_into_the_hands_of_two_is_sent_once(
    gateway: StripeGateway, payer: Payer, front: Front
) -> None:
    """Both have looked before either has sent it: then the key counts."""
    invoice_id = paid(gateway, payer)
    command = RefundCommand(invoice_id, "r1", FOUR)
    for _ in range(2):
        front.misdeeds.append(Misdeed(200, b'{"object":"list","data":[]}'))
        assert gateway.refund(command) == Accepted()
    assert sent(front) == 2
    assert listed(gateway, invoice_id) == [(FOUR, "succeeded", "r1")]


def test_it_is_not_sent_if_nobody_can_say_whether_it_was(
    gateway: StripeGateway, payer: Payer, front: Front
) -> None:
    invoice_id = paid(gateway, payer)
    front.misdeeds.append(Misdeed(500))
    assert gateway.refund(RefundCommand(invoice_id, "r1", FOUR)) == NotSent("status 500")
    assert sent(front) == 0


def test_a_refund_is_on_its_way_until_it_arrives(
    gateway: StripeGateway, payer: Payer, front: Front
) -> None:
    front.account.slow_refunds = True
    invoice_id = paid(gateway, payer)
    gateway.refund(RefundCommand(invoice_id, "r1", FOUR))
    assert listed(gateway, invoice_id) == [(FOUR, "pending", "r1")]
    front.account.finish_refund(invoice_id, "succeeded")
    assert listed(gateway, invoice_id) == [(FOUR, "succeeded", "r1")]


@pytest.mark.parametrize("slow", [False, True])
def test_a_refund_that_comes_back_has_failed(
    gateway: StripeGateway, payer: Payer, front: Front, slow: bool
) -> None:
    front.account.slow_refunds = slow
    invoice_id = paid(gateway, payer)
    gateway.refund(RefundCommand(invoice_id, "r1", FOUR))
    front.account.finish_refund(invoice_id, "failed")
    assert listed(gateway, invoice_id) == [(FOUR, "failed", "r1")]
    assert gateway.holdings() == (TEN,)
    assert gateway.refund(RefundCommand(invoice_id, "r2", TEN)) == Accepted()


def test_refunds_of_others_are_listed_without_a_key(
    gateway: StripeGateway, payer: Payer, front: Front
) -> None:
    invoice_id = paid(gateway, payer)
    front.account.refund({"payment_intent": invoice_id, "amount": "400"})
    assert listed(gateway, invoice_id) == [(FOUR, "succeeded", None)]


def test_many_refunds_are_all_listed(gateway: StripeGateway, payer: Payer, front: Front) -> None:
    invoice_id = paid(gateway, payer)
    for _ in range(120):
        front.account.refund({"payment_intent": invoice_id, "amount": "1"})
    assert len(listed(gateway, invoice_id)) == 120
    assert gateway.refund(RefundCommand(invoice_id, "r1", FOUR)) == Accepted()


def test_what_is_not_ours_yet_does_not_go_back(gateway: StripeGateway, payer: Payer) -> None:
    unpaid, locked = opened(gateway, "other"), held(gateway, payer)
    for invoice in (unpaid, locked):
        told = gateway.refund(RefundCommand(invoice.invoice_id, invoice.invoice_id, FOUR))
        assert told == Declined("payment_intent_unexpected_state")


@pytest.mark.parametrize("invoice_id", ["pi_unknown", "", "re_1"])
def test_what_is_unknown_does_not_go_back(gateway: StripeGateway, invoice_id: str) -> None:
    assert isinstance(gateway.refund(RefundCommand(invoice_id, "r1", FOUR)), Declined)


@pytest.mark.parametrize(("end", "status"), [("won", FAILED), ("lost", SUCCEEDED)])
def test_a_dispute_is_open_until_it_is_decided(
    gateway: StripeGateway, payer: Payer, front: Front, end: str, status: ReversalStatus
) -> None:
    invoice_id = paid(gateway, payer)
    dispute_id = front.account.dispute(invoice_id, "needs_response")["id"]

    def shown() -> Settled:
        found = gateway.lookup(invoice_id)
        assert isinstance(found, Settled)
        return found

    def disputed(status: ReversalStatus) -> Settled:
        return Settled(TEN, (Reversal(dispute_id, TEN, ReversalKind.DISPUTE, status),))

    assert shown() == disputed(PENDING)
    front.account.dispute(invoice_id, "under_review")
    assert shown() == disputed(PENDING)
    front.account.dispute(invoice_id, end)
    assert shown() == disputed(status)


def test_an_inquiry_takes_no_money_until_it_is_a_dispute(
    gateway: StripeGateway, payer: Payer, front: Front
) -> None:
    invoice_id = paid(gateway, payer)
    front.account.dispute(invoice_id, "warning_needs_response")
    assert listed(gateway, invoice_id) == []
    front.account.dispute(invoice_id, "needs_response")
    assert listed(gateway, invoice_id) == [(TEN, "pending", None)]


def test_what_is_contested_for_more_than_came_is_contested_whole(
    gateway: StripeGateway, payer: Payer, front: Front
) -> None:
    """Stripe's amount can be more, because rates have changed."""
    invoice_id = paid(gateway, payer)
    front.account.dispute(invoice_id, "needs_response", 1040)
    assert listed(gateway, invoice_id) == [(TEN, "pending", None)]


def test_a_payment_with_refund_and_dispute_lists_both(
    gateway: StripeGateway, payer: Payer, front: Front, clock: ManualClock
) -> None:
    invoice_id = paid(gateway, payer)
    gateway.refund(RefundCommand(invoice_id, "r1", FOUR))
    clock.tick(timedelta(days=3).total_seconds())
    front.account.dispute(invoice_id, "needs_response", 600)
    assert listed(gateway, invoice_id) == [(FOUR, "succeeded", "r1"), (SIX, "pending", None)]
