"""Where each post stands in the hot list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from paidflow.actions.contract import HookTransaction
from paidflow.states.events import Paid
from paidflow.store.queries import named
from paidflow.store.records import as_text, as_time
from paidflow.views.batch import Batch
from paidflow.views.item_totals import SUM_OF
from paidflow.views.projection import Projection
from paidflow.views.ranking import HotRanking, Ranking, Standing
from paidflow.views.real import CHANGES, changes
from paidflow.views.sql import read_sql

_SQL = named(read_sql("ranks"))
COLUMNS = tuple(SUM_OF.values())


@dataclass(slots=True)
class _Change:
    paid_at: datetime | None = None
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))


class Ranks(Projection):
    """The sums of each post that count for its rank, and its score; folded from the log.

    Args:
        ranking: makes the score of the sums.
    """

    name = "forum_ranks"
    events = CHANGES

    def __init__(self, ranking: Ranking | None = None) -> None:
        self._ranking = ranking or HotRanking()

    def create(self, tx: HookTransaction) -> None:
        for statement in ("create", "create_index"):
            tx.execute(_SQL[statement].format(table=self.table))

    def apply(self, tx: HookTransaction, batch: Batch) -> None:
        found = self._changes(batch)
        if not found:
            return
        before = {row["item_id"]: row for row in batch.rows_of(self.table, "item_id", list(found))}
        rows = [
            self._row(item_id, before.get(item_id), change)
            for item_id, change in sorted(found.items())
        ]
        batch.insert(self.table, rows, _SQL["replace"])

    def _changes(self, batch: Batch) -> Mapping[str, _Change]:
        posts, acts = batch.look_up(_SQL["posts"]), batch.look_up(_SQL["acts"])
        found: defaultdict[str, _Change] = defaultdict(_Change)
        for recorded in batch:
            if recorded.action_id in posts and recorded.topic.startswith(f"{Paid.name}@"):
                found[recorded.action_id].paid_at = recorded.recorded_at
        for action_id, sign in changes(batch):
            act = acts.get(action_id)
            if act is not None:
                found[act["item_id"]].sums[SUM_OF[act["act"]]] += sign * act["amount_msats"]
        return found

    def _row(
        self, item_id: str, before: Mapping[str, Any] | None, change: _Change
    ) -> dict[str, Any]:
        paid_at = (as_time(before["paid_at"]) if before else None) or change.paid_at
        sums = {name: (before[name] if before else 0) + change.sums[name] for name in COLUMNS}
        score = self._ranking.score(Standing(paid_at=paid_at, **sums)) if paid_at else 0
        return {
            "item_id": item_id,
            "paid_at": None if paid_at is None else as_text(paid_at),
            **sums,
            "score": score,
        }
