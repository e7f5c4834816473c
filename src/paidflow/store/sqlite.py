"""The embedded store: one SQLite file, or memory. Writers take turns."""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
import time
from contextlib import suppress
from datetime import datetime

from paidflow.errors import InvalidConfiguration
from paidflow.store.base import SqlStore, driver_error
from paidflow.store.foreign import ForeignTransaction
from paidflow.store.names import PLAIN, Names
from paidflow.store.sqlite_joined import JoinedSqlite
from paidflow.store.sqlite_transaction import SqliteTransaction

BUSY_TIMEOUT_S = 30.0


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


class SqliteStore(SqlStore):
    """A store in one SQLite file, in WAL mode, durable after every commit.

    Args:
        path: the file, or ``:memory:`` for a store that ends with the process.
        synchronous: SQLite's setting; ``FULL`` survives a power cut, ``OFF`` is for tests.
        names: under which names everything is in the database.
    """

    def __init__(self, path: str, *, synchronous: str = "FULL", names: Names = PLAIN) -> None:
        super().__init__("sqlite", names)
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

    def wait_for_events(self, timeout_s: float) -> None:
        """Rest; another process cannot be heard here."""
        time.sleep(timeout_s)

    def _place(self, tx: SqliteTransaction) -> str | None:
        return None if self._memory else f"file {os.stat(self._path).st_ino}"

    def _archive(self, tx: SqliteTransaction, before: datetime, limit: int) -> int:
        finished = tx.query("select_finished", before=before, limit=limit).fetchall()
        for action in finished:
            tx.query("copy_to_archive", **action)
            tx.query("delete_archived", **action)
        return len(finished)

    def passing(self, error: BaseException) -> bool:
        """Whether the database was only busy."""
        found = driver_error(error)
        return isinstance(found, sqlite3.OperationalError) and "locked" in str(found)

    def contended(self, error: BaseException) -> bool:
        """Whether the database was only busy."""
        return self.passing(error)

    def joined(self, foreign: ForeignTransaction) -> JoinedSqlite:
        """paidflow's part in a transaction of somebody else; see ``SqlStore.joined``."""
        tx = JoinedSqlite(foreign, self.names, self._last_position)
        tx.check()
        return tx

    def _last_position(self) -> int:
        """The position of the last event that is committed."""
        tx = self.begin_reading()
        try:
            row = tx.query("publish").fetchone()
        finally:
            self.end_reading(tx)
        return row["published"] if row else 0

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

    def begin(self) -> SqliteTransaction:
        self._writer.acquire()
        try:
            return self._take_and_begin("begin immediate")
        except BaseException:
            self._writer.release()
            raise

    def begin_reading(self) -> SqliteTransaction:
        return self._take_and_begin("begin")

    def end_reading(self, tx: SqliteTransaction) -> None:
        try:
            self.rollback(tx)
        finally:
            self._put_back(tx.raw)

    def _take_and_begin(self, begin: str) -> SqliteTransaction:
        connection = self._take()
        try:
            connection.execute(begin)
        except BaseException:
            self._put_back(connection)
            raise
        return SqliteTransaction(connection, self.names)

    def is_lost(self, tx: SqliteTransaction) -> bool:
        return False  # a SQLite commit either happened or raised

    def commit(self, tx: SqliteTransaction) -> None:
        tx.raw.execute("commit")

    def rollback(self, tx: SqliteTransaction) -> None:
        if tx.raw.in_transaction:
            tx.raw.execute("rollback")

    def give_back(self, tx: SqliteTransaction) -> None:
        self._put_back(tx.raw)
        self._writer.release()
