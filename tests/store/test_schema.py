"""The rules that the database itself enforces: a good row passes, a bad one is refused."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from paidflow import PaidFlow
from paidflow.store.contract import Transaction
from paidflow.store.sqlite import SqliteStore

NOW = datetime(2030, 1, 1, tzinfo=UTC)
REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError, psycopg.errors.RaiseException)

GOOD: dict[str, dict[str, Any]] = {
    "paidflow_events": {
        "originator_id": "a",
        "originator_version": 1,
        "topic": "t@1",
        "state": b"{}",
        "event_id": "e",
        "command_id": "c",
        "correlation_id": "c",
        "recorded_at": NOW,
    },
    "paidflow_events_archive": {
        "notification_id": 1,
        "originator_id": "a",
        "originator_version": 1,
        "topic": "t@1",
        "state": b"{}",
        "event_id": "e",
        "command_id": "c",
        "correlation_id": "c",
        "recorded_at": NOW,
    },
    "paidflow_actions": {
        "action_id": "a",
        "kind": "note",
        "actor": "ann",
        "state": "PENDING",
        "performed": True,
        "version": 1,
        "cost": 10,
        "currency": "BTC",
        "owed": "payment",
        "due_at": NOW,
        "tries": 0,
        "created_at": NOW,
        "state_since": NOW,
    },
    "paidflow_attempts": {
        "action_id": "a",
        "number": 1,
        "gateway": "sandbox",
        "nonce": "n",
        "invoice_id": "i",
    },
    "paidflow_payments": {
        "action_id": "a",
        "number": 1,
        "gateway": "sandbox",
        "payment_id": "p",
        "destination": "an invoice",
        "never_sent": False,
    },
    "paidflow_payloads": {"action_id": "a", "arguments": "{}"},
    "paidflow_requests": {
        "actor": "ann",
        "kind": "note",
        "key_hash": "h",
        "fingerprint": "f",
        "action_id": "a",
    },
    "paidflow_claims": {"claim": "note:one", "action_id": "a"},
    "paidflow_accounts": {"account": "purse:ann", "currency": "BTC", "balance": 5},
    "paidflow_unswept": {
        "account": "purse:ann",
        "currency": "BTC",
        "amount": 5,
        "source": "a",
        "version": 1,
        "line": 1,
    },
    "paidflow_entries": {
        "source": "a",
        "version": 1,
        "line": 1,
        "debit": "issued",
        "credit": "purse:ann",
        "amount": 5,
        "currency": "BTC",
        "recorded_at": NOW,
    },
    "paidflow_cursors": {"gateway": "sandbox", "cursor": "7"},
    "paidflow_identity": {"gateway": "another", "account": "sandbox"},
    "paidflow_read_marks": {"actor": "ann", "seen_at": NOW},
    "paidflow_snapshots": {
        "originator_id": "a",
        "originator_version": 1,
        "topic": "snapshot@1",
        "state": b"{}",
    },
    "paidflow_tracking": {"tracker": "counter", "application": "wall", "notification_id": 1},
    "paidflow_projections": {"name": "totals", "version": 1, "state": "live", "position": 0},
    "paidflow_parked": {
        "name": "totals",
        "version": 1,
        "action_id": "a",
        "position": 1,
        "error_type": "KeyError",
        "parked_at": NOW,
    },
    "paidflow_subscribers": {"name": "shop", "position": 0},
    "paidflow_deliveries": {
        "subscriber": "shop",
        "position": 1,
        "action_id": "a",
        "next_try_at": NOW,
    },
    "paidflow_webhooks": {
        "gateway": "sandbox",
        "invoice_id": "i",
        "digest": "d",
        "headers": "{}",
        "body": b"{}",
        "received_at": NOW,
        "last_received_at": NOW,
        "matched": True,
        "due_at": NOW,
    },
    "paidflow_gateways": {"gateway": "sandbox", "answered_at": NOW},
}

# Changes of the good row that make another good row.
ALSO_GOOD: list[tuple[str, dict[str, Any]]] = [
    ("paidflow_events", {"originator_version": 2}),
    ("paidflow_events", {"originator_id": "b"}),
    ("paidflow_events_archive", {"notification_id": 2, "originator_version": 2}),
    ("paidflow_actions", {"action_id": "b", "actor": None, "cost": 0}),
    ("paidflow_actions", {"action_id": "b", "state": "PAID", "owed": None, "due_at": None}),
    ("paidflow_actions", {"action_id": "b", "state": "PAID"}),
    (
        "paidflow_actions",
        {"action_id": "b", "state": "FAILED", "performed": False, "owed": None, "due_at": None},
    ),
    ("paidflow_actions", {"action_id": "b", "state": "PENDING_HELD", "performed": False}),
    ("paidflow_actions", {"action_id": "b", "state": "HELD", "performed": False}),
    ("paidflow_actions", {"action_id": "b", "state": "CANCELLING", "performed": False}),
    ("paidflow_actions", {"action_id": "b", "state": "RETRYING", "performed": False}),
    ("paidflow_attempts", {"number": 2, "invoice_id": "j"}),
    ("paidflow_attempts", {"number": 2, "gateway": "another"}),
    ("paidflow_attempts", {"number": 2, "invoice_id": None}),
    ("paidflow_payments", {"number": 2, "payment_id": "q", "destination": None}),
    ("paidflow_payments", {"action_id": "b", "never_sent": True}),
    ("paidflow_requests", {"actor": ""}),
    ("paidflow_requests", {"kind": "held-note"}),
    ("paidflow_requests", {"key_hash": "g"}),
    ("paidflow_claims", {"claim": "note:two"}),
    ("paidflow_accounts", {"currency": "EUR", "balance": 0}),
    ("paidflow_unswept", {"line": 2}),
    ("paidflow_entries", {"line": 2}),
    ("paidflow_entries", {"version": 2}),
    ("paidflow_entries", {"source": "b"}),
    ("paidflow_projections", {"name": "others"}),
    ("paidflow_projections", {"version": 2, "state": "building"}),
    ("paidflow_projections", {"version": 2, "state": "retired"}),
    (
        "paidflow_projections",
        {"version": 2, "state": "building", "tries": 1, "retry_at": NOW, "position": 7},
    ),
    ("paidflow_parked", {"position": 2, "error_type": None}),
    ("paidflow_parked", {"version": 2}),
    ("paidflow_subscribers", {"name": "mail", "failures": 3, "resume_at": NOW}),
    ("paidflow_subscribers", {"name": "mail", "gone_at": NOW}),
    ("paidflow_deliveries", {"subscriber": "mail"}),
    ("paidflow_deliveries", {"position": 2, "tries": 1, "reason": "503"}),
    (
        "paidflow_deliveries",
        {"position": 2, "tries": 9, "next_try_at": None, "given_up_at": NOW},
    ),
    ("paidflow_webhooks", {"digest": "e", "due_at": None}),
    ("paidflow_webhooks", {"gateway": "another"}),
    ("paidflow_webhooks", {"invoice_id": "j", "matched": False, "due_at": None}),
    ("paidflow_webhooks", {"invoice_id": "", "matched": False}),
    (
        "paidflow_gateways",
        {"gateway": "another", "maintenance_since": NOW, "maintenance_reason": "a new disk"},
    ),
    ("paidflow_gateways", {"gateway": "another", "down_since": NOW, "down_reason": "refused"}),
    (
        "paidflow_gateways",
        {"gateway": "another", "webhooks_refused": 1, "webhook_refused_at": NOW},
    ),
]

LOCKED = ("HELD", "FORWARDING", "CAPTURING")

# Changes of the good row that the schema refuses beside it.
BAD: list[tuple[str, dict[str, Any]]] = [
    *((table, {}) for table in GOOD),
    ("paidflow_events", {"originator_version": -1}),
    ("paidflow_snapshots", {"originator_version": -1}),
    ("paidflow_tracking", {"notification_id": -1}),
    *(("paidflow_events", {"originator_id": "b", name: None}) for name in ("topic", "state")),
    *(
        ("paidflow_events", {"originator_id": "b", name: None})
        for name in ("command_id", "event_id")
    ),
    ("paidflow_events_archive", {"originator_version": 2}),
    ("paidflow_events_archive", {"notification_id": 2}),
    ("paidflow_actions", {"action_id": "b", "state": "LIMBO"}),
    ("paidflow_actions", {"action_id": "b", "state": "NEW"}),
    ("paidflow_actions", {"action_id": "b", "version": 0}),
    ("paidflow_actions", {"action_id": "b", "cost": -1}),
    ("paidflow_actions", {"action_id": "b", "tries": -1}),
    ("paidflow_actions", {"action_id": "b", "due_at": None}),
    ("paidflow_actions", {"action_id": "b", "owed": None}),
    *(
        ("paidflow_actions", {"action_id": "b", "state": state, "owed": None, "due_at": None})
        for state in (*LOCKED, "PENDING", "PENDING_HELD", "CANCELLING", "RETRYING")
    ),
    *(
        ("paidflow_actions", {"action_id": "b", "state": state, "performed": False})
        for state in ("PENDING", "FORWARDING", "CAPTURING", "PAID")
    ),
    ("paidflow_attempts", {"number": 0, "invoice_id": "j"}),
    ("paidflow_attempts", {"action_id": "b"}),
    ("paidflow_attempts", {"invoice_id": "j"}),
    ("paidflow_payments", {"number": 0, "payment_id": "q"}),
    ("paidflow_payments", {"payment_id": "q"}),
    ("paidflow_payments", {"number": 2}),
    ("paidflow_payments", {"action_id": "b"}),
    ("paidflow_payments", {"action_id": "b", "gateway": "another"}),
    ("paidflow_claims", {"action_id": "b"}),
    ("paidflow_requests", {"fingerprint": "g", "action_id": "b"}),
    ("paidflow_accounts", {"account": "purse:bob", "balance": -1}),
    ("paidflow_unswept", {"line": 2, "amount": 0}),
    ("paidflow_entries", {"line": 2, "amount": 0}),
    ("paidflow_entries", {"line": 2, "amount": -5}),
    ("paidflow_entries", {"line": 2, "credit": "issued"}),
    ("paidflow_projections", {"version": 2}),  # two live versions
    ("paidflow_projections", {"version": 2, "state": "asleep"}),
    ("paidflow_projections", {"version": 0, "state": "building"}),
    ("paidflow_projections", {"version": 2, "state": "building", "position": -1}),
    ("paidflow_projections", {"version": 2, "state": "building", "tries": 1}),
    ("paidflow_projections", {"version": 2, "state": "building", "retry_at": NOW}),
    ("paidflow_parked", {"position": 0}),
    ("paidflow_parked", {"position": 2, "parked_at": None}),
    ("paidflow_subscribers", {"name": "mail", "position": -1}),
    ("paidflow_subscribers", {"name": "mail", "failures": -1}),
    ("paidflow_deliveries", {"position": 0}),
    ("paidflow_deliveries", {"position": 2, "tries": -1}),
    ("paidflow_deliveries", {"position": 2, "next_try_at": None}),
    ("paidflow_deliveries", {"position": 2, "tries": 1, "given_up_at": NOW}),
    ("paidflow_deliveries", {"position": 2, "next_try_at": None, "given_up_at": NOW}),
    ("paidflow_webhooks", {"digest": "e", "times": 0}),
    ("paidflow_webhooks", {"digest": "e", "tries": -1}),
    ("paidflow_webhooks", {"digest": "e", "body": None}),
    ("paidflow_webhooks", {"invoice_id": "j", "matched": False}),  # nobody could look there
    ("paidflow_webhooks", {"invoice_id": ""}),
    ("paidflow_gateways", {"gateway": "another", "maintenance_since": NOW}),
    ("paidflow_gateways", {"gateway": "another", "maintenance_reason": "a new disk"}),
    ("paidflow_gateways", {"gateway": "another", "down_since": NOW}),
    ("paidflow_gateways", {"gateway": "another", "webhooks_refused": -1}),
    ("paidflow_gateways", {"gateway": "another", "webhooks_refused": 1}),
    ("paidflow_gateways", {"gateway": "another", "webhook_refused_at": NOW}),
]


def insert(tx: Transaction, table: str, row: dict[str, Any]) -> None:
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    tx.execute(f"insert into {table} ({names}) values ({values})", **row)


def name_of(case: tuple[str, dict[str, Any]]) -> str:
    table, change = case
    return f"{table.removeprefix('paidflow_')}-{change}"


def count(flow: PaidFlow, table: str) -> int:
    with flow.store.reading() as tx:
        row = tx.execute(f"select count(*) as total from {table}").fetchone()
    assert row is not None
    return row["total"]


@pytest.mark.parametrize("case", ALSO_GOOD, ids=name_of)
def test_a_good_row_passes(flow: PaidFlow, case: tuple[str, dict[str, Any]]) -> None:
    table, change = case
    with flow.store.transaction("test") as tx:
        insert(tx, table, GOOD[table])
        insert(tx, table, GOOD[table] | change)
    assert count(flow, table) == 2


@pytest.mark.parametrize("case", BAD, ids=name_of)
def test_a_bad_row_is_refused(flow: PaidFlow, case: tuple[str, dict[str, Any]]) -> None:
    table, change = case
    with flow.store.transaction("test") as tx:
        insert(tx, table, GOOD[table])
    before = count(flow, table)
    with pytest.raises(REFUSED), flow.store.transaction("test") as tx:
        insert(tx, table, GOOD[table] | change)
    assert count(flow, table) == before


@pytest.mark.parametrize(
    "table", ["paidflow_events", "paidflow_events_archive", "paidflow_entries"]
)
@pytest.mark.parametrize("how", ["update {} set {} = {}", "delete from {}", "truncate {}"])
def test_the_log_and_the_ledger_are_append_only(flow: PaidFlow, table: str, how: str) -> None:
    if how.startswith("truncate") and isinstance(flow.store, SqliteStore):
        how = "delete from {}"  # SQLite has no truncate; it empties a table like this
    with flow.store.transaction("test") as tx:
        insert(tx, table, GOOD[table])
    column = "amount" if table == "paidflow_entries" else "topic"
    with pytest.raises(REFUSED, match="append-only"), flow.store.transaction("test") as tx:
        tx.execute(how.format(table, column, column))
    assert count(flow, table) == 1


def test_an_invoice_of_ours_is_paid_by_its_own_action_only(flow: PaidFlow) -> None:
    """Incoming and outgoing share a payment hash only where the one is passed on by the other."""
    attempt, payment = GOOD["paidflow_attempts"], GOOD["paidflow_payments"] | {"payment_id": "i"}
    with flow.store.transaction("test") as tx:
        insert(tx, "paidflow_attempts", attempt)
    with pytest.raises(REFUSED, match="crossed"), flow.store.transaction("test") as tx:
        insert(tx, "paidflow_payments", payment | {"action_id": "b"})
    with flow.store.transaction("test") as tx:
        insert(tx, "paidflow_payments", payment)
    with flow.store.transaction("test") as tx:  # the same id at another gateway
        other = {"action_id": "b", "gateway": "another", "never_sent": True}
        insert(tx, "paidflow_payments", payment | other)
    assert count(flow, "paidflow_payments") == 2


def test_a_purse_cannot_be_overdrawn(flow: PaidFlow) -> None:
    with flow.store.transaction("test") as tx:
        insert(tx, "paidflow_accounts", GOOD["paidflow_accounts"])
        tx.execute("update paidflow_accounts set balance = balance - 5")
    with pytest.raises(REFUSED), flow.store.transaction("test") as tx:
        tx.execute("update paidflow_accounts set balance = balance - 1")


def test_every_table_is_covered(flow: PaidFlow) -> None:
    from tests.flow.support import snapshot

    # tests/store/test_sequencer.py, test_migrations.py, tests/flow/test_home.py
    elsewhere = {"paidflow_schema", "paidflow_sequencer", "paidflow_home"}
    assert set(snapshot(flow)) - elsewhere == set(GOOD)
