"""One transaction on a SQLite connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from paidflow.actions.contract import Row, Rows
from paidflow.ledger.entries import Entry
from paidflow.store.names import Names
from paidflow.store.records import Write, as_text
from paidflow.store.sqlite_ledger import debit, recover, sweep
from paidflow.store.sqlite_write import insert_row, write_step
from paidflow.store.transaction import SqlTransaction


def _to_row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip((column[0] for column in cursor.description), values, strict=True))


def plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with moments as text."""
    return {
        key: as_text(value) if isinstance(value, datetime) else value
        for key, value in params.items()
    }


class SqliteTransaction(SqlTransaction):
    """An open transaction on a SQLite connection."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection, names: Names) -> None:
        super().__init__(names)
        self._connection = connection

    @property
    def raw(self) -> sqlite3.Connection:
        return self._connection

    def execute(self, sql: str, **params: Any) -> Rows:
        cursor = self._connection.cursor()
        cursor.row_factory = _to_row
        return cursor.execute(sql, plain(params))

    def fetch(self, name: str, **params: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(self._queries[name], plain(params)).fetchall()

    def run_script(self, sql: str) -> None:
        statement = ""
        for line in sql.splitlines(keepends=True):  # `executescript` would commit
            statement += line
            if sqlite3.complete_statement(statement):
                self._connection.execute(statement)
                statement = ""
        if statement.strip():
            raise AssertionError(f"a statement without its end: {statement}")

    def execute_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self._connection.executemany(sql, [plain(row) for row in rows])

    def write(self, writes: Sequence[Write]) -> None:
        with self._rules():
            for write in writes:
                write_step(self, write)

    def insert(self, row: Row) -> None:
        insert_row(self, row)

    def sweep(self, account: str, currency: str, now: datetime) -> int:
        return sweep(self, account, currency, now)

    def debit(self, account: str, currency: str, amount: int, now: datetime) -> None:
        debit(self, account, currency, amount, now)

    def recover(self, entry: Entry, *, source: str, version: int, line: int, now: datetime) -> None:
        recover(self, entry, source, version, line, now)

    def broken_rule(self, error: Exception) -> str | None:
        return str(error) if isinstance(error, sqlite3.IntegrityError) else None
