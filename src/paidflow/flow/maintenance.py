"""Which gateways operators have taken out of use; the database knows, so every process does."""

from __future__ import annotations

import time
from collections.abc import Callable

from paidflow import checkpoints
from paidflow.store.contract import Store

REMEMBERED_S = 1.0
"""How long what the database said is believed."""


class Maintenance:
    """Reads who is in maintenance.

    Args:
        store: where it is written.
        seconds: counts the seconds; the machine's own counter by default.
    """

    def __init__(self, store: Store, seconds: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._seconds = seconds
        self._read_at: float | None = None
        self._names: frozenset[str] = frozenset()

    def __contains__(self, gateway: str) -> bool:
        """Whether a gateway is out of use; inside a transaction, as it was known before."""
        now = self._seconds()
        fresh = self._read_at is not None and now < self._read_at + REMEMBERED_S
        if not fresh and not checkpoints.in_transaction():
            with self._store.reading() as tx:
                rows = tx.query("select_maintenance").fetchall()
            self._names = frozenset(row["gateway"] for row in rows)
            self._read_at = now
        return gateway in self._names

    def forget(self) -> None:
        """Ask the database the next time."""
        self._read_at = None
