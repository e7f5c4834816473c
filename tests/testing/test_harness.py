"""What the harness does is what happens at the bank and to the flow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paidflow import PaidFlow, State, sats
from paidflow.payments.sandbox_controls import Operation
from paidflow.testing import Harness, points
from tests.wall import NOTES, HeldNote, Note, create_tables, effects


@pytest.fixture
def harness(store_url: str, tmp_path: Path) -> Iterator[Harness]:
    bank = tmp_path / "harness.db"
    with Harness(store_url, bank=bank, actions=NOTES, setup=create_tables) as opened:
        yield opened


def on_the_wall(flow: PaidFlow) -> int:
    with flow.store.reading() as tx:
        row = tx.execute("select count(*) as total from wall").fetchone()
    assert row is not None
    return row["total"]


def test_the_clock_moves_only_when_told(harness: Harness) -> None:
    before = harness.flow.clock.now()
    receipt = harness.flow.perform(Note(text="gm"), actor="ann")
    harness.work()
    assert harness.flow.clock.now() == before
    harness.work(3600)
    assert (harness.flow.clock.now() - before).total_seconds() == 3600
    assert harness.again(receipt).state is State.FAILED


def test_paying_too_little_and_late(harness: Harness) -> None:
    receipt = harness.flow.perform(Note(text="gm"), actor="ann")
    assert harness.pay(receipt, sats(3)).state is State.FAILED
    assert harness.flow.balance("ann") == sats(3)
    other = harness.flow.perform(Note(text="gm"), actor="bob")
    assert harness.expire(other).state is State.FAILED
    assert harness.pay_late(other).state is State.PAID


def test_a_hold_is_not_seen_until_somebody_looks(harness: Harness) -> None:
    receipt = harness.flow.perform(HeldNote(text="gm"), actor="ann")
    harness.hold(receipt)
    assert harness.again(receipt).state is State.PENDING_HELD
    harness.work()
    assert harness.again(receipt).state is State.PAID


@pytest.mark.parametrize("operation", ["open", "lookup", "capture"])
def test_an_answer_that_is_dropped_is_asked_for_again(
    harness: Harness, operation: Operation
) -> None:
    kind = HeldNote if operation == "capture" else Note
    harness.drop_next_answer(operation)
    receipt = harness.flow.perform(kind(text="gm"), actor="ann")
    harness.work(10)
    receipt = harness.again(receipt)
    harness.hold(receipt)
    harness.work()
    harness.work(10)
    assert harness.again(receipt).state is State.PAID
    (call,) = [call for call in harness.sandbox.calls() if call.fault]
    assert (call.operation, call.fault) == (operation, "time_out_after")
    assert [book.received for book in harness.sandbox.books()].count(sats(10)) == 1


def test_every_point_of_an_action_can_be_survived(harness: Harness) -> None:
    """What the documentation shows: die everywhere, reopen, work, and look."""

    def live(name: str) -> None:
        receipt = harness.flow.perform(HeldNote(text=name), actor="ann", idempotency_key=name)
        harness.pay(receipt)

    with points() as reached:
        live("first")
    assert {"perform.request.after", "sync.capture.before"} <= set(reached)
    for point in dict.fromkeys(reached):
        with harness.crash_at(point):
            live(point)
        receipt = harness.flow.perform(HeldNote(text=point), actor="ann", idempotency_key=point)
        if harness.sandbox.pay(receipt.invoice_id or ""):
            harness.work()
        for _ in range(3):
            harness.work(61)
        assert harness.again(receipt).state is State.PAID, point
        assert effects(harness.flow, receipt.action_id)["perform"] == 1, point
    assert on_the_wall(harness.flow) == 1 + len(set(reached))


def test_what_was_not_committed_is_lost(harness: Harness) -> None:
    first_life = harness.flow
    with harness.crash_at("perform.request.before"):
        harness.flow.perform(Note(text="gm"), actor="ann")
    assert harness.flow is not first_life
    assert on_the_wall(harness.flow) == 0
    with harness.crash_at("perform.request.after"):
        harness.flow.perform(Note(text="gm"), actor="ann")
    assert on_the_wall(harness.flow) == 1


def test_the_nth_time(harness: Harness) -> None:
    with harness.crash_at("perform.request.after", nth=2):
        for _ in range(5):
            harness.flow.perform(Note(text="gm"), actor="ann")
    assert on_the_wall(harness.flow) == 2


def test_a_point_that_is_not_reached_is_told(harness: Harness) -> None:
    with (
        pytest.raises(AssertionError, match=r"perform\.nap\.after was not reached; .*request\.af"),
        harness.crash_at("perform.nap.after"),
    ):
        harness.flow.perform(Note(text="gm"), actor="ann")
    with points() as reached:  # and nobody is crashed any more
        harness.flow.perform(Note(text="gm"), actor="ann")
    assert reached


def test_another_error_comes_out_of_the_block(harness: Harness) -> None:
    with pytest.raises(KeyError), harness.crash_at("perform.request.after"):
        raise KeyError
    assert harness.flow.perform(Note(text="gm"), actor="ann").state is State.PENDING
