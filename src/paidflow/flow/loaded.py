"""An action as it is in the store, read in one statement."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paidflow.errors import PaidflowError
from paidflow.states import codec
from paidflow.states.aggregate import Aggregate
from paidflow.states.evolve import fold
from paidflow.store.contract import Transaction
from paidflow.store.records import Payload


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


Moved = tuple[Loaded, bool]
"""The action after something was tried, and whether that moved it on."""


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
    rows = tx.fetch("select_actions_of_invoices", gateway=gateway, invoice_ids=wanted)
    return [(invoice_id, _readable(*action)) for invoice_id, *action in rows]


def _readable(*action: Any) -> Loaded | None:
    try:
        return _loaded(*action)
    except PaidflowError:
        return None


def loaded(row: Mapping[str, Any] | None) -> Loaded | None:
    """The action that a row tells of: its events are lines of topic, space and state."""
    return None if row is None else _loaded(**row)


def _loaded(
    action_id: str,
    arguments: str | None,
    result: str | None,
    error: str | None,
    erased: bool,
    events: str,
) -> Loaded:
    lines = (line.partition(" ") for line in events.split("\n"))
    aggregate = fold(None, [codec.decode(topic, state) for topic, _, state in lines])
    return Loaded(action_id, aggregate, Payload(arguments, result, error, bool(erased)))
