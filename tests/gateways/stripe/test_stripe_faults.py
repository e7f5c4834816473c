"""A network that spoils requests between us and Stripe: nothing twice, and nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from paidflow import PaidAction, PaidFlow, State
from paidflow.errors import GatewayUnavailable
from paidflow.operating.audit import audit
from paidflow.payments.contract import (
    Accepted,
    CancelCommand,
    Cancelled,
    CaptureCommand,
    NotSent,
    Opened,
    RefundCommand,
    Settled,
    Unknown,
    Unreachable,
)
from paidflow.payments.stripe import StripeGateway
from paidflow.testing import ManualClock
from paidflow.worker import Worker
from tests.gateways.fault_proxy import Fault, FaultProxy
from tests.gateways.stripe.account import SECRET_KEY
from tests.gateways.stripe.front import Front
from tests.gateways.stripe.payer import Payer
from tests.gateways.stripe.payments import TEN, held, open_command, opened, paid

pytestmark = pytest.mark.gateways

TIMEOUT_S = 1.0
ARRIVES = {
    Fault.CUT_BEFORE: False,
    Fault.CUT_AFTER: True,
    Fault.HALF_ANSWER: True,
    Fault.SILENCE_BEFORE: False,
    Fault.SILENCE_AFTER: True,
}
faults = pytest.mark.parametrize("fault", [*Fault])


class Ticket(PaidAction):
    kind = "ticket"

    def cost(self, ctx):
        return TEN


@pytest.fixture
def proxy(front: Front) -> Iterator[FaultProxy]:
    with FaultProxy(urlsplit(front.url).port or 0) as proxy:
        yield proxy


@pytest.fixture
def gateway(proxy: FaultProxy, clock: ManualClock) -> Iterator[StripeGateway]:
    """Stripe behind the proxy."""
    made = StripeGateway(
        SECRET_KEY,
        account="acct_1",
        currencies=["EUR"],
        clock=clock,
        url=f"http://127.0.0.1:{proxy.port}",
        timeout_s=TIMEOUT_S,
    )
    yield made
    made.close()


@faults
def test_opening(gateway: StripeGateway, proxy: FaultProxy, front: Front, fault: Fault) -> None:
    proxy.spoil_next(fault)
    assert isinstance(gateway.open(open_command()), Unknown)
    assert len(front.account.payments) == ARRIVES[fault]
    assert isinstance(gateway.open(open_command(again=True)), Opened)
    assert len(front.account.payments) == 1


@faults
def test_capturing(
    gateway: StripeGateway, proxy: FaultProxy, payer: Payer, front: Front, fault: Fault
) -> None:
    command = CaptureCommand(held(gateway, payer).invoice_id, "k-capture", TEN)
    proxy.spoil_next(fault)
    assert isinstance(gateway.capture(command), Unknown)
    assert bool(front.account.payments[command.invoice_id].received) == ARRIVES[fault]
    assert gateway.capture(command) == Accepted()
    assert gateway.lookup(command.invoice_id) == Settled(TEN)


@faults
def test_cancelling(gateway: StripeGateway, proxy: FaultProxy, fault: Fault) -> None:
    command = CancelCommand(opened(gateway).invoice_id, "k-cancel")
    proxy.spoil_next(fault)
    assert isinstance(gateway.cancel(command), Unknown)
    assert gateway.cancel(command) == Accepted()
    assert gateway.lookup(command.invoice_id) == Cancelled()


@faults
def test_refunding(
    gateway: StripeGateway, proxy: FaultProxy, payer: Payer, front: Front, fault: Fault
) -> None:
    command = RefundCommand(paid(gateway, payer), "r1", TEN)
    proxy.spoil_next(fault)  # the look whether it was sent before
    assert isinstance(gateway.refund(command), NotSent)
    assert front.account.refunds(command.invoice_id) == []
    assert gateway.refund(command) == Accepted()
    assert gateway.refund(command) == Accepted()
    assert len(front.account.refunds(command.invoice_id)) == 1


@faults
def test_looking(gateway: StripeGateway, proxy: FaultProxy, fault: Fault) -> None:
    invoice = opened(gateway)
    for look in (lambda: gateway.lookup(invoice.invoice_id), gateway.holdings):
        proxy.spoil_next(fault)
        assert isinstance(look(), Unreachable)
    proxy.spoil_next(fault)
    assert gateway.updates("evt_1").cursor == "evt_1"


def test_nobody_is_there(gateway: StripeGateway, proxy: FaultProxy) -> None:
    with proxy.refusing():
        told = gateway.open(open_command())
        looked = gateway.lookup("pi_1")
    assert isinstance(told, NotSent)
    assert isinstance(looked, Unreachable)
    assert told.reason == looked.reason == "there is no connection to url (ConnectError)"


@pytest.mark.parametrize("others_before", range(8))
@faults
def test_a_whole_flow_charges_and_refunds_once(
    gateway: StripeGateway,
    proxy: FaultProxy,
    payer: Payer,
    front: Front,
    clock: ManualClock,
    tmp_path: Path,
    fault: Fault,
    others_before: int,
) -> None:
    """Looks, capture, looks, refund, looks: each request in turn is spoilt."""
    with PaidFlow.open(
        f"sqlite:///{tmp_path}/flow.db",
        actions=[Ticket],
        gateways={"stripe": gateway},
        secret="only for tests, and long enough",
        clock=clock,
    ) as flow:
        receipt = flow.perform(Ticket(), actor="ann")
        invoice_id = receipt.invoice_id or ""
        assert payer.pay(receipt.payment_request or "") == "requires_capture"
        proxy.spoil_next(*[None] * others_before, fault)
        with suppress(GatewayUnavailable):
            flow.sync("stripe", invoice_id)
        _work(flow, clock)
        assert flow.get(receipt.action_id, actor="ann").state is State.PAID
        flow.refund(receipt.action_id, operator="eve", why="rain")
        _work(flow, clock)
        assert flow.get(receipt.action_id, actor="ann").state is State.REFUNDED
        assert [each for each in audit(flow) if not each.agrees] == []
    assert proxy.spoilt == 1
    assert front.account.payments[invoice_id].received == TEN.amount
    assert [each["amount"] for each in front.account.refunds(invoice_id)] == [TEN.amount]


def _work(flow: PaidFlow, clock: ManualClock) -> None:
    for _ in range(5):
        clock.tick(120)
        Worker(flow).run_until_idle()
