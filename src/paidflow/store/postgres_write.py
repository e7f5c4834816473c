"""Steps of actions as the one argument of ``paidflow_write``, see ``sql/write_postgres.sql``."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from paidflow.ledger.entries import purse
from paidflow.store.contract import Write

Lists = defaultdict[str, list[dict[str, Any]]]


def steps_of(writes: Sequence[Write]) -> str:
    """All rows of several steps of one command, as JSON; lists without a row are left out.

    Args:
        writes: the steps, of different actions, sorted by action.
    """
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
    first = writes[0]
    steps: dict[str, Any] = {
        **lists,
        "now": _text(first.now),
        "command_id": first.command_id,
        "correlation_id": first.correlation_id,
    }
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
