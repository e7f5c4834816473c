"""The embedded store: one SQLite file, or memory. Writers take turns."""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from paidflow import checkpoints
from paidflow.actions.contract import Rows
from paidflow.errors import InvalidConfiguration
from paidflow.store.base import SqlStore
from paidflow.store.contract import Write
from paidflow.store.queries import queries, script
from paidflow.store.sqlite_write import write_step
from paidflow.store.transaction import SqlTransaction

BUSY_TIMEOUT_S = 30.0


def _to_row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip((column[0] for column in cursor.description), values, strict=True))


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _text(value) if isinstance(value, datetime) else value for key, value in params.items()
    }


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def use_wal(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Put a file into WAL mode, also while other processes create the same file."""
    give_up_at = time.monotonic() + timeout_s
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            # Here SQLite does not wait by itself for the other process.
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > give_up_at:
                raise
            time.sleep(0.01)


class SqliteTransaction(SqlTransaction):
    """An open transaction on a SQLite connection."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._connection = connection

    @property
    def raw(self) -> sqlite3.Connection:
        return self._connection

    def execute(self, sql: str, **params: Any) -> Rows:
        cursor = self._connection.cursor()
        cursor.row_factory = _to_row
        return cursor.execute(sql, _plain(params))

    def fetch(self, name: str, **params: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(self._queries[name], _plain(params)).fetchall()

    def execute_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self._connection.executemany(sql, [_plain(row) for row in rows])

    def write(self, writes: Sequence[Write]) -> None:
        with self._rules():
            for write in writes:
                write_step(self, write)

    def broken_rule(self, error: Exception) -> str | None:
        return str(error) if isinstance(error, sqlite3.IntegrityError) else None


class SqliteStore(SqlStore):
    """A store in one SQLite file, in WAL mode, durable after every commit.

    Args:
        path: the file, or ``:memory:`` for a store that ends with the process.
        synchronous: SQLite's setting; ``FULL`` survives a power cut, ``OFF`` is for tests.
    """

    def __init__(self, path: str, *, synchronous: str = "FULL") -> None:
        if synchronous not in ("FULL", "NORMAL", "OFF"):
            raise InvalidConfiguration(f"synchronous must be FULL, NORMAL or OFF: {synchronous}")
        self._path = path
        self._synchronous = synchronous
        self._memory = path == ":memory:"
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._closed = False
        self._writer = threading.Lock()
        if self._memory:
            self._idle.put(self._connect())

    def create(self) -> None:
        """Create the tables where they are missing."""
        connection = self._take()
        try:
            present = connection.execute(queries("sqlite")["select_schema"]).fetchone()[0]
            if not present:
                connection.executescript(f"begin immediate;\n{script('0001_sqlite.sql')}\ncommit;")
        except sqlite3.OperationalError as error:
            connection.rollback()
            if "already exists" not in str(error):
                raise
        finally:
            self._put_back(connection)

    def wait_for_events(self, timeout_s: float) -> None:
        """Rest; another process cannot be heard here."""
        time.sleep(timeout_s)

    def _archive(self, tx: SqliteTransaction, before: datetime, limit: int) -> int:
        finished = tx.query("select_finished", before=before, limit=limit).fetchall()
        for action in finished:
            tx.query("copy_to_archive", **action)
            tx.query("delete_archived", **action)
        return len(finished)

    def passing(self, error: BaseException) -> bool:
        """Whether the database was only busy."""
        return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)

    def close(self) -> None:
        """Close all connections; one that is in use when it is given back."""
        self._closed = True
        idle: list[sqlite3.Connection] = []
        with suppress(queue.Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for connection in idle:
            connection.close()
            self._idle.put(connection)  # SQLite tells whoever takes it

    def _put_back(self, connection: sqlite3.Connection) -> None:
        self._idle.put(connection)
        if self._closed:
            self.close()

    def _connect(self) -> sqlite3.Connection:
        if self._closed:
            raise sqlite3.ProgrammingError("the store is closed")
        connection = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute(f"pragma synchronous = {self._synchronous}")
        if not self._memory:
            use_wal(connection, BUSY_TIMEOUT_S)
        return connection

    def _take(self) -> sqlite3.Connection:
        if self._memory:
            return self._idle.get()
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self._connect()

    def _begin(self) -> SqliteTransaction:
        self._writer.acquire()
        try:
            return self._take_and_begin("begin immediate")
        except BaseException:
            self._writer.release()
            raise

    @contextmanager
    def _snapshot(self) -> Generator[SqliteTransaction]:
        tx = self._take_and_begin("begin")
        try:
            with checkpoints.transaction_open():
                yield tx
        finally:
            self._rollback(tx)
            self._put_back(tx.raw)

    def _take_and_begin(self, begin: str) -> SqliteTransaction:
        connection = self._take()
        try:
            connection.execute(begin)
        except BaseException:
            self._put_back(connection)
            raise
        return SqliteTransaction(connection)

    def _lost(self, tx: SqliteTransaction) -> bool:
        return False  # a SQLite commit either happened or raised

    def _joined(self, connection: sqlite3.Connection) -> SqliteTransaction:
        # Outside a transaction SQLite would commit when the savepoint is released.
        if not connection.in_transaction:
            if connection.isolation_level is None:
                raise InvalidConfiguration("the connection to join has no open transaction")
            connection.execute("begin immediate")
        return SqliteTransaction(connection)

    def _commit(self, tx: SqliteTransaction) -> None:
        tx.raw.execute("commit")

    def _rollback(self, tx: SqliteTransaction) -> None:
        if tx.raw.in_transaction:
            tx.raw.execute("rollback")

    def _give_back(self, tx: SqliteTransaction) -> None:
        self._put_back(tx.raw)
        self._writer.release()
