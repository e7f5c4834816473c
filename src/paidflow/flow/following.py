"""Follows the messages of the gateways: settles what they tell of, and remembers how far it came.

A message only says where to look, so that one is read twice does no harm, and none may be missed.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

from paidflow.flow.paid_flow import PaidFlow
from paidflow.payments.contract import Updates

PAGE_TRIES = 100
"""How often a page of messages is read before an invoice without an answer is left behind."""

PAGES_MAX = 20
READ_ON = timedelta(seconds=2)
"""How many pages of a gateway are read in a row, and for how long, before others have a turn."""


class Following:
    """Reads the messages of all gateways that send some.

    Args:
        flow: what they are about.
        together: how many messages are settled in one transaction, 1 to 1,000.
        stopping: once it is set, no further page is read.
    """

    def __init__(self, flow: PaidFlow, together: int, stopping: threading.Event) -> None:
        self._flow = flow
        self._together = min(max(together, 1), 1000)
        self._stopping = stopping
        self._unanswered: Counter[str] = Counter()

    def run_once(self) -> int:
        """Read the messages that are there, as far as one may at once; returns how many."""
        return sum(self._follow(name) for name in self._flow.gateways.streaming())

    def _follow(self, name: str) -> int:
        with self._flow.store.reading() as tx:
            row = tx.query("select_cursor", gateway=name).fetchone()
        cursor = row["cursor"] if row else None
        page = self._flow.gateways.updates(name, cursor)
        moved = page.cursor != (cursor or "")
        if len(page.hints) < self._together or not moved:
            left = self._flow.sync_many(name, [hint.invoice_id for hint in page.hints])
            return self._remember(name, page, answered=not left) if moved else 0
        with ThreadPoolExecutor(2) as pool:
            return self._read_on(name, page, pool)

    def _read_on(self, name: str, page: Updates, pool: ThreadPoolExecutor) -> int:
        """Settle this page and those behind it; while one part is written, the next one begins."""
        read, until = 0, self._flow.clock.now() + READ_ON
        lefts = self._settle(name, page, pool)
        for _ in range(PAGES_MAX):
            if self._stopping.is_set() or self._flow.clock.now() >= until:
                break
            following = self._flow.gateways.updates(name, page.cursor)
            if following.cursor == page.cursor:
                break
            lefts_of_following = self._settle(name, following, pool)
            done = self._remember(name, page, answered=not any(lefts))
            if not done:
                return read
            read, page, lefts = read + done, following, lefts_of_following
        return read + self._remember(name, page, answered=not any(lefts))

    def _settle(self, name: str, page: Updates, pool: ThreadPoolExecutor) -> Iterator[list[str]]:
        """Begin to settle a page, in parts; gives the invoices of each that got no answer."""
        invoice_ids = [hint.invoice_id for hint in page.hints]
        firsts = range(0, len(invoice_ids), self._together)
        parts = [invoice_ids[first : first + self._together] for first in firsts]
        return pool.map(partial(self._flow.sync_many, name), parts)

    def _remember(self, name: str, page: Updates, *, answered: bool) -> int:
        """Go on behind a page when every invoice on it got an answer, but do not wait for ever.

        Returns:
            How many messages were read, 0 when the page has to be read again.
        """
        self._unanswered[name] = 0 if answered else self._unanswered[name] + 1
        if self._unanswered[name] % PAGE_TRIES:
            return 0
        with self._flow.store.transaction("cursor") as tx:
            tx.query("upsert_cursor", gateway=name, cursor=page.cursor)
        return len(page.hints)
