"""The ways through: free, credits, optimistic, pessimistic."""

from __future__ import annotations

from paidflow import NextAction, PaidFlow, State, Worker, sats
from paidflow.payments.sandbox import SandboxGateway
from tests.wall import HeldNote, Note, effects


def test_free_is_paid_at_once(flow: PaidFlow) -> None:
    receipt = flow.perform(Note(text="free", price_sats=0), actor="ann")
    assert (receipt.state, receipt.next_action) == (State.PAID, NextAction.NONE)
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_credits_are_debited_once(flow: PaidFlow) -> None:
    flow.grant("ann", sats(25), key="welcome")
    receipt = flow.perform(Note(text="from the purse"), actor="ann")
    assert receipt.state is State.PAID
    assert flow.balance("ann") == sats(15)
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_optimistic_is_performed_before_it_is_paid(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    assert (receipt.state, receipt.performed) == (State.PENDING, True)
    assert receipt.invoice_id is not None
    sandbox.pay(receipt.invoice_id)
    paid = flow.sync("sandbox", receipt.invoice_id)
    assert paid is not None
    assert paid.state is State.PAID
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_pessimistic_is_performed_when_held(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(HeldNote(text="hm"))
    assert (receipt.state, receipt.performed) == (State.PENDING_HELD, False)
    assert receipt.invoice_id is not None
    sandbox.pay(receipt.invoice_id)
    assert Worker(flow).run_once() > 0
    assert flow.get(receipt.action_id, proof=receipt.proof).state is State.PAID
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
