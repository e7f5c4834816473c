"""The two limits of a hold, and captures that do not go through."""

from __future__ import annotations

from pathlib import Path

import pytest

from paidflow import FailureReason, Keyring, PaidFlow, State, sats
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_controls import HOLD_BLOCKS, HOLD_S, FaultKind
from paidflow.testing import ManualClock
from tests.flow.support import Deaf, again, book_of, held, invoice_of, pay, sync, undone, work
from tests.wall import NOTES, SECRET, HeldNote, create_tables, effects

MARGIN_S = 600


def test_a_hold_that_is_about_to_end_is_released(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(HeldNote(text="hm"))
    sandbox.pay(invoice_of(receipt))
    clock.tick(HOLD_S - MARGIN_S)
    after = sync(flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.HELD_TOO_LONG)
    assert book_of(sandbox, receipt).returned == sats(10)
    assert effects(flow, receipt.action_id) == {"on_failed_unperformed": 1}


def test_a_hold_with_time_left_is_used(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(HeldNote(text="hm"))
    sandbox.pay(invoice_of(receipt))
    clock.tick(HOLD_S - MARGIN_S - 1)
    assert sync(flow, receipt).state is State.PAID


@pytest.mark.parametrize(("blocks", "state"), [(131, State.PAID), (132, State.FAILED)])
def test_a_deadline_in_blocks(
    store_url: str, tmp_path: Path, clock: ManualClock, blocks: int, state: State
) -> None:
    assert HOLD_BLOCKS - 12 == 132
    bank = SandboxGateway(tmp_path / "b.db", sandbox=True, clock=clock, deadline="height")
    flow = PaidFlow.open(
        store_url, actions=NOTES, gateways={"sandbox": bank}, secret=SECRET, create=True
    )
    create_tables(flow)
    receipt = flow.perform(HeldNote(text="hm"))
    bank.pay(invoice_of(receipt))
    bank.mine_blocks(blocks)
    assert sync(flow, receipt).state is state
    flow.close()


def test_patience_ends_in_release(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = held(flow, sandbox, HeldNote(text="hm"), "ann")
    deaf = Deaf(sandbox, after=0)
    work(flow, clock, seconds=10)
    work(flow, clock, seconds=50)
    assert again(flow, receipt).state is State.HELD
    work(flow, clock, seconds=20)
    assert again(flow, receipt).state is State.CANCELLING
    deaf.heal()
    work(flow, clock, seconds=400)
    after = again(flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.HELD_TOO_LONG)
    assert book_of(sandbox, receipt).returned == sats(10)
    assert undone(flow, receipt) is None


def test_nobody_performs_without_seeing_the_hold(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = held(flow, sandbox, HeldNote(text="hm"), "ann")
    Deaf(sandbox, after=0)
    work(flow, clock)
    assert again(flow, receipt).state is State.HELD
    assert effects(flow, receipt.action_id) == {}


def test_capture_declined(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(HeldNote(text="hm"), actor="ann")
    sandbox.fault("capture", "decline")
    after = pay(flow, sandbox, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.CAPTURE_DECLINED)
    assert book_of(sandbox, receipt).returned == sats(10)
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_failed": 1}
    assert undone(flow, receipt) == 1


@pytest.mark.parametrize("fault", ["refuse", "time_out_before", "raise"])
def test_capture_without_an_answer_is_asked_for_again(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, fault: FaultKind
) -> None:
    receipt = flow.perform(HeldNote(text="hm"), actor="ann")
    sandbox.fault("capture", fault)
    assert pay(flow, sandbox, receipt).state is State.CAPTURING
    assert book_of(sandbox, receipt).held == sats(10)
    work(flow, clock)
    assert again(flow, receipt).state is State.PAID
    assert book_of(sandbox, receipt).received == sats(10)
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_capture_that_worked_without_saying_so(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(HeldNote(text="hm"), actor="ann")
    sandbox.fault("capture", "time_out_after")
    assert pay(flow, sandbox, receipt).state is State.PAID
    assert book_of(sandbox, receipt).received == sats(10)


def test_a_hold_that_is_lost_after_the_work(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(HeldNote(text="hm"), actor="ann")
    sandbox.fault("capture", "time_out_before")
    assert pay(flow, sandbox, receipt).state is State.CAPTURING
    sandbox.release_hold(invoice_of(receipt))
    work(flow, clock)
    after = again(flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.HOLD_LOST)
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_failed": 1}


def _flow(url: str, bank: SandboxGateway, clock: ManualClock, secret: object) -> PaidFlow:
    return PaidFlow.open(
        url,
        actions=NOTES,
        gateways={"sandbox": bank},
        secret=secret,  # pyright: ignore[reportArgumentType]
        clock=clock,
    )


def test_a_key_is_rotated_while_a_hold_is_open(
    flow: PaidFlow, store_url: str, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(HeldNote(text="hm"))
    sandbox.pay(invoice_of(receipt))
    old = Keyring.of(SECRET).current
    both = {"new": b"another secret for tests", old: SECRET.encode()}
    rotated = _flow(store_url, sandbox, clock, both)
    assert sync(rotated, receipt).state is State.PAID
    assert again(rotated, receipt).state is State.PAID  # the old proof still proves
    assert rotated.perform(HeldNote(text="hm")).proof.startswith("new.")  # pyright: ignore
    rotated.close()


def test_a_key_that_is_missing_stops_nobody_else(
    flow: PaidFlow, store_url: str, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(HeldNote(text="hm"))
    sandbox.pay(invoice_of(receipt))
    forgetful = _flow(store_url, sandbox, clock, {"new": b"another secret for tests"})
    other = forgetful.perform(HeldNote(text="other"))
    sandbox.pay(invoice_of(other))
    work(forgetful, clock, times=3)
    assert again(forgetful, other).state is State.PAID
    assert again(flow, receipt).state is State.CAPTURING
    work(flow, clock, times=2, seconds=60)
    assert again(flow, receipt).state is State.PAID
    forgetful.close()
