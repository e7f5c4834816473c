"""Brings what came in on accounts into their balances, for owners who do not pay anything."""

from __future__ import annotations

from datetime import datetime, timedelta

from paidflow.clock import Clock
from paidflow.store.contract import Store

SWEEP_EVERY = timedelta(minutes=1)
ACCOUNTS_MAX = 100
ENTRIES_MIN = 2
"""A single entry may as well wait for its owner."""


class Sweeping:
    """Sweeps accounts, one in each transaction; whoever pays from one at that moment waits for it.

    Args:
        store: where the accounts are.
        clock: says when it is time again.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._last: datetime | None = None

    def run_once(self) -> int:
        """Sweep those with the most entries, once a minute; returns how many were swept."""
        now = self._clock.now()
        if self._last is not None and abs(now - self._last) < SWEEP_EVERY:
            return 0
        self._last = now
        with self._store.reading() as tx:
            rows = tx.query("select_unswept", limit=ACCOUNTS_MAX).fetchall()
        waiting = [row for row in rows if row["entries"] >= ENTRIES_MIN]
        for row in waiting:
            with self._store.transaction("sweep") as tx:
                tx.sweep(row["account"], row["currency"], now)
        return len(waiting)
