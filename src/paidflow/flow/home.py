"""Whether this database is where its log lives, or a copy of it that must not act.

A backup that was restored knows less than the gateway: it would cancel, capture and open what was
long decided. So the first program that works on a log writes down where the database is. When it
is found elsewhere no gateway is called, until an operator has adopted the copy.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager

from paidflow.flow.gateways import Gateways
from paidflow.store.contract import Store

logger = logging.getLogger("paidflow.flow")


class Home:
    """Where a log lives.

    Args:
        store: where the log is now.
        gateways: are not called from anywhere else.
    """

    def __init__(self, store: Store, gateways: Gateways) -> None:
        self._store = store
        self._gateways = gateways
        self._place = store.place()
        self._gateways.locked = self._is_elsewhere()
        if self._gateways.locked:
            logger.error("this database is a copy or was restored; no gateway is called from it")

    @property
    def is_copy(self) -> bool:
        """Whether the database is not where its log lives."""
        return self._gateways.locked

    @contextmanager
    def asking(self) -> Generator[None]:
        """Let a copy ask gateways about invoices, and nothing else, until the block ends."""
        self._gateways.may_ask = True
        try:
            yield
        finally:
            self._gateways.may_ask = False

    def move_here(self) -> None:
        """From now on the log lives here; whoever calls this has reconciled it."""
        if self._place is not None:
            with self._store.transaction("adopt") as tx:
                tx.query("upsert_home", place=self._place)
        self._gateways.locked = False

    def _is_elsewhere(self) -> bool:
        if self._place is None:
            return False
        with self._store.transaction("identity") as tx:
            tx.query("insert_home", place=self._place)
            row = tx.query("select_home").fetchone()
        return row is None or row["place"] != self._place
