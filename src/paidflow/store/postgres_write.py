"""Steps of actions as one statement: ``paidflow_write``, see ``sql/write_postgres.sql``.

Rows that actions offer travel as JSON, too, and are inserted by the same statement.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from paidflow.actions.contract import Row
from paidflow.ledger.entries import numbered
from paidflow.store.names import Names
from paidflow.store.records import Write
from paidflow.store.transaction import RowRefused, checked_names, plain_value

Lists = defaultdict[str, list[dict[str, Any]]]


def statement_of(writes: Sequence[Write], names: Names) -> tuple[str, list[str]]:
    """The statement that writes several steps, and its parameters.

    Args:
        writes: the steps, of different actions.
        names: under which names everything is in the database.

    Raises:
        RowRefused: when a row of the application is no JSON.
        InvalidArguments: when a name in it is none that SQL takes without quotes.
    """
    tables: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for write in writes:
        for row in write.rows:
            tables[row.table, *row.values].append(row.values)
    inserts: list[str] = []
    texts: list[str] = []
    for number, ((table, *columns), rows) in enumerate(tables.items()):
        inserts.append(f"rows_{number} as ({_insert(table, columns, f'rows_{number}')})")
        texts.append(_as_json(rows))
    texts.append(_steps(writes))
    before = f"with {', '.join(inserts)} " if inserts else ""
    return f"{before}select {names.fill('paidflow_write')}(:steps)", texts


def insert_of(row: Row) -> tuple[str, str]:
    """The statement that inserts a row of the application, and its parameter ``rows``.

    Raises:
        RowRefused: when it is no JSON.
        InvalidArguments: when a name in it is none that SQL takes without quotes.
    """
    return _insert(row.table, list(row.values), "rows"), _as_json([row.values])


def _insert(table: str, columns: Sequence[str], parameter: str) -> str:
    listed = ", ".join(checked_names(table, columns))
    return (
        f"insert into {table} ({listed}) select {listed}"
        f" from jsonb_populate_recordset(null::{table}, :{parameter})"
    )


def _as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    try:
        return json.dumps(rows, default=plain_value)
    except (TypeError, ValueError) as error:
        raise RowRefused(error) from error


def _steps(writes: Sequence[Write]) -> str:
    """All rows of several steps, sorted by action, as JSON; lists without a row are left out."""
    lists: Lists = defaultdict(list)
    debits: Counter[tuple[str, str]] = Counter()
    for write in sorted(writes, key=_action_id):
        _add_step(lists, write)
        _add_entries(lists, debits, write)
    for (account, currency), amount in debits.items():
        lists["debits"].append({"account": account, "currency": currency, "amount": amount})
    released = [write.status.action_id for write in writes if write.release_claims]
    steps: dict[str, Any] = {**lists, "now": max(write.now for write in writes)}
    if released:
        steps["released"] = released
    return to_json(steps).decode()


def _action_id(write: Write) -> str:
    return write.status.action_id


def _add_step(lists: Lists, write: Write) -> None:
    s = write.status
    action_id = s.action_id
    events = lists["events"]
    for version, (topic, state, event_id) in enumerate(write.events, start=write.before + 1):
        events.append(
            {
                "action_id": action_id,
                "version": version,
                "topic": topic,
                "state": state,
                "event_id": event_id,
                "command_id": write.command_id,
                "correlation_id": write.correlation_id,
            }
        )
    for claim in sorted(write.claims):
        lists["claims"].append({"claim": claim, "action_id": action_id})
    row = {
        "action_id": action_id,
        "state": s.state,
        "performed": s.performed,
        "version": s.version,
        "owed": s.owed,
        "due_at": s.due_at,
        "deadline_at": s.deadline_at,
        "deadline_height": s.deadline_height,
        "attention": s.attention,
        "failure_reason": s.failure_reason,
    }
    if write.before:
        row["before"] = write.before
        lists["moved"].append(row)
    else:
        row["kind"], row["actor"], row["arguments"] = s.kind, s.actor, write.arguments
        row["cost"], row["currency"] = s.cost.amount, s.cost.currency
        lists["requested"].append(row)
        if write.open_invoices_max is not None and s.actor is not None:
            lists["limited"].append({"actor": s.actor, "most": write.open_invoices_max})
    _add_beside(lists, action_id, write)


def _add_beside(lists: Lists, action_id: str, write: Write) -> None:
    if write.request is not None:
        r = write.request
        lists["requests"].append(
            {
                "actor": r.actor,
                "kind": r.kind,
                "key_hash": r.key_hash,
                "fingerprint": r.fingerprint,
                "action_id": action_id,
            }
        )
    for attempt in write.attempts:
        lists["attempts"].append(
            {
                "action_id": action_id,
                "number": attempt.number,
                "gateway": attempt.gateway,
                "nonce": attempt.nonce,
                "invoice_id": attempt.invoice_id,
                "payment_request": attempt.payment_request,
            }
        )
    if write.attachment is not None:
        lists["attached"].append(
            {
                "action_id": action_id,
                "number": write.attachment.number,
                "invoice_id": write.attachment.invoice_id,
                "payment_request": write.attachment.payment_request,
            }
        )
    for number in write.unsent:
        lists["unsent"].append({"action_id": action_id, "number": number})
    for payment in write.payments:
        lists["payments"].append(
            {
                "action_id": action_id,
                "number": payment.number,
                "gateway": payment.gateway,
                "payment_id": payment.payment_id,
                "destination": payment.destination,
            }
        )
    if write.error is not None:
        lists["errors"].append({"action_id": action_id, "error": write.error})


def _add_entries(lists: Lists, debits: Counter[tuple[str, str]], write: Write) -> None:
    for line, version, entry in numbered(write.entries):
        row = {
            "source": write.status.action_id,
            "version": version,
            "line": line,
            "credit": entry.credit,
            "amount": entry.amount.amount,
            "currency": entry.amount.currency,
        }
        if entry.recovers:
            lists["debits"].append({"account": entry.debit, **row})
        else:
            lists["entries"].append({"debit": entry.debit, **row})
        if entry.takes:
            debits[entry.debit, entry.amount.currency] += entry.amount.amount
        if entry.gives:
            lists["incoming"].append(
                {
                    "account": entry.credit,
                    "currency": entry.amount.currency,
                    "amount": entry.amount.amount,
                    "source": write.status.action_id,
                    "version": version,
                    "line": line,
                }
            )
