"""A worker follows the messages of a gateway, page after page, and misses none."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from paidflow import PaidFlow, Receipt, State
from paidflow.flow import following
from paidflow.flow.following import Following
from paidflow.payments import sandbox as sandbox_module
from paidflow.payments.contract import Hint, Lookup, Updates
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import again, invoice_of
from tests.wall import Note, effects

PAGE = 4


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_module, "PAGE", PAGE)


@pytest.fixture
def asked(sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The cursors with which the gateway was asked for messages."""
    cursors: list[str | None] = []
    ask = sandbox.updates

    def updates(cursor: str | None) -> Updates:
        cursors.append(cursor)
        return ask(cursor)

    monkeypatch.setattr(sandbox, "updates", updates)
    return cursors


def paid(flow: PaidFlow, sandbox: SandboxGateway, count: int) -> list[Receipt]:
    made = [flow.perform(Note(text="gm"), actor="ann") for _ in range(count)]
    for receipt in made:
        sandbox.pay(invoice_of(receipt))
    return made


def states(flow: PaidFlow, receipts: Sequence[Receipt]) -> set[State]:
    return {again(flow, receipt).state for receipt in receipts}


def follower(flow: PaidFlow, stopping: threading.Event | None = None) -> Following:
    return Following(flow, 2, stopping or threading.Event())


def cursor_of(flow: PaidFlow) -> str | None:
    with flow.store.reading() as tx:
        row = tx.query("select_cursor", gateway="sandbox").fetchone()
    return row["cursor"] if row else None


def test_page_after_page_in_one_go(
    flow: PaidFlow, sandbox: SandboxGateway, asked: list[str | None]
) -> None:
    made = paid(flow, sandbox, 2 * PAGE + 1)
    assert follower(flow).run_once() == len(made)
    assert states(flow, made) == {State.PAID}
    for receipt in made:
        assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    assert len(asked) == 4  # the last page is empty
    assert follower(flow).run_once() == 0
    assert asked[-1] == asked[-2] == cursor_of(flow)


def test_a_page_without_all_answers_is_read_again(
    flow: PaidFlow,
    sandbox: SandboxGateway,
    asked: list[str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = paid(flow, sandbox, 3 * PAGE)
    silent, ask = {invoice_of(made[PAGE + 3])}, sandbox.lookup

    def lookup(invoice_id: str) -> Lookup:
        if invoice_id in silent:
            raise ConnectionError
        return ask(invoice_id)

    monkeypatch.setattr(sandbox, "lookup", lookup)
    follows = follower(flow)
    assert follows.run_once() == PAGE
    before = cursor_of(flow)
    assert before == asked[1]  # behind the first page, which had all answers
    assert follows.run_once() == 0
    assert cursor_of(flow) == before
    assert again(flow, made[PAGE + 3]).state is State.PENDING
    silent.clear()
    assert follows.run_once() == 2 * PAGE
    assert states(flow, made) == {State.PAID}


def test_a_page_is_not_waited_for_without_end(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(flow, sandbox, 1)
    monkeypatch.setattr(following, "PAGE_TRIES", 3)
    monkeypatch.setattr(sandbox, "lookup", _raise)
    follows = follower(flow)
    assert [follows.run_once() for _ in range(4)] == [0, 0, 1, 0]


def _raise(invoice_id: str) -> Lookup:
    raise ConnectionError


def test_who_is_stopped_reads_no_further_page(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = paid(flow, sandbox, 3 * PAGE)
    stopping, ask = threading.Event(), sandbox.lookup

    def lookup(invoice_id: str) -> Lookup:
        stopping.set()
        return ask(invoice_id)

    monkeypatch.setattr(sandbox, "lookup", lookup)
    # The second page may have been asked for before the first question about an invoice.
    assert follower(flow, stopping).run_once() in (PAGE, 2 * PAGE)
    assert State.PENDING in states(flow, made)


def test_others_have_a_turn(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = paid(flow, sandbox, 4 * PAGE)
    ask = sandbox.updates

    def updates(cursor: str | None) -> Updates:
        clock.tick(following.READ_ON.total_seconds() / 2)
        return ask(cursor)

    monkeypatch.setattr(sandbox, "updates", updates)
    follows = follower(flow)
    assert [follows.run_once(), follows.run_once()] == [3 * PAGE, PAGE]
    assert states(flow, made) == {State.PAID}


def test_messages_without_a_new_cursor(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    (receipt,) = paid(flow, sandbox, 1)
    page = Updates((Hint(invoice_of(receipt)),), "")
    monkeypatch.setattr(sandbox, "updates", lambda cursor: page)  # pyright: ignore
    assert follower(flow).run_once() == 0
    assert again(flow, receipt).state is State.PAID
    assert cursor_of(flow) is None


def test_an_error_leaves_the_page_unread(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = paid(flow, sandbox, 2 * PAGE)

    def broken(gateway: str, invoice_ids: Any) -> list[str]:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(flow, "sync_many", broken)
        with pytest.raises(ConnectionError):
            follower(flow).run_once()
    assert cursor_of(flow) is None
    assert follower(flow).run_once() == len(made)
    assert states(flow, made) == {State.PAID}
