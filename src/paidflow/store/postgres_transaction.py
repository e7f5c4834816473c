"""One transaction on a psycopg connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, LiteralString, TypeVar, cast

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row, tuple_row

from paidflow.actions.contract import Row, Rows
from paidflow.ledger.entries import Entry
from paidflow.store.names import Names
from paidflow.store.postgres_call import call, execute_at_once
from paidflow.store.postgres_write import insert_of, statement_of
from paidflow.store.records import Write
from paidflow.store.transaction import RowRefused, SqlTransaction

Connection = psycopg.Connection[DictRow]
T = TypeVar("T")

CALLS = {
    "select_action": ("action_id",),
    "select_action_of_invoice": ("gateway", "invoice_id"),
    "count_open_invoices": ("actor",),
}
"""Named statements that only call a function of paidflow, with the names of its parameters."""

LITERAL_MAX = 20_000
"""From so many characters on, to write a literal and read it takes longer than a round trip."""

_TOKEN = re.compile(r"'(?:[^']|'')*'|::|:([a-z_]\w*)|%")


@lru_cache(maxsize=1024)
def translate(sql: str) -> LiteralString:
    """A statement with psycopg's placeholders instead of ``:name``."""

    def replace(found: re.Match[str]) -> str:
        if found.group(1):
            return f"%({found.group(1)})s"
        return found.group(0).replace("%", "%%")

    return cast("LiteralString", _TOKEN.sub(replace, sql))


class PostgresTransaction(SqlTransaction):
    """What is done on a connection as it is; whoever made it knows whether it has begun."""

    dialect = "postgres"

    def __init__(self, connection: Connection, names: Names) -> None:
        super().__init__(names)
        self.taken: Connection | None = connection

    @property
    def connection(self) -> Connection:
        """The connection that it uses."""
        if self.taken is None:
            raise AssertionError("a transaction without a connection")
        return self.taken

    @property
    def raw(self) -> Connection:
        return self.connection

    def execute(self, sql: str, **params: Any) -> Rows:
        return self._run(sql, params)

    def run_script(self, sql: str) -> None:
        self.raw.execute(cast("LiteralString", sql))

    def execute_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            self._run(sql, row)

    def query(self, name: str, **params: Any) -> Rows:
        names = CALLS.get(name)
        if names is None:
            return self._run(self._queries[name], params)
        return call(self.connection, self._queries[name], [params[key] for key in names])

    def fetch(self, name: str, **params: Any) -> list[tuple[Any, ...]]:
        cursor = self.connection.cursor(binary=True, row_factory=tuple_row)
        return cursor.execute(translate(self._queries[name]), params).fetchall()

    def write(self, writes: Sequence[Write]) -> None:
        sql, texts = statement_of(writes, self.names)
        try:
            with self._rules():
                self._write(sql, texts)
        except psycopg.Error as error:
            ours = len(texts) == 1 or f"{self.names.prefix}write" in (error.diag.context or "")
            if ours or isinstance(error, psycopg.OperationalError):
                raise
            raise RowRefused(error) from error

    def insert(self, row: Row) -> None:
        sql, text = insert_of(row)
        try:
            self._run(sql, {"rows": text})
        except psycopg.OperationalError:
            raise
        except Exception as error:
            raise RowRefused(error) from error

    def sweep(self, account: str, currency: str, now: datetime) -> int:
        row = self.query("sweep", account=account, currency=currency, now=now).fetchone()
        if row is None:
            raise AssertionError("a function returns something")
        return row["balance"]

    def debit(self, account: str, currency: str, amount: int, now: datetime) -> None:
        self.query("debit", account=account, currency=currency, amount=amount, now=now)

    def recover(self, entry: Entry, *, source: str, version: int, line: int, now: datetime) -> None:
        self.query(
            "recover",
            account=entry.debit,
            currency=entry.amount.currency,
            amount=entry.amount.amount,
            credit=entry.credit,
            source=source,
            version=version,
            line=line,
            now=now,
        )

    def broken_rule(self, error: Exception) -> str | None:
        if not isinstance(error, psycopg.IntegrityError):
            return None
        unique = isinstance(error, psycopg.errors.UniqueViolation)
        return error.diag.table_name if unique else error.diag.constraint_name

    def _write(self, sql: str, texts: Sequence[str]) -> None:
        call(self.connection, sql, texts)

    def _run(self, sql: str, params: Mapping[str, Any]) -> Rows:
        cursor = self.connection.cursor(row_factory=dict_row)
        return cast("Rows", cursor.execute(translate(sql), params))


