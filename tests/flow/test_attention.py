"""What a person has to look at, and what a person can decide."""

from __future__ import annotations

from typing import get_args

import pytest

from paidflow import FailureReason, PaidFlow, State
from paidflow.errors import ActionNotFound, NotResolvable, RefundUnsupported
from paidflow.flow.resolutions import Resolution, possible_resolutions
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.events import AttentionReason
from paidflow.testing import ManualClock
from tests.flow.support import (
    again,
    attention,
    expired,
    history,
    invoice_of,
    pay,
    snapshot,
    sync,
    work,
)
from tests.wall import RAISED, CarefulNote, HeldNote, Note, effects, open_wall


@pytest.mark.parametrize("note", [Note, HeldNote])
def test_an_invoice_that_the_gateway_forgot(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, note: type[Note]
) -> None:
    receipt = flow.perform(note(text="gm"), actor="ann")
    sandbox.forget(invoice_of(receipt))
    before = history(flow, receipt)
    work(flow, clock, times=6, seconds=601)
    assert history(flow, receipt) == before  # nothing is assumed
    assert attention(flow) == []
    work(flow, clock, times=2, seconds=601)
    assert [a.reason for a in attention(flow)] == [AttentionReason.CLOSE_OVERDUE]
    assert again(flow, receipt).state in (State.PENDING, State.PENDING_HELD)
    flow.resolve(receipt.action_id, "close", operator="eve", why="gone at the bank")
    after = again(flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.EXPIRED)
    assert attention(flow) == []


def test_a_forgotten_invoice_that_comes_back_paid(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.forget(invoice_of(receipt))
    work(flow, clock, times=9, seconds=601)
    assert len(attention(flow)) == 1
    sandbox.remember(invoice_of(receipt))
    sandbox.pay_late(invoice_of(receipt))
    assert sync(flow, receipt).state is State.PAID
    assert attention(flow) == []


def test_a_close_that_does_not_come(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.forget(invoice_of(receipt))
    sandbox.fault("cancel", "time_out_before", 100)
    assert flow.cancel(receipt.action_id, actor="ann").state is State.CANCELLING
    work(flow, clock, times=8, seconds=400)
    assert attention(flow) == []
    work(flow, clock, times=2, seconds=400)
    assert [a.reason for a in attention(flow)] == [AttentionReason.CLOSE_OVERDUE]
    flow.resolve(receipt.action_id, "close", operator="eve", why="gone at the bank")
    assert again(flow, receipt).failure_reason is FailureReason.USER_CANCELLED


def test_a_capture_that_does_not_come(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(HeldNote(text="hm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    sandbox.fault("capture", "time_out_before", 100)
    sync(flow, receipt)
    sandbox.outage(True)
    work(flow, clock, times=12, seconds=400)
    assert [a.reason for a in attention(flow)] == [AttentionReason.CAPTURE_OVERDUE]
    sandbox.outage(False)  # the hold has ended meanwhile, so the money is back with the payer
    work(flow, clock, seconds=400)
    after = again(flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.HOLD_LOST)
    assert attention(flow) == []


def test_after_paid_that_always_raises(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm", raises={"after_paid": 10}), actor="ann")
    assert pay(flow, sandbox, receipt).state is State.PAID
    work(flow, clock, times=15, seconds=400)
    assert [a.reason for a in attention(flow)] == [AttentionReason.HOOK_FAILS]
    assert again(flow, receipt).state is State.PAID
    assert RAISED[receipt.action_id, "after_paid"] == 10
    flow.resolve(receipt.action_id, "retry", operator="eve", why="mended")
    assert attention(flow) == []
    assert history(flow, receipt)[-1] == "hook-done"


def test_a_free_action_asks_for_nobody(flow: PaidFlow) -> None:
    receipt = flow.perform(Note(text="free", price_sats=0), actor="ann")
    with pytest.raises(NotResolvable):
        flow.resolve(receipt.action_id, "dismiss", operator="eve", why="?")
    with pytest.raises(ActionNotFound):
        flow.resolve("no such action", "dismiss", operator="eve", why="?")


@pytest.mark.parametrize("resolution", ["close", "nonsense", ""])
def test_a_resolution_that_does_not_fit(
    flow: PaidFlow, sandbox: SandboxGateway, resolution: str
) -> None:
    receipt = expired(flow, sandbox, CarefulNote(text="gm"))
    pay(flow, sandbox, receipt, late=True)
    before = snapshot(flow)
    with pytest.raises(NotResolvable):
        flow.resolve(receipt.action_id, resolution, operator="eve", why="?")  # pyright: ignore
    assert snapshot(flow) == before


@pytest.mark.parametrize("refunds", [True, False])
def test_only_what_the_gateway_can_do_is_offered(
    store_url: str, clock: ManualClock, refunds: bool
) -> None:
    bank = SandboxGateway(":memory:", sandbox=True, clock=clock, refunds=refunds)
    with open_wall(store_url, {"sandbox": bank}, clock=clock) as flow:
        receipt = expired(flow, bank, CarefulNote(text="gm"))
        pay(flow, bank, receipt, late=True)
        loaded = flow.steps.load(receipt.action_id)
        assert loaded is not None
        possible = possible_resolutions(loaded.aggregate, flow.gateways)
        assert ("refund" in possible) is refunds
        assert "retry" not in possible  # no hook has raised
        before = snapshot(flow)
        for resolution in set(get_args(Resolution)) - set(possible):
            with pytest.raises((NotResolvable, RefundUnsupported)):
                flow.resolve(receipt.action_id, resolution, operator="eve", why="?")
        assert snapshot(flow) == before
        flow.resolve(receipt.action_id, possible[0], operator="eve", why="it fits")
    with open_wall(store_url, {}, clock=clock, create=False) as flow:
        assert "refund" not in possible_resolutions(loaded.aggregate, flow.gateways)


def test_there_is_nothing_to_credit(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.forget(invoice_of(receipt))
    work(flow, clock, times=9, seconds=601)
    for resolution in ("credit", "accept"):
        with pytest.raises(NotResolvable):
            flow.resolve(receipt.action_id, resolution, operator="eve", why="?")
    assert effects(flow, receipt.action_id) == {"perform": 1}
