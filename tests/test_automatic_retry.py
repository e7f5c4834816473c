"""What is tried again by itself, what never is, and that its owner is told of exactly the rest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from paidflow import AutomaticRetry, Context, PaidFlow, Reader, Receipt, State, Worker, sats
from paidflow.errors import InvalidConfiguration, NotRetriable
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import again, expired, history, invoice_of
from tests.wall import RAISED, HeldNote, Note

RETRY = AutomaticRetry(kinds=("other", "note"))


@pytest.fixture
def failed(flow: PaidFlow, sandbox: SandboxGateway) -> Receipt:
    """A note of ann's whose invoice has expired just now."""
    return expired(flow, sandbox, Note(text="gm"))


def fail_again(flow: PaidFlow, sandbox: SandboxGateway, receipt: Receipt) -> None:
    invoice_id = invoice_of(flow.get(receipt.action_id, actor="ann"))
    assert sandbox.expire(invoice_id)
    done = flow.sync("sandbox", invoice_id)
    assert done is not None
    assert done.state is State.FAILED


def told(flow: PaidFlow, actor: str = "ann") -> list[str]:
    """The failed payments that an actor is told about."""
    return [each.action_id for each in Reader(flow).failed(actor, automatic=RETRY)]


def test_a_while_after_it_has_failed_it_is_tried_again(
    flow: PaidFlow, clock: ManualClock, failed: Receipt
) -> None:
    assert told(flow) == []
    clock.tick(59)
    assert RETRY.run(flow) == 0
    clock.tick(1)
    assert RETRY.run(flow) == 1
    assert again(flow, failed).state is State.PENDING
    assert invoice_of(flow.get(failed.action_id, actor="ann")) != failed.invoice_id


def test_from_the_purse_if_there_is_enough_by_now(
    flow: PaidFlow, clock: ManualClock, failed: Receipt
) -> None:
    flow.grant("ann", sats(100), key="rich")
    worker = Worker(flow, tasks=[RETRY.task()])
    clock.tick(61)
    worker.run_until_idle()
    assert again(flow, failed).state is State.PAID


def test_at_most_five_times_and_then_its_owner_is_told(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, failed: Receipt
) -> None:
    for _ in range(5):
        assert told(flow) == []
        clock.tick(60)
        assert RETRY.run(flow) == 1
        fail_again(flow, sandbox, failed)
    assert told(flow) == [failed.action_id]
    clock.tick(60)
    assert RETRY.run(flow) == 0
    assert history(flow, failed).count("retry-requested") == 5


def test_not_after_an_hour(flow: PaidFlow, clock: ManualClock, failed: Receipt) -> None:
    clock.tick(3599)
    assert told(flow) == []
    clock.tick(1)
    assert told(flow) == [failed.action_id]
    assert RETRY.run(flow) == 0


def test_never_after_the_user_cancelled(flow: PaidFlow, clock: ManualClock) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    flow.cancel(receipt.action_id, actor="ann")
    assert told(flow) == [receipt.action_id]
    clock.tick(60)
    assert RETRY.run(flow) == 0


def test_never_for_logged_out_people(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm"))
    assert sandbox.expire(invoice_of(receipt))
    flow.sync("sandbox", invoice_of(receipt))
    assert again(flow, receipt).state is State.FAILED
    clock.tick(60)
    assert RETRY.run(flow) == 0


@pytest.mark.parametrize(
    "kinds", [("held-note",), ("note",), ("ld-no",), (), ("held-note", "note")]
)
def test_only_what_is_allowed(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, kinds: tuple[str, ...]
) -> None:
    retry = AutomaticRetry(kinds=kinds)
    by_kind = {
        "note": expired(flow, sandbox, Note(text="a")).action_id,
        "held-note": expired(flow, sandbox, HeldNote(text="b")).action_id,
    }
    assert {each.kind for each in Reader(flow).failed("ann", automatic=retry)} == set(
        by_kind
    ) - set(kinds)
    clock.tick(60)
    assert retry.run(flow) == len(set(by_kind) & set(kinds))


def test_without_it_one_is_told_everything(flow: PaidFlow, failed: Receipt) -> None:
    assert [each.action_id for each in Reader(flow).failed("ann")] == [failed.action_id]


def test_two_processes_at_once_make_one_invoice(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, failed: Receipt
) -> None:
    clock.tick(60)
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(RETRY.run, [flow] * 4)) == 1
    assert len(sandbox.payable_invoices()) == 1
    assert history(flow, failed).count("retry-requested") == 1


def test_what_cannot_be_paid_now_does_not_keep_the_others_waiting(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, failed: Receipt
) -> None:
    clock.tick(1)
    broken = expired(flow, sandbox, Note(text="b", raises={"on_retry": -1}))
    clock.tick(60)
    assert RETRY.run(flow) == 1
    assert again(flow, failed).state is State.PENDING
    assert again(flow, broken).state is State.FAILED


def test_e3_a_retry_that_raises_uses_up_a_try(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    broken = expired(flow, sandbox, Note(text="b", raises={"on_retry": -1}))
    for _ in range(5):
        assert told(flow) == []
        clock.tick(60)
        assert RETRY.run(flow) == 0
    assert told(flow) == [broken.action_id]
    clock.tick(60)
    assert RETRY.run(flow) == 0
    assert RAISED[broken.action_id, "on_retry"] == 5


def test_e3_somebody_who_was_faster_uses_up_nothing(
    flow: PaidFlow, clock: ManualClock, failed: Receipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(*_: object, **__: object) -> None:
        raise NotRetriable(state=State.PAID)

    with monkeypatch.context() as patch:
        patch.setattr(PaidFlow, "retry", too_late)
        for _ in range(5):
            clock.tick(60)
            assert RETRY.run(flow) == 0
    assert told(flow) == []
    assert RETRY.run(flow) == 1


def test_a_hook_with_a_bug_does_not_keep_the_others_waiting(
    flow: PaidFlow,
    sandbox: SandboxGateway,
    clock: ManualClock,
    failed: Receipt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock.tick(1)
    broken = expired(flow, sandbox, Note(text="b"))
    on_retry = Note.on_retry

    def stumbles(note: Note, ctx: Context) -> None:
        on_retry(note, ctx)
        assert note.text != "b"

    monkeypatch.setattr(Note, "on_retry", stumbles)
    clock.tick(60)
    assert RETRY.run(flow) == 1
    assert again(flow, failed).state is State.PENDING
    assert again(flow, broken).state is State.FAILED


def test_the_pause_is_shorter_than_the_time() -> None:
    with pytest.raises(InvalidConfiguration):
        AutomaticRetry(kinds=(), after=timedelta(hours=1))
