"""An action as it is in the store, read in one statement."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paidflow.errors import PaidflowError
from paidflow.states import codec
from paidflow.states.aggregate import Aggregate, fold
from paidflow.store.contract import Payload, Transaction


@dataclass(slots=True)
class Loaded:
    """An action as it was when it was last read or written.

    Args:
        action_id: its id.
        aggregate: what its events tell.
        payload: its texts.
    """

    action_id: str
    aggregate: Aggregate
    payload: Payload


def load(tx: Transaction, action_id: str) -> Loaded | None:
    """An action; ``None`` when there is none."""
    return loaded(tx.query("select_action", action_id=action_id).fetchone())


def load_of_invoice(tx: Transaction, gateway: str, invoice_id: str) -> Loaded | None:
    """The action that an invoice belongs to; ``None`` when it belongs to none."""
    row = tx.query("select_action_of_invoice", gateway=gateway, invoice_id=invoice_id).fetchone()
    return loaded(row)


def load_of_invoices(
    tx: Transaction, gateway: str, invoice_ids: Sequence[str]
) -> list[tuple[str, Loaded | None]]:
    """The actions that invoices belong to; ``None`` for one that this program cannot read."""
    wanted = json.dumps(invoice_ids)
    rows = tx.query("select_actions_of_invoices", gateway=gateway, invoice_ids=wanted).fetchall()
    return [(row["invoice_id"], _readable(row)) for row in rows]


def _readable(row: Mapping[str, Any]) -> Loaded | None:
    try:
        return loaded(row)
    except PaidflowError:
        return None


def loaded(row: Mapping[str, Any] | None) -> Loaded | None:
    """The action that a row tells of: its events are lines of topic, space and state."""
    if row is None:
        return None
    lines = (line.partition(" ") for line in row["events"].split("\n"))
    aggregate = fold(None, [codec.decode(topic, state) for topic, _, state in lines])
    payload = Payload(row["arguments"], row["result"], row["error"], bool(row["erased"]))
    return Loaded(row["action_id"], aggregate, payload)
