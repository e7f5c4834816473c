"""Pages of the log; while one is folded, the next one is read.

What is read is published, so it never changes. Whether the page is still the next one is known when
it is folded: its place is compared with how far the view is.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from json import dumps
from typing import Any, NamedTuple

from paidflow.store.contract import Store, Transaction

SIZE = 10_000
"""How many events are folded in one transaction, unless somebody says otherwise."""

SPAN = 20
"""How many positions are looked through for each event of a page: a bound for rare events."""

Rows = Sequence[tuple[Any, ...]]
"""Events as plain tuples with the fields of ``Recorded``, of which many cost less."""


class Page(NamedTuple):
    """What a view wants of a piece of the log.

    Args:
        after: the position before the piece.
        upto: the last position of the piece.
        rows: its events.
    """

    after: int
    upto: int
    rows: Rows

    def halves(self) -> tuple[Page, Page]:
        """The page in two; it has two events or more."""
        half = len(self.rows) // 2
        cut = self.rows[half - 1][0]
        return (
            Page(self.after, cut, self.rows[:half]),
            Page(cut, self.upto, self.rows[half:]),
        )


class Pages:
    """Reads pages.

    Args:
        store: where the log is.
        topics: the names of the events that are wanted.
        size: how many events a page has at most.
    """

    def __init__(self, store: Store, topics: Sequence[str], size: int) -> None:
        self._store = store
        self._names = dumps(topics)
        self._size = size
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="paidflow-pages")
        self._ahead: Future[Page] | None = None

    def next(self, after: int, upto: int, size: int | None = None) -> Page:
        """The page behind a position; the one after it is read from now on, if there is more.

        Args:
            after: the position.
            upto: the last position that may be read.
            size: how many events it has at most, if not as many as usual.
        """
        ahead, self._ahead = self._ahead, None
        page = ahead.result() if ahead is not None else None
        if page is None or page.after != after or size is not None:
            page = self._read(after, upto, size)
        if size is None and page.upto < upto:
            self._ahead = self._reader.submit(self._read, page.upto, upto)
        return page

    def read(self, tx: Transaction, after: int, upto: int, size: int | None = None) -> Page:
        """Read a page in a transaction, at most so many events."""
        limit = size or self._size
        upto = min(upto, after + self._size * SPAN)
        where = {"after": after, "upto": upto, "names": self._names, "limit": limit}
        rows = tx.fetch("select_page", **where)
        return Page(after, rows[-1][0] if len(rows) == limit else upto, rows)

    def _read(self, after: int, upto: int, size: int | None = None) -> Page:
        with self._store.reading() as tx:
            return self.read(tx, after, upto, size)
