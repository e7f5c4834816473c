"""Writes one step of an action into SQLite, statement by statement: there is no round trip."""

from __future__ import annotations

import json
from typing import Any

from paidflow.actions.contract import Row
from paidflow.errors import Conflict, TooManyOpenInvoices
from paidflow.ledger.entries import numbered
from paidflow.store.records import Write
from paidflow.store.transaction import RowRefused, SqlTransaction, checked_names, plain_value


def write_step(tx: SqlTransaction, write: Write) -> None:
    """Write events, claims, status, entries, debit and rows, in this order.

    Args:
        tx: the open transaction.
        write: the step.
    """
    tx.append(_events(write))
    _claim(tx, write)
    _set_status(tx, write)
    _write_beside(tx, write)
    _post(tx, write)
    for row in write.rows:
        insert_row(tx, row)


def _events(write: Write) -> list[dict[str, Any]]:
    return [
        {
            "action_id": write.status.action_id,
            "version": version,
            "topic": topic,
            "state": state,
            "event_id": event_id,
            "command_id": write.command_id,
            "correlation_id": write.correlation_id,
            "now": write.now,
        }
        for version, (topic, state, event_id) in enumerate(write.events, start=write.before + 1)
    ]


def _claim(tx: SqlTransaction, write: Write) -> None:
    action_id = write.status.action_id
    if write.release_claims:
        tx.query("release_claims", action_id=action_id)
    for claim in sorted(write.claims):
        tx.query("insert_claim", claim=claim, action_id=action_id)


def _set_status(tx: SqlTransaction, write: Write) -> None:
    s = write.status
    shared = {
        "action_id": s.action_id,
        "state": s.state,
        "performed": s.performed,
        "version": s.version,
        "owed": s.owed,
        "due_at": s.due_at,
        "deadline_at": s.deadline_at,
        "deadline_height": s.deadline_height,
        "attention": s.attention,
        "failure_reason": s.failure_reason,
        "now": write.now,
    }
    if write.before:
        if tx.query("update_status", before=write.before, **shared).rowcount != 1:
            raise Conflict
        return
    cost = {"cost": s.cost.amount, "currency": s.cost.currency}
    tx.query("insert_status", kind=s.kind, actor=s.actor, **cost, **shared)
    if write.open_invoices_max is not None and s.actor is not None:
        row = tx.query("count_open_invoices", actor=s.actor).fetchone()
        if row is not None and row["total"] > write.open_invoices_max:
            raise TooManyOpenInvoices


def _write_beside(tx: SqlTransaction, write: Write) -> None:
    action_id = write.status.action_id
    if not write.before:
        tx.query("insert_payload", action_id=action_id, arguments=write.arguments)
    if write.error is not None:
        tx.query("update_error", action_id=action_id, error=write.error)
    if write.request is not None:
        r = write.request
        keys = {"actor": r.actor, "kind": r.kind, "key_hash": r.key_hash}
        tx.query("insert_request", fingerprint=r.fingerprint, action_id=action_id, **keys)
    for attempt in write.attempts:
        tx.query(
            "insert_attempt",
            action_id=action_id,
            number=attempt.number,
            gateway=attempt.gateway,
            nonce=attempt.nonce,
            invoice_id=attempt.invoice_id,
            payment_request=attempt.payment_request,
        )
    for number in write.unsent:
        tx.query("release_payment", action_id=action_id, number=number)
    for payment in write.payments:
        tx.query(
            "insert_payment",
            action_id=action_id,
            number=payment.number,
            gateway=payment.gateway,
            payment_id=payment.payment_id,
            destination=payment.destination,
        )
    if write.attachment is not None:
        tx.query(
            "attach_invoice",
            action_id=action_id,
            number=write.attachment.number,
            invoice_id=write.attachment.invoice_id,
            payment_request=write.attachment.payment_request,
        )


def _post(tx: SqlTransaction, write: Write) -> None:
    source = write.status.action_id
    for line, version, entry in numbered(write.entries):
        if not tx.post(entry, source=source, version=version, line=line, now=write.now):
            raise Conflict


def insert_row(tx: SqlTransaction, row: Row) -> None:
    """Insert a row of the application.

    Raises:
        RowRefused: when the database does not take it.
    """
    columns = checked_names(row.table, list(row.values))
    names, values = ", ".join(columns), ", ".join(f":{column}" for column in columns)
    try:
        plain = {column: _plain(value) for column, value in row.values.items()}
        tx.execute(f"insert into {row.table} ({names}) values ({values})", **plain)
    except Exception as error:
        raise RowRefused(error) from error


def _plain(value: Any) -> Any:
    """The value as PostgreSQL would read it from JSON; lists and objects stay JSON."""
    if isinstance(value, str | int | float | None):
        return value
    return json.dumps(value) if isinstance(value, list | dict) else plain_value(value)
