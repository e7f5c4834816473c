"""Tells what happened to an action, in sentences for people who support other people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from paidflow.errors import ActionNotFound
from paidflow.flow.paid_flow import PaidFlow
from paidflow.money import Money
from paidflow.states import codec
from paidflow.states.aggregate import Aggregate
from paidflow.states.answers import HeightDeadline, InstantDeadline
from paidflow.states.diagram import STANDINGS
from paidflow.states.events import Event
from paidflow.store.records import Status, as_time, row_to_status


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened.

    Args:
        version: its place in the history, from 1.
        at: when it was recorded, UTC.
        sentence: what happened.
        details: ids, amounts and reasons.
        correlation_id: the id under which the application's own logs speak of it.
    """

    version: int
    at: datetime
    sentence: str
    details: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Where an action stands, and how it came to that.

    Args:
        aggregate: what its events tell.
        status: the row that says what is owed.
        moments: what happened, oldest first.
        meaning: what it means to stand there.
    """

    aggregate: Aggregate
    status: Status
    moments: tuple[Moment, ...]
    meaning: str


def timeline(flow: PaidFlow, action_id: str) -> Timeline:
    """What happened to an action.

    Raises:
        ActionNotFound: when there is none.
    """
    loaded = flow.steps.load(action_id)
    with flow.store.reading() as tx:
        row = tx.query("select_status", action_id=action_id).fetchone()
        rows = tx.query("select_history", action_id=action_id).fetchall()
    if loaded is None or row is None:
        raise ActionNotFound(action_id)
    a = loaded.aggregate
    meaning = STANDINGS[a.state].meaning
    return Timeline(a, row_to_status(row), tuple(map(_moment, rows)), meaning)


def _moment(row: Any) -> Moment:
    event = codec.decode(row["topic"], bytes(row["state"]))
    at = as_time(row["recorded_at"])
    if at is None:
        raise AssertionError("every event has a time")
    sentence = (type(event).__doc__ or "").partition("\n")[0].replace("``", "")
    return Moment(row["version"], at, sentence, _details(event), row["correlation_id"])


def _details(event: Event) -> str:
    found = [
        f"{name.replace('_', ' ')} {_said(value)}"
        for name, value in event
        if value is not None and name != "arguments_hash"
    ]
    return ", ".join(found)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Money):
        return str(value)
    if isinstance(value, HeightDeadline):
        return f"block {value.height}"
    if isinstance(value, InstantDeadline):
        value = value.at
    return value.isoformat(" ", "seconds") if isinstance(value, datetime) else str(value)
