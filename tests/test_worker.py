"""Workers: leases that save work, when to look again, and going on whatever happens."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from paidflow import PaidFlow, Receipt, State, Worker
from paidflow.flow.loaded import Loaded
from paidflow.payments.contract import Lookup
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.records import as_time
from paidflow.store.sqlite import SqliteStore
from paidflow.testing import ManualClock
from tests.flow.support import again, expired, history, invoice_of
from tests.waiting import LONG_S, wait_until
from tests.wall import HeldNote, Note, effects


def status(flow: PaidFlow, receipt: Receipt) -> dict[str, Any]:
    with flow.store.reading() as tx:
        row = tx.query("select_status", action_id=receipt.action_id).fetchone()
    assert row is not None
    return dict(row)


def due_at(flow: PaidFlow, receipt: Receipt) -> datetime:
    due = as_time(status(flow, receipt)["due_at"])
    assert due is not None
    return due


def during_lookup(
    sandbox: Any, what: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Do something in the middle of the next question to the gateway."""
    ask, waiting = sandbox.lookup, [what]

    def lookup(invoice_id: str) -> Lookup:
        if waiting:
            waiting.pop()()
        return ask(invoice_id)

    monkeypatch.setattr(sandbox, "lookup", lookup)


# Leases.


def test_what_is_leased_is_left_alone(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    clock.tick(601)
    second: list[int] = []

    def look() -> None:
        assert status(flow, receipt)["lease_token"]
        second.append(Worker(flow).run_once())

    during_lookup(sandbox, look, monkeypatch)
    assert Worker(flow)._do_due() == 1  # pyright: ignore[reportPrivateUsage]
    assert second == [1]  # it read the message about the expiry, and had nothing to do
    assert status(flow, receipt)["lease_token"] is None
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_failed": 1}


def test_a_worker_that_overslept_does_no_harm(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = flow.perform(HeldNote(text="hm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    clock.tick(601)

    def oversleep() -> None:
        clock.tick(61)
        Worker(flow).run_once()
        assert again(flow, receipt).state is State.PAID

    during_lookup(sandbox, oversleep, monkeypatch)
    Worker(flow)._do_due()  # pyright: ignore[reportPrivateUsage]
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    assert history(flow, receipt).count("paid") == 1


def test_a_lease_that_has_run_out_is_taken_over(flow: PaidFlow, clock: ManualClock) -> None:
    receipt = flow.perform(Note(text="free", price_sats=0), actor="ann")
    clock.tick(1)
    now = clock.now()
    with flow.store.transaction("test") as tx:
        until = now + timedelta(seconds=60)
        rows = tx.query("lease", now=now, until=until, token="dead", limit=10).fetchall()
    assert [row["action_id"] for row in rows] == [receipt.action_id]
    clock.tick(59)
    assert Worker(flow).run_once() == 0
    clock.tick(1)
    assert Worker(flow).run_once() == 1
    assert status(flow, receipt)["owed"] is None


def test_only_one_s_own_lease_is_released(flow: PaidFlow, clock: ManualClock) -> None:
    receipt = flow.perform(Note(text="free", price_sats=0), actor="ann")
    now = clock.now()
    with flow.store.transaction("test") as tx:
        tx.query("lease", now=now, until=now, token="mine", limit=10).fetchall()
        tx.query("release", action_id=receipt.action_id, token="yours")
    assert status(flow, receipt)["lease_token"] == "mine"


def test_a_batch_is_no_larger_than_asked_for(flow: PaidFlow, clock: ManualClock) -> None:
    for _ in range(5):
        flow.perform(Note(text="free", price_sats=0), actor="ann")
    clock.tick(1)
    worker = Worker(flow, batch=2)
    assert [worker.run_once() for _ in range(4)] == [2, 2, 1, 0]


# When to look again.


def test_back_off_grows_up_to_a_limit(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.outage(True)
    flow.cancel(receipt.action_id, actor="ann")
    clock.tick(5)
    gaps: list[float] = []
    for _ in range(12):
        Worker(flow).run_once()
        gaps.append((due_at(flow, receipt) - clock.now()).total_seconds())
        clock.tick(gaps[-1])
    assert gaps == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    sandbox.outage(False)
    Worker(flow).run_once()
    assert again(flow, receipt).state is State.FAILED


def test_an_unpaid_invoice_is_looked_at_without_any_message(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    assert due_at(flow, receipt) == clock.now() + timedelta(minutes=10)
    sandbox.updates_mode = "late"
    sandbox.pay(invoice_of(receipt))
    clock.tick(599)
    Worker(flow).run_once()
    assert again(flow, receipt).state is State.PENDING
    clock.tick(1)
    Worker(flow).run_once()
    assert again(flow, receipt).state is State.PAID


def test_nothing_is_tried_before_it_is_due(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    flow.perform(Note(text="gm"), actor="ann")
    clock.tick(599)
    before = len([c for c in sandbox.calls() if c.operation == "lookup"])
    assert Worker(flow).run_once() == 0
    assert len([c for c in sandbox.calls() if c.operation == "lookup"]) == before


# Going on.


def test_forever_until_it_is_told_to_stop(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    worker = Worker(flow, poll_s=0.01)
    thread = threading.Thread(target=worker.run_forever)
    thread.start()
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    wait_until(lambda: again(flow, receipt).state is State.PAID)
    worker.stop()
    thread.join(LONG_S)
    assert not thread.is_alive()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_forever_until_a_signal_comes(flow: PaidFlow, number: signal.Signals) -> None:
    assert threading.current_thread() is threading.main_thread(), "signals reach no other thread"
    before = signal.getsignal(number)
    worker = Worker(flow, poll_s=10 * LONG_S)

    def send() -> None:
        wait_until(lambda: signal.getsignal(number) is not before)
        time.sleep(0.2)  # until it rests, most of the time
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    sender.start()
    worker.run_forever()
    sender.join()
    assert signal.getsignal(number) is before


def test_the_rest_of_a_batch_is_left_to_others(
    flow: PaidFlow, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [flow.perform(Note(text="free", price_sats=0), actor="ann") for _ in range(3)]
    clock.tick(1)
    worker = Worker(flow)
    monkeypatch.setattr(Note, "after_paid", lambda self, paid: worker.stop())
    worker.run_once()
    rows = [status(flow, receipt) for receipt in made]
    assert sum(row["owed"] is not None for row in rows) == 2
    assert all(row["lease_token"] is None for row in rows)


def test_a_database_that_is_away_for_a_while(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    store: Any = flow.store
    error: Exception = psycopg.OperationalError("the server closed the connection")
    if isinstance(store, SqliteStore):
        error = sqlite3.OperationalError("database is locked")
    begin, left = store.begin, [3]

    def away() -> Any:
        if threading.current_thread() is thread and left[0]:
            left[0] -= 1
            raise error
        return begin()

    monkeypatch.setattr(store, "begin", away)
    worker = Worker(flow, poll_s=0.01)
    thread = threading.Thread(target=worker.run_forever)
    thread.start()
    wait_until(lambda: again(flow, receipt).state is State.PAID)
    worker.stop()
    thread.join(LONG_S)
    assert left == [0]


def test_one_action_that_cannot_be_worked_on(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = expired(flow, sandbox, Note(text="bad"))
    good = expired(flow, sandbox, Note(text="good"))
    work_on = flow.steps.drive

    def drive(loaded: Loaded, *, hooks_too: bool) -> tuple[Loaded, bool]:
        if loaded.action_id == bad.action_id:
            raise KeyError("a program that is wrong")
        return work_on(loaded, hooks_too=hooks_too)

    sandbox.outage(True)
    for receipt in (bad, good):
        flow.retry(receipt.action_id, actor="ann")
    sandbox.outage(False)
    monkeypatch.setattr(flow.steps, "drive", drive)
    clock.tick(6)
    Worker(flow).run_once()
    assert again(flow, good).state is State.PENDING
    assert again(flow, bad).state is State.RETRYING
