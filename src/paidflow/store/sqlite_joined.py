"""paidflow's part in a SQLite transaction that somebody else has opened."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paidflow.actions.contract import Rows
from paidflow.errors import InvalidConfiguration, MissingTables, TransactionMissing
from paidflow.store.foreign import ForeignTransaction
from paidflow.store.joined import CursorRows, Joined
from paidflow.store.names import Names
from paidflow.store.records import Write
from paidflow.store.sqlite_transaction import SqliteTransaction, plain


class JoinedSqlite(Joined, SqliteTransaction):
    """A transaction on a connection that may have its own rows, or be asynchronous below.

    Args:
        foreign: the transaction.
        names: under which names everything is in the database.
        last_position: the position of the last event that others can see.
    """

    def __init__(
        self, foreign: ForeignTransaction, names: Names, last_position: Callable[[], int]
    ) -> None:
        SqliteTransaction.__init__(self, foreign.connection, names)
        self.foreign = foreign
        self._last_position = last_position

    def check(self) -> None:
        """See ``SqlStore.joined``."""
        # Outside a transaction SQLite would commit when the savepoint is released.
        driver: Any = getattr(self._connection, "driver_connection", self._connection)
        if not hasattr(driver, "in_transaction"):
            raise InvalidConfiguration("this is no connection to SQLite")
        if not driver.in_transaction:
            if driver.isolation_level is None:
                raise TransactionMissing
            self.execute("begin immediate")
        row = self.query("select_schema").fetchone()
        if row is None or not row["present"]:
            raise MissingTables

    def execute(self, sql: str, **params: Any) -> Rows:
        return CursorRows(self._run(sql, params))

    def fetch(self, name: str, **params: Any) -> list[tuple[Any, ...]]:
        return self._run(self._queries[name], params).fetchall()

    def execute_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            self._run(sql, row)

    def write(self, writes: Sequence[Write]) -> None:
        self.refuse_second_payer(writes)
        super().write(writes)

    # What is noted is in a table of the connection. It is rolled back with the transaction; after
    # a commit it is stale, which shows in the position of the last event.

    def _payers(self) -> list[str]:
        self.query("create_payers")
        row = self.query("select_payers", after=self._last_position()).fetchone()
        return json.loads(row["payers"]) if row else []

    def _note_payers(self, payers: Sequence[str]) -> None:
        self.query("create_payers")
        self.query("delete_payers")
        self.query("insert_payers", payers=json.dumps(payers), after=self._last_position())

    def _lock_purses(self, payers: Sequence[str]) -> None:
        """Writers take turns already."""

    def _run(self, sql: str, params: Mapping[str, Any]) -> Any:
        cursor: Any = self._connection.cursor()
        if isinstance(cursor, sqlite3.Cursor):
            cursor.row_factory = None
        cursor.execute(sql, plain(params))
        return cursor
