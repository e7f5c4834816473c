"""The PostgreSQL store: any number of processes and threads. Needs PostgreSQL 14 or newer."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from paidflow import checkpoints
from paidflow.errors import CommitUnknown, InvalidConfiguration, PaidflowError
from paidflow.store.base import SqlStore, driver_error
from paidflow.store.foreign import ForeignTransaction
from paidflow.store.group_commit import GroupCommit
from paidflow.store.names import PLAIN, Names
from paidflow.store.postgres_call import PooledConnection, execute_at_once
from paidflow.store.postgres_joined import JoinedPostgres
from paidflow.store.postgres_listener import Listener
from paidflow.store.postgres_session import prepare, split_dsn
from paidflow.store.postgres_transaction import (
    Connection,
    PooledTransaction,
    PostgresReading,
    PostgresTransaction,
    is_idle,
)
from paidflow.store.records import Write
from paidflow.store.settings import DATABASE_FUNCTIONS, refuse_database_functions

CLOCK_SAMPLE_S = 10.0
CONTENDED = frozenset({"40001", "40P01", "55P03"})
"""Serialisation failure, deadlock, lock not available."""


class PostgresStore(SqlStore):
    """A store in a PostgreSQL database, durable after every commit.

    Args:
        dsn: where the database is, as libpq understands it, or with ``pgbouncer=true`` in it.
        connections_max: how many connections it may open.
        group_commit: whether threads that write at the same moment share a transaction.
        names: under which names everything is in the database.

    Raises:
        InvalidConfiguration: when something does not fit, with a sentence that says what.
    """

    def __init__(
        self,
        dsn: str,
        *,
        connections_max: int = 20,
        group_commit: bool = False,
        names: Names = PLAIN,
    ) -> None:
        super().__init__("postgres", names)
        refuse_database_functions(os.environ.get(DATABASE_FUNCTIONS))
        dsn, pooled = split_dsn(dsn)
        self._listener = Listener(dsn, names, pooled=pooled)
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            dsn,
            connection_class=PooledConnection,
            kwargs={"row_factory": dict_row, "autocommit": True, "client_encoding": "utf8"},
            min_size=1,
            max_size=connections_max,
            timeout=60.0,
            configure=partial(prepare, pooled=pooled),
            open=True,
        )
        self._group = GroupCommit(self._write_alone) if group_commit else None
        self._sample_lock = threading.Lock()
        self._sample: tuple[float, datetime] | None = None

    def now(self) -> datetime:
        """The database's clock, UTC, asked for every few seconds and carried on in between.

        Whoever is inside a transaction carries on: asking takes a connection of the pool, and
        all of them may be waiting for this very transaction.
        """
        sample = self._sample
        if sample is not None:
            asked_at, told = sample
            passed_s = time.monotonic() - asked_at
            if passed_s < CLOCK_SAMPLE_S or checkpoints.in_transaction():
                return told + timedelta(seconds=passed_s)
        with self._sample_lock:
            if self._sample is sample or self._sample is None:  # nobody else has asked meanwhile
                self._sample = self._ask_time()
            asked_at, told = self._sample
        return told + timedelta(seconds=time.monotonic() - asked_at)

    def _place(self, tx: PostgresTransaction) -> str | None:
        row = tx.query("select_place").fetchone()
        return row["place"] if row else None

    def _archive(self, tx: PostgresTransaction, before: datetime, limit: int) -> int:
        row = tx.query("archive", before=before, limit=limit).fetchone()
        return row["moved"] if row else 0

    def passing(self, error: BaseException) -> bool:
        """Whether it was a deadlock, a serialisation failure or a lost connection."""
        found = isinstance(driver_error(error), psycopg.OperationalError)
        return found and not self._pool.closed

    def contended(self, error: BaseException) -> bool:
        """Whether it was a deadlock, a serialisation failure, or a lock that did not come."""
        found = driver_error(error)
        return isinstance(found, psycopg.Error) and found.sqlstate in CONTENDED

    def joined(self, foreign: ForeignTransaction) -> JoinedPostgres:
        """paidflow's part in a transaction of somebody else; see ``SqlStore.joined``."""
        tx = JoinedPostgres(foreign, self.names)
        tx.check()
        return tx

    def wait_for_events(self, timeout_s: float) -> None:
        """Rest until events may have been published, at most this long."""
        self._listener.wait(timeout_s)

    def close(self) -> None:
        """Close all connections."""
        self._listener.close()
        self._pool.close()

    def write(self, step: str, writes: Sequence[Write]) -> None:
        """Write steps in one statement, which is a transaction of its own.

        If the connection breaks it is sent once more: should the first one have come through, the
        second finds its events taken, and that they are its own.
        """
        checkpoints.refuse_second(step)
        with checkpoints.transaction_open():
            checkpoints.reach(step, "before")
            lost = (self._group.write if self._group else self._write_alone)(writes)
        if lost is not None:
            self._write_again(step, writes, lost)
        checkpoints.reach(step, "after")

    def _write_alone(self, writes: Sequence[Write]) -> Exception | None:
        """Returns the error of a connection that broke."""
        connection = self._pool.getconn()
        try:
            PostgresTransaction(connection, self.names).write(writes)
        except Exception as error:
            if not connection.closed:
                raise
            return error
        finally:
            self._pool.putconn(connection)
        return None

    def _write_again(self, step: str, writes: Sequence[Write], lost: Exception) -> None:
        command_id = writes[0].command_id
        try:
            self._pool.check()
            lost_again = self._write_alone(writes)
        except PaidflowError:
            if not self.was_committed(command_id):
                raise
        except psycopg.OperationalError as error:
            raise CommitUnknown from error
        else:
            self.look_for(lost_again, command_id)

    def _ask_time(self) -> tuple[float, datetime]:
        tx = self.begin_reading()
        try:
            row = tx.query("select_now").fetchone()
        finally:
            self.end_reading(tx)
        if row is None:
            raise InvalidConfiguration("the database does not tell the time")
        return time.monotonic(), row["now"]

    def begin_reading(self) -> PostgresReading:
        return PostgresReading(self._pool.getconn, self.names, self._exchange)

    def end_reading(self, tx: PostgresReading) -> None:
        if tx.begun:
            self.rollback(tx)
        self.give_back(tx)

    def begin(self) -> PooledTransaction:
        if self._sample is None:
            self.now()
        return PooledTransaction(self._pool.getconn, self.names, self._exchange)

    def _exchange(self, broken: Connection) -> Connection:
        """A living connection for a broken one; the others of the pool are looked at, too."""
        self._pool.putconn(broken)
        self._pool.check()
        return self._pool.getconn()

    def commit(self, tx: PooledTransaction) -> None:
        if tx.begun and execute_at_once(tx.connection, "commit") != "COMMIT":
            raise psycopg.errors.InFailedSqlTransaction("a statement failed, so nothing is stored")

    def rollback(self, tx: PooledTransaction) -> None:
        taken = tx.taken
        if taken is None or taken.closed or is_idle(taken):
            return
        with suppress(psycopg.OperationalError):  # a broken connection has rolled back already
            execute_at_once(taken, "rollback")

    def give_back(self, tx: PooledTransaction) -> None:
        taken = tx.end()
        if taken is not None:
            self._pool.putconn(taken)

    def is_lost(self, tx: PooledTransaction) -> bool:
        return tx.taken is not None and tx.taken.closed
