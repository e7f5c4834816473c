"""Events that a view could not fold: shown, and folded or given up when a person says so.

When an event of an action is parked, the later events of this action are parked behind it. So the
events of one action are folded in order or not at all. The events of other actions go on: a view
in which one action depends on another is right again only after a rebuild.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from paidflow import checkpoints
from paidflow.errors import InvalidArguments
from paidflow.store.contract import Store, Transaction
from paidflow.store.records import as_time
from paidflow.views.batch import Batch
from paidflow.views.runner import Runner


@dataclass(frozen=True, slots=True)
class Parked:
    """An event that is not in a view.

    Args:
        name: the view.
        version: its version.
        action_id: the action that the event is about.
        position: the event's place in the log.
        topic: the event's name and version.
        error_type: what the view raised; ``None`` for an event that waits behind another.
        since: when it was parked.
    """

    name: str
    version: int
    action_id: str
    position: int
    topic: str
    error_type: str | None
    since: datetime

    @property
    def sentence(self) -> str:
        """What happened, for an operator."""
        if self.error_type is None:
            return f"{self.topic} waits behind an earlier event of its action."
        return f"{self.name} could not fold {self.topic}: {self.error_type}."


class Parking:
    """Shows, folds and gives up parked events.

    Args:
        store: where they are.
        runners: name of a view -> what folds it.
    """

    def __init__(self, store: Store, runners: Mapping[str, Runner]) -> None:
        self._store = store
        self._runners = runners

    def parked(self, limit: int) -> list[Parked]:
        """The parked events of all views, in the order of the log."""
        with self._store.reading() as tx:
            rows = tx.query("select_parked", limit=limit).fetchall()
        return [
            Parked(
                name=row["name"],
                version=row["version"],
                action_id=row["action_id"],
                position=row["position"],
                topic=row["topic"],
                error_type=row["error_type"],
                since=as_time(row["parked_at"]) or datetime.min.replace(tzinfo=UTC),
            )
            for row in rows
        ]

    def retry(self, name: str, action_id: str) -> int:
        """Fold the parked events of an action, all or none."""
        runner = self._runner(name)
        with checkpoints.flow("folding"), self._store.transaction("retry_parked") as tx:
            rows = self._take(tx, runner, action_id)
            if rows:
                runner.projection.apply(tx, Batch(tx, rows))
        return len(rows)

    def drop(self, name: str, action_id: str) -> int:
        """Give up the parked events of an action."""
        with checkpoints.flow("folding"), self._store.transaction("drop_parked") as tx:
            return len(self._take(tx, self._runner(name), action_id))

    def _take(self, tx: Transaction, runner: Runner, action_id: str) -> list[tuple[Any, ...]]:
        """Take an action's events off the list, while nobody folds the view."""
        tx.query("hold_projection", **runner.key)
        where = {"action_id": action_id, **runner.key}
        rows = tx.fetch("select_parked_events", **where)
        tx.query("delete_parked_action", **where)
        return rows

    def _runner(self, name: str) -> Runner:
        if name not in self._runners:
            raise InvalidArguments(f"there is no view {name}")
        return self._runners[name]
