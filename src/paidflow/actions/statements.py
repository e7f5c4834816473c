"""The SQL of the catalogue, from the ``.sql`` files beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from paidflow.actions.contract import HookTransaction, Rows
from paidflow.errors import InvalidArguments
from paidflow.store.contract import Transactions
from paidflow.store.paging import pages
from paidflow.store.queries import named

PACKAGE = "paidflow.actions.sql"


class Statements:
    """The named statements of one file.

    Args:
        name: the file's name without ``.sql``.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getitem__(self, statement: str) -> str:
        """The text of a statement."""
        return _read(self._name)[statement]

    def run(self, tx: HookTransaction, statement: str, **params: Any) -> Rows:
        """Run a statement with ``:name`` parameters.

        Raises:
            InvalidArguments: when one of them is a text that no database can keep.
        """
        for name, value in params.items():
            if isinstance(value, str) and not is_storable(value):
                raise InvalidArguments(f"{name} is no text")
        return tx.execute(self[statement], **params)

    def one(self, tx: HookTransaction, statement: str, **params: Any) -> Mapping[str, Any] | None:
        """The first row that a statement finds."""
        return self.run(tx, statement, **params).fetchone()

    def paged(
        self,
        store: Transactions,
        statement: str,
        *,
        after: Mapping[str, Any],
        limit: int,
        **params: Any,
    ) -> Iterator[Mapping[str, Any]]:
        """The rows that a statement finds, in short transactions; see ``paging.pages``."""

        def read(**page: Any) -> Sequence[Mapping[str, Any]]:
            with store.reading() as tx:
                return self.run(tx, statement, **page).fetchall()

        return pages(read, after=after, limit=limit, **params)


def is_storable(text: str) -> bool:
    """Whether every database can keep a text: no NUL, and no half of a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


@cache
def _read(name: str) -> dict[str, str]:
    return named((files(PACKAGE) / f"{name}.sql").read_text(encoding="utf-8"))
