"""Giving up: intent, call, outcome; and what becomes of it when the money or an error is faster."""

from __future__ import annotations

from pathlib import Path

import pytest

from paidflow import FailureReason, NextAction, PaidFlow, State, sats
from paidflow.errors import NotCancellable
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_controls import FaultKind
from paidflow.states.events import AttentionReason
from paidflow.testing import ManualClock
from tests.flow.support import (
    again,
    attention,
    book_of,
    expired,
    held,
    history,
    invoice_of,
    pay,
    snapshot,
    sync,
    undone,
    work,
)
from tests.wall import HeldNote, Note, effects, open_wall


@pytest.mark.parametrize("note", [Note, HeldNote])
def test_an_unpaid_one_is_closed(flow: PaidFlow, sandbox: SandboxGateway, note: type[Note]) -> None:
    receipt = flow.perform(note(text="gm"), actor="ann")
    after = flow.cancel(receipt.action_id, actor="ann")
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.USER_CANCELLED)
    assert after.changed
    assert book_of(sandbox, receipt).status == "cancelled"
    hook = "on_failed" if note is Note else "on_failed_unperformed"
    assert effects(flow, receipt.action_id)[hook] == 1
    before = snapshot(flow)
    assert not flow.cancel(receipt.action_id, actor="ann").changed
    assert snapshot(flow) == before


def test_locked_money_is_released(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = held(flow, sandbox, HeldNote(text="hm"), "ann")
    assert flow.cancel(receipt.action_id, actor="ann").state is State.FAILED
    assert book_of(sandbox, receipt).returned == sats(10)
    assert effects(flow, receipt.action_id) == {"on_failed_unperformed": 1}


def test_before_there_is_an_invoice(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    sandbox.outage(True)
    receipt = flow.perform(Note(text="gm"), actor="ann")
    assert receipt.state is State.RETRYING
    after = flow.cancel(receipt.action_id, actor="ann")
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.USER_CANCELLED)
    assert undone(flow, receipt) == 1


def test_what_is_paid_stays(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    pay(flow, sandbox, receipt)
    before = snapshot(flow)
    with pytest.raises(NotCancellable) as refused:
        flow.cancel(receipt.action_id, actor="ann")
    assert refused.value.state == State.PAID
    assert snapshot(flow) == before


def test_what_failed_otherwise_is_over(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm"))
    with pytest.raises(NotCancellable) as refused:
        flow.cancel(receipt.action_id, actor="ann")
    assert refused.value.state == State.FAILED


def test_the_payment_was_faster(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    assert flow.cancel(receipt.action_id, actor="ann").state is State.PAID
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_money_that_is_being_completed_cannot_be_cancelled(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    receipt = flow.perform(Note(text="gm", raises={"on_paid": 1}), actor="ann")
    assert pay(flow, sandbox, receipt).completing
    with pytest.raises(NotCancellable):
        flow.cancel(receipt.action_id, actor="ann")


def test_declined_goes_on_where_it_stood(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.fault("cancel", "decline")
    after = flow.cancel(receipt.action_id, actor="ann")
    assert (after.state, after.next_action) == (State.PENDING, NextAction.PAY_INVOICE)
    assert "cancel-declined" in history(flow, receipt)
    assert pay(flow, sandbox, receipt).state is State.PAID


def test_declined_while_a_payment_is_on_its_way(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(HeldNote(text="hm"), actor="ann")
    sandbox.start_payment(invoice_of(receipt))
    assert flow.cancel(receipt.action_id, actor="ann").state is State.PENDING_HELD
    assert pay(flow, sandbox, receipt).state is State.PAID


@pytest.mark.parametrize("fault", ["refuse", "time_out_before", "raise"])
def test_no_answer_is_not_a_no(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, fault: FaultKind
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.fault("cancel", fault)
    after = flow.cancel(receipt.action_id, actor="ann")
    assert (after.state, after.next_action) == (State.CANCELLING, NextAction.WAIT)
    work(flow, clock)
    assert again(flow, receipt).state is State.FAILED
    assert book_of(sandbox, receipt).status == "cancelled"
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_failed": 1}


def test_a_cancel_that_worked_without_saying_so(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.fault("cancel", "time_out_after")
    assert flow.cancel(receipt.action_id, actor="ann").state is State.FAILED


def test_the_payment_wins_while_the_gateway_is_away(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.outage(True)
    assert flow.cancel(receipt.action_id, actor="ann").state is State.CANCELLING
    assert not flow.cancel(receipt.action_id, actor="ann").changed
    sandbox.pay(invoice_of(receipt))
    sandbox.outage(False)
    work(flow, clock)
    assert again(flow, receipt).state is State.PAID


def test_on_failed_raises_once(flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock) -> None:
    receipt = flow.perform(Note(text="gm", raises={"on_failed": 1}), actor="ann")
    after = flow.cancel(receipt.action_id, actor="ann")
    assert (after.state, after.error) == (
        State.FAILED,
        "A hook of a note was told to raise. (on_failed of gm)",
    )
    assert undone(flow, receipt) == 0
    work(flow, clock)
    assert undone(flow, receipt) == 1
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_failed": 1}


def test_on_failed_raises_always(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm", raises={"on_failed": 11}), actor="ann")
    assert flow.cancel(receipt.action_id, actor="ann").state is State.FAILED
    work(flow, clock, times=15, seconds=400)
    assert [a.reason for a in attention(flow)] == [AttentionReason.HOOK_FAILS]
    assert undone(flow, receipt) == 0
    flow.resolve(receipt.action_id, "retry", operator="eve", why="mended")
    assert attention(flow) == []
    assert undone(flow, receipt) == 1


def test_a_gateway_that_cannot_close_closes_by_time(
    store_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    bank = SandboxGateway(
        tmp_path / "b.db", sandbox=True, clock=clock, hold=False, close_grace_s=300
    )
    flow = open_wall(store_url, {"sandbox": bank}, clock=clock, actions=[Note])
    receipt = flow.perform(Note(text="gm"), actor="ann")
    assert flow.cancel(receipt.action_id, actor="ann").state is State.PENDING
    clock.tick(899)
    assert sync(flow, receipt).state is State.PENDING
    clock.tick(1)
    after = sync(flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.EXPIRED)
    assert flow.history(receipt.action_id, actor="ann")[-2].details["closure"] == "assumed"
    assert pay(flow, bank, receipt).state is State.PAID  # the late policy: accept
    counted = {"perform": 1, "on_failed": 1, "on_retry": 1, "on_paid": 1}
    assert effects(flow, receipt.action_id) == counted
    flow.close()
