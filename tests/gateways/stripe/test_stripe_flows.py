"""Whole flows with cards: from the request to the money, and back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from paidflow import (
    FailureReason,
    LatePolicy,
    Money,
    NextAction,
    PaidAction,
    PaidFlow,
    Receipt,
    State,
)
from paidflow.errors import GatewayRefused
from paidflow.flow.inbox import WebhookAnswer
from paidflow.operating.audit import audit
from paidflow.payments.stripe import StripeGateway
from paidflow.testing import ManualClock
from paidflow.testing.crash import crash_at
from paidflow.worker import Worker
from tests.database_search import rows_with
from tests.gateways.stripe.account import SECRET_KEY
from tests.gateways.stripe.front import Front, Misdeed
from tests.gateways.stripe.payer import DECLINED, SECURE, Payer

pytestmark = pytest.mark.gateways

PRICE = Money(1999, "EUR")
DONE: list[str] = []


class Order(PaidAction):
    """Performed at once, paid later."""

    kind = "order"
    optimistic = True
    anonymous = True
    late_payment = LatePolicy.REFUND

    def cost(self, ctx):
        return PRICE

    def perform(self, ctx):
        DONE.append("perform")

    def on_failed(self, ctx):
        DONE.append("on_failed")

    def on_retry(self, ctx):
        DONE.append("on_retry")


class Ticket(PaidAction):
    """Performed once the money is held."""

    kind = "ticket"
    anonymous = True
    sold_out: bool = False

    def cost(self, ctx):
        return PRICE

    def perform(self, ctx):
        if self.sold_out:
            raise RuntimeError("sold out")
        DONE.append("perform")


class Fils(PaidAction):
    """Costs what Stripe cannot charge."""

    kind = "fils"
    optimistic = True

    def cost(self, ctx):
        return Money(5124, "BHD")


@pytest.fixture
def flow(gateway: StripeGateway, clock: ManualClock, tmp_path: Path) -> Iterator[PaidFlow]:
    DONE.clear()
    with PaidFlow.open(
        f"sqlite:///{tmp_path}/flow.db",
        actions=[Order, Ticket, Fils],
        gateways={"stripe": gateway},
        secret="only for tests, and long enough",
        clock=clock,
    ) as flow:
        yield flow
        assert [each for each in audit(flow) if not each.agrees] == []


def sync(flow: PaidFlow, receipt: Receipt) -> Receipt:
    assert receipt.invoice_id is not None
    after = flow.sync("stripe", receipt.invoice_id)
    assert after is not None
    return after


def secret_of(receipt: Receipt) -> str:
    assert receipt.next_action is NextAction.CONFIRM_CARD
    assert receipt.payment_request is not None
    return receipt.payment_request


def earned(flow: PaidFlow, account: str) -> list[Money]:
    """Each amount that an account got."""
    return [line.amount for line in flow.statement(account, "EUR")]


def work(flow: PaidFlow) -> None:
    Worker(flow).run_until_idle()


def test_an_order_is_paid_by_card(flow: PaidFlow, payer: Payer) -> None:
    receipt = flow.perform(Order(), actor="ann")
    assert (receipt.state, receipt.amount_due, DONE) == (State.PENDING, PRICE, ["perform"])
    assert payer.pay(secret_of(receipt), DECLINED) == "card_declined"
    assert sync(flow, receipt).state is State.PENDING
    assert payer.pay(secret_of(receipt), SECURE) == "requires_action"
    assert sync(flow, receipt).state is State.PENDING
    payer.authenticate(secret_of(receipt))
    after = sync(flow, receipt)
    assert (after.state, after.payment_request, after.next_action) == (State.PAID, None, "none")
    assert earned(flow, "revenue:order") == [PRICE]


def test_a_ticket_is_held_performed_and_captured(
    flow: PaidFlow, payer: Payer, front: Front
) -> None:
    receipt = flow.perform(Ticket())
    assert (receipt.state, DONE) == (State.PENDING_HELD, [])
    payer.pay(secret_of(receipt))
    assert sync(flow, receipt).state is State.PAID
    assert DONE == ["perform"]
    assert front.account.payments[receipt.invoice_id or ""].received == 1999


def test_what_cannot_be_done_is_not_charged(flow: PaidFlow, payer: Payer, front: Front) -> None:
    receipt = flow.perform(Ticket(sold_out=True))
    payer.pay(secret_of(receipt))
    after = sync(flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.EXECUTION_FAILED)
    payment = front.account.payment(receipt.invoice_id or "")
    assert (payment["status"], payment["amount_received"]) == ("canceled", 0)


def test_stripe_lets_go_of_a_hold_that_nobody_used(
    flow: PaidFlow, payer: Payer, front: Front, clock: ManualClock
) -> None:
    receipt = flow.perform(Ticket())
    payer.pay(secret_of(receipt))
    clock.tick(days=7, minutes=-9)  # within the margin before Stripe does
    after = sync(flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.HELD_TOO_LONG)
    assert DONE == []
    assert front.account.payment(receipt.invoice_id or "")["status"] == "canceled"


@pytest.mark.parametrize("after", [False, True])
def test_an_error_while_capturing_charges_once(
    flow: PaidFlow, payer: Payer, front: Front, clock: ManualClock, after: bool
) -> None:
    receipt = flow.perform(Ticket())
    payer.pay(secret_of(receipt))
    front.misdeeds.append(Misdeed(500, after=after, at="/capture"))
    sync(flow, receipt)
    clock.tick(60)
    work(flow)
    assert flow.get(receipt.action_id, proof=receipt.proof).state is State.PAID
    assert DONE == ["perform"]
    captured = [path for _, path, _ in front.requests if path.endswith("/capture")]
    assert len(captured) == (1 if after else 2)


def test_nobody_pays_in_time(flow: PaidFlow, payer: Payer, clock: ManualClock) -> None:
    receipt = flow.perform(Order(), actor="ann")
    clock.tick(3601)
    work(flow)
    after = flow.get(receipt.action_id, actor="ann")
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.EXPIRED)
    assert DONE == ["perform", "on_failed"]
    assert payer.pay(secret_of(receipt)) == "payment_intent_unexpected_state"
    again = flow.retry(receipt.action_id, actor="ann")
    assert again.invoice_id != receipt.invoice_id
    payer.pay(secret_of(again))
    assert sync(flow, again).state is State.PAID


def test_the_payer_cancels(flow: PaidFlow, payer: Payer, front: Front) -> None:
    receipt = flow.perform(Order(), actor="ann")
    after = flow.cancel(receipt.action_id, actor="ann")
    assert after.state is State.FAILED
    assert front.account.payment(receipt.invoice_id or "")["status"] == "canceled"


def test_a_payment_on_its_way_cannot_be_cancelled_and_then_arrives(
    flow: PaidFlow, payer: Payer, front: Front
) -> None:
    receipt = flow.perform(Order(), actor="ann")
    payer.pay(secret_of(receipt), slow=True)
    assert flow.cancel(receipt.action_id, actor="ann").state is State.PENDING
    front.account.arrive(receipt.invoice_id or "")
    assert sync(flow, receipt).state is State.PAID


def test_refunds_go_through_the_card(flow: PaidFlow, payer: Payer, front: Front) -> None:
    receipt = flow.perform(Order(), actor="ann")
    payer.pay(secret_of(receipt))
    sync(flow, receipt)
    part = flow.refund(receipt.action_id, Money(999, "EUR"), operator="eve", why="late")
    assert (part.state, part.refunded) == (State.PAID, Money(999, "EUR"))
    rest = flow.refund(receipt.action_id, operator="eve", why="never came")
    assert (rest.state, rest.refunded) == (State.REFUNDED, PRICE)
    front.account.finish_refund(receipt.invoice_id or "", "failed")
    assert sync(flow, receipt).state is State.PAID


@pytest.mark.parametrize(("end", "state"), [("won", State.PAID), ("lost", State.REFUNDED)])
def test_a_dispute(flow: PaidFlow, payer: Payer, front: Front, end: str, state: State) -> None:
    receipt = flow.perform(Order(), actor="ann")
    payer.pay(secret_of(receipt))
    sync(flow, receipt)
    front.account.dispute(receipt.invoice_id or "", "needs_response")
    assert sync(flow, receipt).state is State.DISPUTED
    front.account.dispute(receipt.invoice_id or "", end)
    assert sync(flow, receipt).state is state


def test_messages_twice_late_and_in_the_wrong_order_do_no_harm(
    flow: PaidFlow, gateway: StripeGateway, payer: Payer, front: Front
) -> None:
    receipt = flow.perform(Ticket())
    payer.pay(secret_of(receipt))
    sync(flow, receipt)
    for event in [*front.account.events[::-1], *front.account.events]:
        for hint in gateway.parse_webhook(*front.webhook(event)):
            flow.sync("stripe", hint.invoice_id)
    assert flow.get(receipt.action_id, proof=receipt.proof).state is State.PAID
    assert DONE == ["perform"]
    assert earned(flow, "revenue:ticket") == [PRICE]


def test_the_inbox_takes_what_stripe_sends(flow: PaidFlow, payer: Payer, front: Front) -> None:
    receipt = flow.perform(Ticket(), actor="ann")
    payer.pay(secret_of(receipt))
    (event,) = front.account.events
    for _ in range(2):
        answer = flow.receive_webhook("stripe", *front.webhook(event))
        assert answer is WebhookAnswer.ACCEPTED
    forged = front.webhook(event, secret="whsec_of_somebody_else")
    assert flow.receive_webhook("stripe", *forged) is WebhookAnswer.REFUSED
    flow.look_at_webhooks()
    assert flow.get(receipt.action_id, actor="ann").state is State.PAID


def test_a_worker_hears_of_it_from_the_list_of_events(flow: PaidFlow, payer: Payer) -> None:
    receipt = flow.perform(Ticket())
    payer.pay(secret_of(receipt))
    work(flow)
    assert flow.get(receipt.action_id, proof=receipt.proof).state is State.PAID


def test_while_stripe_is_down_an_order_waits_for_its_payment(
    flow: PaidFlow, payer: Payer, front: Front, clock: ManualClock
) -> None:
    front.misdeeds.append(Misdeed(500, after=True))
    receipt = flow.perform(Order(), actor="ann")
    assert (receipt.state, receipt.next_action) == (State.RETRYING, NextAction.WAIT)
    clock.tick(10)
    work(flow)
    waiting = flow.get(receipt.action_id, actor="ann")
    assert waiting.state is State.PENDING
    payer.pay(secret_of(waiting))
    assert sync(flow, waiting).state is State.PAID


def test_what_stripe_cannot_charge_is_refused(flow: PaidFlow) -> None:
    with pytest.raises(GatewayRefused, match="no such amount"):
        flow.perform(Fils(), actor="ann")


def test_the_client_secret_is_for_the_payer_alone(
    flow: PaidFlow, payer: Payer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receipt = flow.perform(Ticket(), actor="ann")
    secret = secret_of(receipt)
    payer.pay(secret)
    sync(flow, receipt)
    assert flow.get(receipt.action_id, actor="ann").payment_request is None
    assert secret not in caplog.text + repr(receipt)
    assert [row.split(":")[0] for row in rows_with(flow, secret)] == ["paidflow_attempts"]
    assert secret not in str(flow.history(receipt.action_id, actor="ann"))


@pytest.mark.parametrize("hours", [1, 23, 25])
def test_a_process_that_died_while_it_asked_finds_the_payment_however_much_later(
    front: Front,
    payer: Payer,
    clock: ManualClock,
    tmp_path: Path,
    hours: int,
) -> None:
    gateway = StripeGateway(
        SECRET_KEY,
        account="acct_1",
        currencies=["EUR"],
        clock=clock,
        url=front.url,
        invoice_expiry_s=48 * 3600,
    )

    def patient() -> PaidFlow:
        return PaidFlow.open(
            f"sqlite:///{tmp_path}/patient.db",
            actions=[Order],
            gateways={"stripe": gateway},
            secret="only for tests, and long enough",
            clock=clock,
            creation_s=30 * 3600,
        )

    with patient() as flow:
        front.misdeeds.append(Misdeed(401))
        receipt = flow.perform(Order(), actor="ann")
        assert receipt.state is State.RETRYING
        clock.tick(60)
        with crash_at("worker.open.after"):
            work(flow)
    assert len(front.account.payments) == 1
    clock.tick(hours=hours)
    with patient() as flow:
        work(flow)
        waiting = flow.get(receipt.action_id, actor="ann")
        assert waiting.state is State.PENDING
        assert list(front.account.payments) == [waiting.invoice_id]
        payer.pay(secret_of(waiting))
        assert sync(flow, waiting).state is State.PAID
    gateway.close()
