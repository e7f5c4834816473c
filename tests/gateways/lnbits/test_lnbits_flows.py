"""Paid actions on a real LNbits, from the request to the money."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from paidflow import NextAction, PaidFlow, Receipt, State, Worker, sats, withdrawable
from paidflow.errors import InvalidConfiguration
from paidflow.operating.audit import audit
from paidflow.payments.contract import Hint
from paidflow.payments.lnbits import LnbitsGateway
from paidflow.payments.lnbits_webhook import LnbitsWebhook
from paidflow.testing import ManualClock
from tests.flow.support import invoice_of
from tests.gateways.lnbits.server import LnbitsServer, ServerWallet
from tests.gateways.lnbits.under_test import WEBHOOK_SECRET, WebhookReceiver, gateway_of
from tests.payday import Cash, Tip
from tests.wall import CreditedNote, HeldNote, Note, effects, open_wall

pytestmark = pytest.mark.gateways

NAME = "lnbits"
ACTIONS = (Note, CreditedNote, Tip, Cash)
GRACE_S = 10
WAIT_S = 60


@pytest.fixture
def clock() -> ManualClock:
    """A clock that shows the right time and then stands still."""
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def gateway(lnbits: LnbitsServer, shop: ServerWallet, clock: ManualClock) -> LnbitsGateway:
    return gateway_of(lnbits.url, shop, clock=clock, close_grace_s=GRACE_S)


@pytest.fixture
def flow(gateway: LnbitsGateway, clock: ManualClock, tmp_path: Path) -> Iterator[PaidFlow]:
    opened = open_wall(
        f"sqlite:///{tmp_path}/flow.db", {NAME: gateway}, clock=clock, actions=ACTIONS
    )
    yield opened
    differing = [one for one in audit(opened) if not one.agrees]
    assert differing == [], "also what LNbits holds"
    opened.close()


def look(flow: PaidFlow, receipt: Receipt) -> Receipt:
    found = flow.sync(NAME, invoice_of(receipt))
    assert found is not None
    return found


def let_expire(clock: ManualClock, receipt: Receipt) -> None:
    """Our time runs out; that of LNbits does not, so it can still be paid there."""
    assert receipt.expires_at is not None
    clock.tick((receipt.expires_at - clock.now()).total_seconds())


def pay(lnbits: LnbitsServer, payer: ServerWallet, receipt: Receipt) -> None:
    assert receipt.payment_request is not None
    answer = lnbits.pay(payer, receipt.payment_request)
    assert (answer.status_code, answer.json()["status"]) == (201, "success"), answer.text


def test_optimistic(
    flow: PaidFlow, gateway: LnbitsGateway, lnbits: LnbitsServer, payer: ServerWallet
) -> None:
    receipt = flow.perform(Note(text="hello", price_sats=21), actor="ann")
    assert (receipt.state, receipt.next_action) == (State.PENDING, NextAction.PAY_INVOICE)
    assert look(flow, receipt).state is State.PENDING
    pay(lnbits, payer, receipt)
    assert look(flow, receipt).state is State.PAID
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    assert gateway.holdings() == (sats(21),)


def test_a_worker_hears_of_it_without_a_webhook(
    flow: PaidFlow, lnbits: LnbitsServer, payer: ServerWallet
) -> None:
    receipts = [flow.perform(Note(text=str(number)), actor="ann") for number in range(3)]
    Worker(flow).run_once()
    for receipt in receipts[1:]:
        pay(lnbits, payer, receipt)
    Worker(flow).run_once()
    states = [flow.get(receipt.action_id, actor="ann").state for receipt in receipts]
    assert states == [State.PENDING, State.PAID, State.PAID]


def test_paid_from_a_purse_without_the_gateway(
    flow: PaidFlow, lnbits: LnbitsServer, payer: ServerWallet
) -> None:
    flow.grant("ann", sats(50), key="present")
    receipt = flow.perform(Note(text="from the purse"), actor="ann")
    assert receipt.state is State.PAID


def test_no_holds_without_a_node(gateway: LnbitsGateway, tmp_path: Path) -> None:
    """This is said when the flow is opened, not when somebody wants to pay."""
    with pytest.raises(InvalidConfiguration, match="HeldNote"):
        open_wall(f"sqlite:///{tmp_path}/flow.db", {NAME: gateway}, actions=[HeldNote])


def test_time_runs_out_and_the_actor_tries_again(
    flow: PaidFlow, clock: ManualClock, lnbits: LnbitsServer, payer: ServerWallet
) -> None:
    receipt = flow.perform(Note(text="slow"), actor="ann")
    began_at = clock.now()
    let_expire(clock, receipt)
    assert look(flow, receipt).state is State.PENDING  # nobody confirms that it is closed
    clock.tick(GRACE_S)
    assert look(flow, receipt).state is State.FAILED
    clock.tick((began_at - clock.now()).total_seconds())  # as late as it is for LNbits
    again = flow.retry(receipt.action_id, actor="ann")
    assert again.state is State.PENDING
    assert again.invoice_id != receipt.invoice_id
    pay(lnbits, payer, again)
    assert look(flow, again).state is State.PAID
    assert effects(flow, receipt.action_id) == {
        "perform": 1,
        "on_failed": 1,
        "on_retry": 1,
        "on_paid": 1,
    }


@pytest.mark.parametrize("note", [Note, CreditedNote], ids=["accepted", "credited"])
def test_late_money(
    flow: PaidFlow,
    clock: ManualClock,
    lnbits: LnbitsServer,
    payer: ServerWallet,
    note: type[Note],
) -> None:
    receipt = flow.perform(note(text="late"), actor="ann")
    let_expire(clock, receipt)
    clock.tick(GRACE_S)
    assert look(flow, receipt).state is State.FAILED
    pay(lnbits, payer, receipt)
    late = look(flow, receipt)
    if note is Note:
        assert late.state is State.PAID
    else:
        assert late.state is State.FAILED
        assert flow.balance("ann") == sats(10)


def test_a_webhook_comes_twice_and_counts_once(
    lnbits: LnbitsServer, shop: ServerWallet, payer: ServerWallet, tmp_path: Path
) -> None:
    with WebhookReceiver() as webhooks:
        gateway = gateway_of(lnbits.url, shop, webhook=LnbitsWebhook(webhooks.url, WEBHOOK_SECRET))
        with open_wall(f"sqlite:///{tmp_path}/flow.db", {NAME: gateway}, actions=ACTIONS) as flow:
            receipt = flow.perform(Note(text="told"), actor="ann")
            pay(lnbits, payer, receipt)
            first, second = (webhooks.received.get(timeout=WAIT_S) for _ in range(2))
            assert first[1] == second[1]
            assert isinstance(json.loads(first[1]), str), "JSON within JSON"
            for headers, body in (first, second):
                (hint,) = gateway.parse_webhook(headers, body)
                assert hint == Hint(invoice_of(receipt))
                told = flow.sync(NAME, hint.invoice_id)
                assert told is not None
                assert told.state is State.PAID
            assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


class TestWithdrawal:
    @pytest.fixture
    def earned(self, flow: PaidFlow, lnbits: LnbitsServer, payer: ServerWallet) -> PaidFlow:
        tip = flow.perform(Tip(text="for you", price_sats=500), actor="bob")
        pay(lnbits, payer, tip)
        assert look(flow, tip).state is State.PAID
        return flow

    def test_it_arrives(
        self, earned: PaidFlow, gateway: LnbitsGateway, lnbits: LnbitsServer, payer: ServerWallet
    ) -> None:
        before = lnbits.balance_msats(payer)
        invoice = lnbits.invoice(payer, 100)["bolt11"]
        cash = Cash(destination=invoice, amount=sats(100), fee_max=sats(5))
        receipt = earned.perform(cash, actor="ann")
        assert (receipt.state, receipt.fee) == (State.PAID, sats(0))
        assert lnbits.balance_msats(payer) == before + 100_000
        assert earned.balance_of(withdrawable("ann")) == sats(400)
        assert gateway.holdings() == (sats(400),)

    def test_more_on_the_way_than_allowed(
        self, earned: PaidFlow, lnbits: LnbitsServer, payer: ServerWallet
    ) -> None:
        invoice = lnbits.invoice(payer, 100)["bolt11"]
        cash = Cash(destination=invoice, amount=sats(100), fee_max=sats(1))
        receipt = earned.perform(cash, actor="ann")
        assert receipt.state is State.FAILED
        assert earned.balance_of(withdrawable("ann")) == sats(500)

    def test_the_receiver_gave_a_dead_invoice(
        self, earned: PaidFlow, lnbits: LnbitsServer, payer: ServerWallet
    ) -> None:
        """LNbits answers "created" with the row of the receiver, and has paid nothing."""
        invoice = lnbits.invoice(payer, 100, expiry=3)
        time.sleep(4)
        keys = {"X-Api-Key": payer.invoice_key}
        path = f"/api/v1/payments/{invoice['payment_hash']}"
        assert lnbits.client.get(path, headers=keys).json()["status"] == "failed"
        cash = Cash(destination=invoice["bolt11"], amount=sats(100), fee_max=sats(5))
        receipt = earned.perform(cash, actor="ann")
        assert receipt.state is State.FAILED
        assert earned.balance_of(withdrawable("ann")) == sats(500)
