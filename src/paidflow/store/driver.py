"""The plain connection of a driver, psycopg or sqlite3, as somebody else's transaction."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


class DriverTransaction:
    """A transaction on a connection of psycopg or sqlite3.

    Args:
        connection: the connection.
    """

    for_hooks = None

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """A savepoint that is released at the end of the block; an error rolls back to it."""
        self._run("savepoint paidflow")
        try:
            yield
        except BaseException:
            self._run("rollback to savepoint paidflow")
            self._run("release savepoint paidflow")
            raise
        self._run("release savepoint paidflow")

    def flush(self) -> None:
        """Nothing: a driver sends everything at once."""

    def _run(self, sql: str) -> None:
        self.connection.cursor().execute(sql)
