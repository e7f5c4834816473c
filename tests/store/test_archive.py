"""Finished actions leave the log for the archive, and everything goes on as before."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import psycopg
import pytest

from paidflow import PaidFlow, Receipt, State, Worker, sats
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.eventlog import EventLog
from paidflow.testing import ManualClock
from tests.flow.support import invoice_of
from tests.wall import CreditedNote, Note

REFUSED = (sqlite3.IntegrityError, psycopg.errors.RaiseException)
DAY_S = 86_400
COLUMNS = (
    "notification_id, originator_id, originator_version, topic, state, event_id, command_id,"
    " correlation_id, recorded_at"
)


def paid(flow: PaidFlow, sandbox: SandboxGateway, **settings: Any) -> Receipt:
    receipt = flow.perform(Note(text="paid"), actor="ann", **settings)
    sandbox.pay(invoice_of(receipt))
    Worker(flow).run_until_idle()
    return flow.get(receipt.action_id, actor="ann")


def failed(flow: PaidFlow) -> Receipt:
    receipt = flow.perform(CreditedNote(text="failed"), actor="ann")
    flow.cancel(receipt.action_id, actor="ann")
    Worker(flow).run_until_idle()
    return flow.get(receipt.action_id, actor="ann")


def archive(flow: PaidFlow, clock: ManualClock) -> int:
    clock.tick(DAY_S)
    Worker(flow).run_until_idle()
    return flow.store.archive(clock.now())


def count(flow: PaidFlow, table: str) -> int:
    with flow.store.reading() as tx:
        row = tx.execute(f"select count(*) as total from {table}").fetchone()
    assert row is not None
    return row["total"]


def rows_by_id(flow: PaidFlow, receipt: Receipt) -> list[dict[str, Any]]:
    with flow.store.reading() as tx:
        rows = tx.query("select_action", action_id=receipt.action_id).fetchall()
    return [dict(row) for row in rows]


def rows_by_invoice(flow: PaidFlow, receipt: Receipt) -> list[dict[str, Any]]:
    wanted = "select gateway, invoice_id from paidflow_attempts where action_id = :action_id"
    with flow.store.reading() as tx:
        invoice = tx.execute(wanted, action_id=receipt.action_id).fetchone()
        assert invoice is not None
        rows = tx.query("select_action_of_invoice", **dict(invoice)).fetchall()
    return [dict(row) for row in rows]


def log_of(flow: PaidFlow) -> EventLog:
    return EventLog(flow.store, flow.clock, flow.ids)


def test_everything_can_be_read_as_before(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    first = paid(flow, sandbox, idempotency_key="k")
    second = failed(flow)
    waiting = flow.perform(Note(text="waiting", price_sats=0), actor="ann")
    ids = [receipt.action_id for receipt in (first, second, waiting)]
    log = log_of(flow)

    def everything() -> list[Any]:
        return [
            log.select_notifications(1, 1000),
            log.select_notifications(2, 3),
            log.select_notifications(3, 1000, 6),
            log.max_notification_id(),
            flow.store.publish(),
            *(log.select_events(action_id) for action_id in ids),
            *(log.select_events(action_id, desc=True, limit=2) for action_id in ids),
            *(log.select_events(action_id, gt=1, lte=2) for action_id in ids),
            *(flow.history(action_id, actor="ann") for action_id in ids),
            *(flow.get(action_id, actor="ann") for action_id in ids),
        ]

    clock.tick(DAY_S)
    Worker(flow).run_until_idle()
    before = everything()
    assert flow.store.archive(clock.now()) == 3
    assert count(flow, "paidflow_events") == 0
    assert everything() == before
    again = flow.perform(Note(text="paid"), actor="ann", idempotency_key="k")
    assert again.action_id == first.action_id
    assert flow.store.archive(clock.now()) == 0


def test_an_archived_action_can_go_on(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    """Its newer events are in the log, and follow the archived ones wherever it is read."""
    receipt = failed(flow)
    before = flow.history(receipt.action_id, actor="ann")
    assert archive(flow, clock) == 1
    flow.grant("ann", sats(100), key="gift")
    assert flow.retry(receipt.action_id, actor="ann").state is State.PAID
    Worker(flow).run_until_idle()
    assert 0 < count(flow, "paidflow_events") < count(flow, "paidflow_log")
    after = flow.history(receipt.action_id, actor="ann")
    assert after[: len(before)] == before
    assert rows_by_invoice(flow, receipt) == rows_by_id(flow, receipt)
    versions = [event.originator_version for event in log_of(flow).select_events(receipt.action_id)]
    assert versions == list(range(1, len(after) + 1))
    assert archive(flow, clock) == 1
    assert flow.history(receipt.action_id, actor="ann") == after
    assert flow.get(receipt.action_id, actor="ann").state is State.PAID


@pytest.mark.parametrize("actions", [1, 3])
def test_invoices_find_archived_actions(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, actions: int
) -> None:
    """One by one, and many in a page of messages."""
    receipts = [flow.perform(CreditedNote(text="late"), actor="ann") for _ in range(actions)]
    clock.tick(DAY_S)
    worker = Worker(flow)
    worker.run_until_idle()
    for _ in range(100):  # until the expired invoices are not watched any more
        clock.tick(DAY_S)
        worker.run_until_idle()
    before = {r.action_id: flow.history(r.action_id, actor="ann") for r in receipts}
    assert flow.store.archive(clock.now()) == actions
    with flow.store.reading() as tx:
        found = tx.query(
            "select_actions_of_invoices",
            gateway="sandbox",
            invoice_ids=json.dumps([invoice_of(r) for r in receipts]),
        ).fetchall()
    assert {row["action_id"]: len(row["events"].splitlines()) for row in found} == {
        action_id: len(history) for action_id, history in before.items()
    }
    for receipt in receipts:
        synced = flow.sync("sandbox", invoice_of(receipt))
        assert synced is not None
        assert synced.state is State.FAILED


def test_who_owes_or_is_young_stays(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    flow.perform(Note(text="waiting"), actor="ann")
    assert flow.store.archive(clock.now()) == 0
    for _ in range(3):
        paid(flow, sandbox)
    assert flow.store.archive(clock.now()) == 0  # nobody has been there since before now
    clock.tick(1)
    assert flow.store.archive(clock.now(), limit=2) == 2
    assert flow.store.archive(clock.now(), limit=2) == 1
    assert count(flow, "paidflow_events") > 0


@pytest.mark.parametrize(
    "changed", ["topic", "state", "event_id", "command_id", "correlation_id", "recorded_at"]
)
def test_a_row_leaves_only_if_the_same_is_archived(
    flow: PaidFlow, sandbox: SandboxGateway, changed: str
) -> None:
    paid(flow, sandbox)
    other = {"state": "state || state", "recorded_at": "'2001-01-01T00:00:00+00:00'"}
    values = COLUMNS.replace(changed, other.get(changed, "'x'"))
    total = count(flow, "paidflow_events")
    with flow.store.transaction("test") as tx:
        tx.execute(f"insert into paidflow_events_archive select {values} from paidflow_events")
    with pytest.raises(REFUSED, match="append-only"), flow.store.transaction("test") as tx:
        tx.execute("delete from paidflow_events")
    assert count(flow, "paidflow_events") == total


def test_only_what_is_archived_may_leave(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    paid(flow, sandbox)
    total = count(flow, "paidflow_events")
    with flow.store.transaction("test") as tx:
        tx.execute(
            f"insert into paidflow_events_archive select {COLUMNS} from paidflow_events"
            " where originator_version = 1"
        )
        tx.execute("delete from paidflow_events where originator_version = 1")
    with pytest.raises(REFUSED, match="append-only"), flow.store.transaction("test") as tx:
        tx.execute("delete from paidflow_events")
    assert count(flow, "paidflow_events") == total - 1
