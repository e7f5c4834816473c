"""Money that comes: enough, too little, too much, and hooks that raise when it does."""

from __future__ import annotations

import pytest

from paidflow import FailureReason, NextAction, PaidFlow, State, sats
from paidflow.payments.contract import Settled
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.events import AttentionReason
from paidflow.testing import ManualClock
from tests.flow.support import again, attention, history, invoice_of, pay, sync, undone, work
from tests.wall import CarefulNote, HeldNote, HookTrouble, Note, effects


def test_a_second_look_changes_nothing(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    pay(flow, sandbox, receipt)
    before = history(flow, receipt)
    assert sync(flow, receipt).state is State.PAID
    assert history(flow, receipt) == before
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_an_invoice_of_nobody_is_no_harm(flow: PaidFlow) -> None:
    assert flow.sync("sandbox", "no such invoice") is None
    assert flow.sync("no such gateway", "no such invoice") is None


def test_too_little_fails_and_is_credited(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    after = pay(flow, sandbox, receipt, sats(4))
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.UNDERPAID)
    assert flow.balance("ann") == sats(4)
    assert undone(flow, receipt) == 1
    sandbox.pay_again(invoice_of(receipt), sats(6))
    assert sync(flow, receipt).state is State.FAILED
    assert flow.balance("ann") == sats(10)


def test_too_little_locked_is_released(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(HeldNote(text="hm"))
    after = pay(flow, sandbox, receipt, sats(4))
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.UNDERPAID)
    (book,) = sandbox.books()
    assert (book.received, book.returned) == (sats(0), sats(4))
    assert effects(flow, receipt.action_id) == {"on_failed_unperformed": 1}


@pytest.mark.parametrize("note", [Note, HeldNote])
def test_the_surplus_is_credited(flow: PaidFlow, sandbox: SandboxGateway, note: type[Note]) -> None:
    receipt = flow.perform(note(text="gm"), actor="ann")
    assert pay(flow, sandbox, receipt, sats(15)).state is State.PAID
    assert flow.balance("ann") == sats(5)
    sandbox.pay_again(invoice_of(receipt), sats(3))
    sync(flow, receipt)
    assert flow.balance("ann") == sats(8)


def test_the_surplus_can_wait_for_a_person(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(CarefulNote(text="gm"), actor="ann")
    after = pay(flow, sandbox, receipt, sats(15))
    assert (after.state, after.unclaimed) == (State.PAID, sats(5))
    assert [a.reason for a in attention(flow)] == [AttentionReason.LATE_PAYMENT]
    flow.resolve(receipt.action_id, "credit", operator="eve", why="a gift")
    assert flow.balance("ann") == sats(5)
    assert attention(flow) == []


def test_the_surplus_outlives_a_hook_that_raises(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm", raises={"on_paid": 10}), actor="ann")
    pay(flow, sandbox, receipt, sats(15))
    work(flow, clock, times=12, seconds=400)
    flow.resolve(receipt.action_id, "retry", operator="eve", why="mended")
    assert again(flow, receipt).state is State.PAID
    assert flow.balance("ann") == sats(5)


@pytest.mark.parametrize("note", [Note, HeldNote])
def test_on_paid_raises_once(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, note: type[Note]
) -> None:
    receipt = flow.perform(note(text="gm", raises={"on_paid": 1}), actor="ann")
    after = pay(flow, sandbox, receipt)
    assert (after.completing, after.next_action) == (True, NextAction.WAIT)
    assert after.error == "A hook of a note was told to raise. (on_paid of gm)"
    assert "payment-seen" in history(flow, receipt)
    work(flow, clock)
    after = again(flow, receipt)
    assert (after.state, after.completing) == (State.PAID, False)
    assert after.result == {"wall": receipt.action_id}
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_on_paid_raises_always(flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock) -> None:
    receipt = flow.perform(Note(text="gm", raises={"on_paid": 11}), actor="ann")
    pay(flow, sandbox, receipt)
    work(flow, clock, times=8, seconds=400)
    assert attention(flow) == []
    work(flow, clock, times=8, seconds=400)
    assert [a.reason for a in attention(flow)] == [AttentionReason.HOOK_FAILS]
    assert history(flow, receipt).count("hook-failed") == 10
    assert again(flow, receipt).completing
    flow.resolve(receipt.action_id, "retry", operator="eve", why="perhaps now")
    assert again(flow, receipt).completing
    work(flow, clock)
    assert again(flow, receipt).state is State.PAID
    assert attention(flow) == []
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_perform_raises_before_anything_is_stored(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    with pytest.raises(HookTrouble, match="perform of gm"):
        flow.perform(Note(text="gm", raises={"perform": 1}), actor="ann")
    flow.grant("ann", sats(10), key="k")
    with pytest.raises(HookTrouble, match="perform of gm"):
        flow.perform(Note(text="gm", raises={"perform": -1}), actor="ann")
    assert flow.balance("ann") == sats(10)


def test_perform_raises_when_the_money_is_held(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(HeldNote(text="hm", raises={"perform": 1}))
    after = pay(flow, sandbox, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.EXECUTION_FAILED)
    assert after.error == "A hook of a note was told to raise. (perform of hm)"
    assert sandbox.books()[0].returned == sats(10)
    assert effects(flow, receipt.action_id) == {"on_failed_unperformed": 1}
    retried = flow.retry(receipt.action_id, proof=receipt.proof)
    after = pay(flow, sandbox, retried)
    assert (after.state, after.error) == (State.PAID, None)
    assert effects(flow, receipt.action_id)["perform"] == 1


@pytest.mark.parametrize(("actor", "balance"), [("ann", sats(10)), (None, None)])
def test_perform_raises_when_the_money_is_ours_already(
    flow: PaidFlow, sandbox: SandboxGateway, actor: str | None, balance: object
) -> None:
    receipt = flow.perform(HeldNote(text="hm", raises={"perform": -1}), actor=actor)
    sandbox.pay(invoice_of(receipt))
    sandbox.settle_hold(invoice_of(receipt))
    after = sync(flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.EXECUTION_FAILED)
    if actor:
        assert flow.balance(actor) == balance
    else:
        assert after.unclaimed == sats(10)


def test_a_hold_that_settles_by_itself_runs_the_missing_steps(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    receipt = flow.perform(HeldNote(text="hm"))
    sandbox.pay(invoice_of(receipt))
    sandbox.settle_hold(invoice_of(receipt))
    assert sync(flow, receipt).state is State.PAID
    steps = [s for s in history(flow, receipt) if s in ("held", "performed", "paid")]
    assert steps == ["held", "performed", "paid"]


def test_a_result_that_is_not_json_is_work_that_failed(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HeldNote, "perform", lambda self, ctx: object())
    after = pay(flow, sandbox, flow.perform(HeldNote(text="hm")))
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.EXECUTION_FAILED)
    assert sandbox.books()[0].returned == sats(10)


def test_a_wrong_currency_is_for_a_person(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    euros = type(sats(1))(500, "EUR")
    monkeypatch.setattr(sandbox, "lookup", lambda _: Settled(euros))
    assert sync(flow, receipt).state is State.FAILED
    assert [a.reason for a in attention(flow)] == [AttentionReason.WRONG_CURRENCY]
    assert history(flow, receipt).count("payment-seen") == 1
    sync(flow, receipt)
    assert history(flow, receipt).count("payment-seen") == 1