class PooledTransaction(PostgresTransaction):
    """A transaction that takes a connection, and begins, with its first statement.

    Args:
        take: gives a connection of the pool, which may have broken while it was idle.
        names: under which names everything is in the database.
        exchange: gives a living connection for a broken one.
    """

    def __init__(
        self,
        take: Callable[[], Connection],
        names: Names,
        exchange: Callable[[Connection], Connection],
    ) -> None:
        SqlTransaction.__init__(self, names)
        self.taken = None
        self.begun = False
        self._take = take
        self._exchange = exchange

    @property
    def connection(self) -> Connection:
        if self.taken is None:
            self.taken = self._take()
        return self.taken

    def end(self) -> Connection | None:
        """Let go of the connection, if one was taken; it is somebody else's from now on."""
        taken, self.taken, self._take = self.taken, None, _ended
        return taken

    @property
    def raw(self) -> Connection:
        self._begin()
        return self.connection

    def query(self, name: str, **params: Any) -> Rows:
        self._begin()
        return super().query(name, **params)

    def fetch(self, name: str, **params: Any) -> list[tuple[Any, ...]]:
        self._begin()
        return super().fetch(name, **params)

    def _write(self, sql: str, texts: Sequence[str]) -> None:
        if not self.begun and len(texts[-1]) > LITERAL_MAX:
            self._begin()
        if self.begun:
            super()._write(sql, texts)
            return
        # BEGIN travels with the first statement.
        self.begun = True
        self._first(lambda: execute_at_once(self.connection, f"begin; {sql}", texts))

    def _run(self, sql: str, params: Mapping[str, Any]) -> Rows:
        self._begin()
        return super()._run(sql, params)

    def _begin(self) -> None:
        if not self.begun:
            self.begun = True
            self._first(lambda: execute_at_once(self.connection, "begin"))

    def _first(self, ask: Callable[[], T]) -> T:
        """Ask once more if the connection was broken: nothing has begun, so nothing is lost."""
        try:
            return ask()
        except psycopg.OperationalError:
            if not self.connection.closed:
                raise
            broken, self.taken = self.connection, None
            self.taken = self._exchange(broken)
            return ask()


def _ended() -> Connection:
    raise AssertionError("a transaction is used after its end")


class PostgresReading(PooledTransaction):
    """Reads in autocommit; what a hook asks gets a transaction, which is rolled back."""

    def query(self, name: str, **params: Any) -> Rows:
        if self.begun:
            return PostgresTransaction.query(self, name, **params)
        return self._first(lambda: PostgresTransaction.query(self, name, **params))

    def fetch(self, name: str, **params: Any) -> list[tuple[Any, ...]]:
        if self.begun:
            return PostgresTransaction.fetch(self, name, **params)
        return self._first(lambda: PostgresTransaction.fetch(self, name, **params))

    def execute(self, sql: str, **params: Any) -> Rows:
        self._begin()
        return super().execute(sql, **params)

    def _run(self, sql: str, params: Mapping[str, Any]) -> Rows:
        return PostgresTransaction._run(self, sql, params)


def is_idle(connection: Connection) -> bool:
    """Whether no transaction is open on a connection."""
    return connection.pgconn.transaction_status == TransactionStatus.IDLE
