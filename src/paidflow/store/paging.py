"""Reads what a statement finds in pages: each is a short transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from paidflow.store.contract import Transactions

Row = Mapping[str, Any]


def paged(
    store: Transactions, name: str, *, after: Mapping[str, Any], limit: int, **params: Any
) -> Iterator[Row]:
    """The rows of one of the store's named statements; see ``pages``.

    Args:
        store: where they are.
        name: the statement.
        after: see ``pages``.
        limit: see ``pages``.
        params: its other parameters.
    """

    def read(**page: Any) -> Sequence[Row]:
        with store.reading() as tx:
            return tx.query(name, **page).fetchall()

    return pages(read, after=after, limit=limit, **params)


def pages(
    read: Callable[..., Sequence[Row]], *, after: Mapping[str, Any], limit: int, **params: Any
) -> Iterator[Row]:
    """The rows of a statement that is ordered, and that goes on after a row.

    Args:
        read: asks for a page; the parameters for the row to go on after have the names of columns.
        after: these columns, and the values before the first row.
        limit: how many rows a page has, 1 or more.
        params: its other parameters.
    """
    while True:
        rows = read(limit=limit, **after, **params)
        yield from rows
        if len(rows) < limit:
            return
        after = {column: rows[-1][column] for column in after}
