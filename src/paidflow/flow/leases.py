"""Leases: which actions a worker has taken, so that others do not do the same work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from typing import Any

from paidflow.clock import Clock
from paidflow.ids import Ids
from paidflow.store.contract import Store


@dataclass(frozen=True, slots=True)
class Lease:
    """Some actions that were taken together.

    Args:
        token: the name of the lease.
        action_ids: the actions, in the order in which they are to be worked on.
    """

    token: str
    action_ids: tuple[str, ...]


class Leases:
    """Takes what is due, and gives it back.

    Args:
        store: where actions are.
        clock: the time.
        ids: where the names of leases come from.
        batch: how many actions are taken at once, at most.
        lasts: how long nobody else takes them.
    """

    def __init__(self, store: Store, clock: Clock, ids: Ids, batch: int, lasts: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._batch = batch
        self._lasts = lasts

    def held_is_due(self) -> bool:
        """Whether something is due that holds somebody's money."""
        with self._store.reading() as tx:
            return tx.query("select_held_due", now=self._clock.now()).fetchone() is not None

    def take_held(self) -> Lease:
        """Take what holds somebody's money, in the order of its deadlines.

        Those that are moments and those that are heights of a chain take turns.
        """
        return self._take("lease_held", "lease_held_to_height")

    def take_due(self) -> Lease:
        """Take whatever is due, in the order in which it became due."""
        return self._take("lease")

    def give_back(self, lease: Lease, action_id: str) -> None:
        """Let others take an action, too; not one that somebody else has taken since."""
        with self._store.transaction("release") as tx:
            tx.query("release", action_id=action_id, token=lease.token)

    def _take(self, *queries: str) -> Lease:
        now, token = self._clock.now(), self._ids.new_id()
        given = {"now": now, "until": now + self._lasts, "token": token, "limit": self._batch}
        with self._store.transaction("lease") as tx:
            taken = [tx.query(query, **given).fetchall() for query in queries]
        lines = [sorted(rows, key=_urgency) for rows in taken]  # the database returns them in any
        turns = (row for turn in zip_longest(*lines) for row in turn if row is not None)
        return Lease(token, tuple(row["action_id"] for row in turns))


def _urgency(row: Mapping[str, Any]) -> tuple[bool, Any, Any]:
    return row["deadline"] is None, row["deadline"], row["due_at"]
