"""Steps of actions as one statement: ``paidflow_write``, see ``sql/write_postgres.sql``.

Rows that actions offer travel as JSON, too, and are inserted by the same statement.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from paidflow.ledger.entries import purse
from paidflow.store.contract import Write
from paidflow.store.transaction import RowRefused, checked_names, plain_value

Lists = defaultdict[str, list[dict[str, Any]]]


def statement_of(writes: Sequence[Write]) -> tuple[str, list[str]]:
    """The statement that writes several steps, and its parameters.

    Args:
        writes: the steps, of different actions.

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
        names = ", ".join(checked_names(table, columns))
        inserts.append(
            f"rows_{number} as (insert into {table} ({names}) select {names}"
            f" from jsonb_populate_recordset(null::{table}, :rows_{number}))"
        )
        try:
            texts.append(json.dumps(rows, default=plain_value))
        except (TypeError, ValueError) as error:
            raise RowRefused(error) from error
    texts.append(_steps(sorted(writes, key=lambda write: write.status.action_id)))
    before = f"with {', '.join(inserts)} " if inserts else ""
    return f"{before}select paidflow_write(:steps)", texts


def _steps(writes: Sequence[Write]) -> str:
    """All rows of several steps, sorted by action, as JSON; lists without a row are left out."""
    lists: Lists = defaultdict(list)
    purses: Counter[tuple[str, str]] = Counter()
    for write in writes:
        _add_step(lists, write)
        _add_entries(lists, purses, write)
    for (account, currency), change in sorted(purses.items()):
        if change:
            row = {"account": account, "currency": currency, "amount": abs(change)}
            lists["credits" if change > 0 else "debits"].append(row)
    released = [write.status.action_id for write in writes if write.release_claims]
    steps: dict[str, Any] = {**lists, "now": max(write.now for write in writes).isoformat()}
    if released:
        steps["released"] = released
    return json.dumps(steps)


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
                "state": state.decode(),
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
        "due_at": _text(s.due_at),
        "deadline_at": _text(s.deadline_at),
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
    if write.error is not None:
        lists["errors"].append({"action_id": action_id, "error": write.error})


def _add_entries(lists: Lists, purses: Counter[tuple[str, str]], write: Write) -> None:
    for line, (version, entry) in enumerate(write.entries, start=1):
        lists["entries"].append(
            {
                "source": write.status.action_id,
                "version": version,
                "line": line,
                "debit": entry.debit,
                "credit": entry.credit,
                "amount": entry.amount.amount,
                "currency": entry.amount.currency,
            }
        )
        for actor, change in entry.purse_changes:
            purses[purse(actor), entry.amount.currency] += change


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
