"""Payments to others in the log are compared with what the gateway shows; on both stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from paidflow import PaidFlow, Receipt, State, sats
from paidflow.errors import ActionNotFound, GatewayUnavailable
from paidflow.operating.reconcile import Compared, Standing, reconcile
from paidflow.payments.contract import OpenCommand, Opened, PayOutCommand
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from paidflow.testing.crash import crash_at
from tests.flow.support import attention, snapshot, work
from tests.payday import ADDRESS, AMOUNT, FEE_MAX, agrees, cash, earn, now, open_payday, purse_of
from tests.payday import sent as sent_by

EARNED = sats(100)


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    opened = open_payday(store_url, sandbox, clock)
    earn(opened, sandbox, EARNED)
    yield opened
    opened.close()


def compared(flow: PaidFlow, *, record: bool = True) -> list[Compared]:
    since = flow.clock.now() - timedelta(days=1)
    return [one for one in reconcile(flow, since=since, record=record) if one.outgoing]


def paid(flow: PaidFlow, sandbox: SandboxGateway) -> Receipt:
    sandbox.route_fee = 300
    return flow.perform(cash(), actor="ann")


def refused(flow: PaidFlow, sandbox: SandboxGateway) -> Receipt:
    sandbox.fate("refused")
    return flow.perform(cash(), actor="ann")


def stuck(flow: PaidFlow, sandbox: SandboxGateway) -> Receipt:
    sandbox.fate("stuck")
    return flow.perform(cash(), actor="ann")


def declined(flow: PaidFlow, sandbox: SandboxGateway) -> Receipt:
    sandbox.fault("pay_out", "decline")
    return flow.perform(cash(), actor="ann")


def waiting(flow: PaidFlow, sandbox: SandboxGateway) -> Receipt:
    with crash_at("perform.pay_out_intent.before"):
        flow.perform(cash(), actor="ann", idempotency_key="k")
    return flow.perform(cash(), actor="ann", idempotency_key="k")


CASES: dict[str, tuple[Callable[[PaidFlow, SandboxGateway], Receipt], str, str]] = {
    "paid": (paid, "settled 10000 + 300 of BTC", "paidout 10 sats + 300 msats"),
    "refused": (refused, "failed: refused", "payfailed"),
    "stuck": (stuck, "seen", "inflight"),
    "declined": (declined, "failed: not_sent", "notfound"),
    "waiting": (waiting, "planned", "notfound"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_agrees(flow: PaidFlow, sandbox: SandboxGateway, case: str) -> None:
    make, log, shown = CASES[case]
    receipt = make(flow, sandbox)
    before = snapshot(flow)
    (one,) = compared(flow)
    assert (one.action_id, one.number) == (receipt.action_id, 1)
    assert (one.invoice_id, one.log, one.shown) == (receipt.payment_id, log, shown)
    assert one.standing is Standing.AGREES
    assert snapshot(flow) == before


@pytest.mark.parametrize("arrives", [True, False])
def test_what_has_ended_meanwhile(flow: PaidFlow, sandbox: SandboxGateway, arrives: bool) -> None:
    receipt = stuck(flow, sandbox)
    end = sandbox.finish_payment if arrives else sandbox.break_payment
    end(receipt.payment_id or "")
    (one,) = compared(flow, record=False)
    assert one.standing is Standing.DIFFERS
    (one,) = compared(flow)
    assert one.standing is Standing.MENDED
    assert now(flow, receipt).state is (State.PAID if arrives else State.FAILED)
    agrees(flow, sandbox)


def test_no_answer(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = stuck(flow, sandbox)
    sandbox.outage(True)
    (one,) = compared(flow)
    assert one.standing is Standing.UNANSWERED
    with pytest.raises(GatewayUnavailable):
        flow.sync_payment(receipt.action_id)


def test_what_the_gateway_denies(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """That proves nothing, so nothing is changed."""
    receipt = paid(flow, sandbox)
    sandbox.forget_payment(receipt.payment_id or "")
    before = snapshot(flow)
    (one,) = compared(flow)
    assert one.standing is Standing.DIFFERS
    assert snapshot(flow) == before


def test_an_id_that_was_used_again_is_compared_once(
    store_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    receiver = SandboxGateway(":memory:", sandbox=True, clock=clock, account="receiver")
    sandbox = SandboxGateway(tmp_path / "bank", sandbox=True, clock=clock, receivers=[receiver])
    opened = receiver.open(OpenCommand("k", AMOUNT, False, None, "for ann", 600))
    assert isinstance(opened, Opened)
    with open_payday(store_url, sandbox, clock) as flow:
        earn(flow, sandbox, EARNED)
        sandbox.fault("pay_out", "decline")
        receipt = flow.perform(cash(opened.invoice.payment_request), actor="ann")
        assert [(one.number, one.standing) for one in compared(flow)] == [(1, Standing.AGREES)]
        assert flow.retry(receipt.action_id, actor="ann").state is State.PAID
        assert [(one.number, one.standing) for one in compared(flow)] == [(2, Standing.AGREES)]


def pay_behind(flow: PaidFlow, sandbox: SandboxGateway, receipt: Receipt) -> None:
    """The payment is sent by what was lost when the database was restored."""
    command = PayOutCommand(
        key="lost",
        destination=ADDRESS,
        payment_id=receipt.payment_id or "",
        amount=AMOUNT,
        fee_max=FEE_MAX,
        give_up_at=flow.clock.now(),
    )
    sandbox.pay_out(command)


def test_a_restored_log_had_sent_it(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = waiting(flow, sandbox)
    pay_behind(flow, sandbox, receipt)
    (one,) = compared(flow)
    assert (one.log, one.standing) == ("planned", Standing.MENDED)
    assert now(flow, receipt).state is State.PAID
    work(flow, clock, times=3)
    assert len(sent_by(sandbox)) == 1
    assert purse_of(flow) == sats(90)
    agrees(flow, sandbox)


def test_a_restored_log_has_given_it_up(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """The purse has its money back, so it is a loss, and a person is told."""
    receipt = waiting(flow, sandbox)
    flow.cancel(receipt.action_id, actor="ann")
    pay_behind(flow, sandbox, receipt)
    (one,) = compared(flow)
    assert one.standing is Standing.MENDED
    assert now(flow, receipt).state is State.FAILED
    assert [one.reason for one in attention(flow)] == ["paid_out_late"]
    assert purse_of(flow) == EARNED
    agrees(flow, sandbox)


def test_what_is_not_there(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    with pytest.raises(ActionNotFound):
        flow.sync_payment("nobody")
    receipt = paid(flow, sandbox)
    for number in (0, 2):
        with pytest.raises(ActionNotFound):
            flow.sync_payment(receipt.action_id, number)
    assert flow.sync_payment(receipt.action_id).state is State.PAID
