"""paidflow's part in a PostgreSQL transaction that somebody else has opened."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from paidflow.actions.contract import Rows
from paidflow.errors import (
    InvalidConfiguration,
    MissingTables,
    TransactionMissing,
    UnsupportedIsolation,
)
from paidflow.ledger.accounts import purse, withdrawable
from paidflow.store.foreign import ForeignTransaction
from paidflow.store.joined import CursorRows, Joined
from paidflow.store.names import Names
from paidflow.store.postgres_transaction import PostgresTransaction, translate
from paidflow.store.records import Write


class JoinedPostgres(Joined, PostgresTransaction):
    """A transaction on a connection that may have its own rows, or be asynchronous below.

    Args:
        foreign: the transaction.
        names: under which names everything is in the database.
    """

    def __init__(self, foreign: ForeignTransaction, names: Names) -> None:
        PostgresTransaction.__init__(self, foreign.connection, names)
        self.foreign = foreign

    def check(self) -> None:
        """See ``SqlStore.joined``."""
        driver: Any = getattr(self.connection, "driver_connection", self.connection)
        if not hasattr(driver, "pgconn"):
            raise InvalidConfiguration("this is no connection to PostgreSQL")
        status = driver.pgconn.transaction_status
        if status == TransactionStatus.INERROR:
            raise TransactionMissing("it has failed and can only be rolled back")
        if status != TransactionStatus.INTRANS and driver.autocommit:
            raise TransactionMissing
        found = self.query("select_joined").fetchone()
        if found is None or not found["present"]:
            raise MissingTables
        if found["isolation"] != "read committed":
            raise UnsupportedIsolation(f"this one is {found['isolation'].upper()}")

    def query(self, name: str, **params: Any) -> Rows:
        return self._run(self._queries[name], params)

    def fetch(self, name: str, **params: Any) -> list[tuple[Any, ...]]:
        return self._cursor(self._queries[name], params).fetchall()

    def write(self, writes: Sequence[Write]) -> None:
        self.refuse_second_payer(writes)
        super().write(writes)

    def _payers(self) -> list[str]:
        row = self.query("select_payers").fetchone()
        return json.loads(row["payers"]) if row and row["payers"] else []

    def _note_payers(self, payers: Sequence[str]) -> None:
        self.query("note_payers", payers=json.dumps(payers))

    def _lock_purses(self, payers: Sequence[str]) -> None:
        accounts = [name(payer) for payer in payers for name in (purse, withdrawable)]
        self.query("lock_purses", accounts=accounts)

    def _write(self, sql: str, texts: Sequence[str]) -> None:
        names = [*(f"rows_{number}" for number in range(len(texts) - 1)), "steps"]
        self._run(sql, dict(zip(names, texts, strict=True)))

    def _run(self, sql: str, params: Mapping[str, Any]) -> Rows:
        return CursorRows(self._cursor(sql, params))

    def _cursor(self, sql: str, params: Mapping[str, Any]) -> Any:
        connection = cast("Any", self.connection)
        if isinstance(connection, psycopg.Connection):
            # The application may have told its connection to make other cursors and rows.
            cursor: Any = psycopg.Cursor(cast("Any", connection), row_factory=tuple_row)
        else:
            cursor = connection.cursor()
        cursor.execute(translate(sql), params)
        return cursor
