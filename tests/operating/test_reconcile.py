"""The log is compared with what the gateway shows; on both stores."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paidflow import PaidFlow, Receipt, State, Worker, sats
from paidflow.operating.reconcile import Compared, Standing, reconcile
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import again, expired, held, invoice_of, pay, snapshot
from tests.wall import CreditedNote, HeldNote, Note

DAY = timedelta(days=1)


def compared(flow: PaidFlow, *, record: bool = True) -> dict[str, Compared]:
    """What was found, by invoice."""
    found = list(reconcile(flow, since=flow.clock.now() - DAY, record=record))
    assert len({one.invoice_id for one in found}) == len(found)
    return {one.invoice_id: one for one in found}


def standing(flow: PaidFlow, receipt: Receipt, *, record: bool = True) -> Standing:
    return compared(flow, record=record)[invoice_of(receipt)].standing


def test_what_agrees(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    pay(flow, sandbox, flow.perform(Note(text="paid"), actor="ann"))
    flow.perform(Note(text="open"), actor="ann")
    expired(flow, sandbox, Note(text="expired"))
    held(flow, sandbox, HeldNote(text="held"), "ann")
    flow.perform(Note(text="free", price_sats=0), actor="ann")  # has no invoice
    before = snapshot(flow)
    found = compared(flow)
    assert sorted(one.log for one in found.values()) == [
        "closed",
        "held",
        "open",
        "settled 10000 of BTC",
    ]
    assert {one.standing for one in found.values()} == {Standing.AGREES}
    assert snapshot(flow) == before


def test_a_payment_that_nobody_told_of(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    before = snapshot(flow)
    assert standing(flow, receipt, record=False) is Standing.DIFFERS
    assert snapshot(flow) == before
    assert standing(flow, receipt) is Standing.MENDED
    assert again(flow, receipt).state is State.PAID
    assert standing(flow, receipt) is Standing.AGREES


def test_money_on_what_was_long_closed(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """Nobody would ask about it again."""
    receipt = expired(flow, sandbox, CreditedNote(text="gm"))
    sandbox.pay(invoice_of(receipt), late=True)
    assert standing(flow, receipt) is Standing.MENDED
    assert flow.balance("ann") == sats(10)


def test_money_that_came_twice(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(CreditedNote(text="gm"), actor="ann")
    pay(flow, sandbox, receipt)
    sandbox.pay_again(invoice_of(receipt))
    assert standing(flow, receipt, record=False) is Standing.DIFFERS
    assert standing(flow, receipt) is Standing.MENDED
    assert flow.balance("ann") == sats(10)


@pytest.mark.parametrize("paid", [True, False])
def test_what_the_gateway_does_not_know(
    flow: PaidFlow, sandbox: SandboxGateway, paid: bool
) -> None:
    """That proves nothing, so nothing is recorded; it is told."""
    receipt = flow.perform(Note(text="gm"), actor="ann")
    if paid:
        pay(flow, sandbox, receipt)
    sandbox.forget(invoice_of(receipt))
    found = compared(flow)[invoice_of(receipt)]
    assert (found.shown, found.standing) == ("notfound", Standing.DIFFERS)
    assert again(flow, receipt).state is (State.PAID if paid else State.PENDING)


def test_a_gateway_without_an_answer(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.outage(True)
    assert standing(flow, receipt) is Standing.UNANSWERED


def test_what_moved_long_ago_is_left_out(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    old = flow.perform(Note(text="old"), actor="ann")
    pay(flow, sandbox, old)
    Worker(flow).run_until_idle()
    clock.tick(days=2)
    new = flow.perform(Note(text="new"), actor="ann")
    assert set(compared(flow)) == {invoice_of(new)}


def test_every_attempt_and_every_page(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paidflow.operating.reconcile.PAGE", 3)
    for number in range(5):
        receipt = expired(flow, sandbox, Note(text=str(number)))
        flow.retry(receipt.action_id, actor="ann")
    assert len(compared(flow)) == 10
