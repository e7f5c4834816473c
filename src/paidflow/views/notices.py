"""What happened to what a person wrote: answers, zaps, and shares of zaps of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from paidflow.actions.contract import HookTransaction
from paidflow.ledger.accounts import person_of
from paidflow.states.events import Requested
from paidflow.store.queries import named
from paidflow.store.records import as_text
from paidflow.views.batch import Batch
from paidflow.views.projection import Projection
from paidflow.views.real import CHANGES, recorded_changes
from paidflow.views.sql import read_sql

_SQL = named(read_sql("notices"))
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class _Key(NamedTuple):
    actor: str
    kind: str
    item_id: str


class Notices(Projection):
    """One row per person, item and kind of event, which sums up; folded from the log.

    Who wrote several items above a comment is told once. ``times`` is 0 when all of it was
    reversed; ``at`` is when it happened last, and does not go back.
    """

    name = "forum_notices"
    events = CHANGES

    def create(self, tx: HookTransaction) -> None:
        for statement in ("create", "create_index"):
            tx.execute(_SQL[statement].format(table=self.table))

    def apply(self, tx: HookTransaction, batch: Batch) -> None:
        acts, told = batch.look_up(_SQL["acts"]), _told(batch)
        requested = batch.requested() if acts else {}
        rows: dict[_Key, dict[str, Any]] = {}
        for recorded, sign in recorded_changes(batch):
            action_id = recorded.action_id
            lines = [(_Key(actor, "reply", action_id), 0) for actor in told.get(action_id, ())]
            if action_id in acts:
                lines += _paid_to(acts[action_id], requested[action_id])
            for key, amount in lines:
                row = rows.setdefault(key, {"at": _NEVER, "times": 0, "amount_msats": 0})
                row["at"] = max(row["at"], recorded.recorded_at if sign > 0 else _NEVER)
                row["times"] += sign
                row["amount_msats"] += sign * amount
        batch.insert(
            self.table,
            [key._asdict() | row | {"at": as_text(row["at"])} for key, row in sorted(rows.items())],
            _SQL["add"].format(table=self.table),
        )


def _told(batch: Batch) -> Mapping[str, set[str]]:
    """Who wrote something above each comment of the batch, other than its own author."""
    told: dict[str, set[str]] = {}
    for row in batch.select(_SQL["answered"]):
        if row["author"] != row["writer"]:
            told.setdefault(row["item_id"], set()).add(row["author"])
    return told


def _paid_to(act: Mapping[str, Any], asked: Requested) -> Iterator[tuple[_Key, int]]:
    """Who gets how much of an act: the author, and those that he forwards to."""
    for line in asked.payouts:
        actor = person_of(line.account)
        if actor is not None and actor != asked.actor:
            kind = act["act"] if actor == act["author"] else "forward"
            yield _Key(actor, kind, act["item_id"]), line.amount.amount
