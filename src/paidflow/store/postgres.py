"""The PostgreSQL store: any number of processes and threads. Needs PostgreSQL 14 or newer."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import LiteralString, cast

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from paidflow import checkpoints
from paidflow.errors import CommitUnknown, InvalidConfiguration, PaidflowError
from paidflow.store.base import SqlStore
from paidflow.store.contract import Write
from paidflow.store.group_commit import GroupCommit
from paidflow.store.postgres_call import execute_at_once
from paidflow.store.postgres_listener import Listener
from paidflow.store.postgres_session import prepare, split_dsn
from paidflow.store.postgres_transaction import (
    Connection,
    PooledTransaction,
    PostgresReading,
    PostgresTransaction,
    is_idle,
)
from paidflow.store.queries import script
from paidflow.store.settings import DATABASE_FUNCTIONS, refuse_database_functions

CLOCK_SAMPLE_S = 10.0

_CREATE_LOCK = 0x7061_6964
_SCRIPTS = (
    "0001_postgres.sql",
    "sequencer_postgres.sql",
    "archive_postgres.sql",
    "write_postgres.sql",
    "role_postgres.sql",
    "read_postgres.sql",
)


class PostgresStore(SqlStore):
    """A store in a PostgreSQL database, durable after every commit.

    Args:
        dsn: where the database is, as libpq understands it, or with ``pgbouncer=true`` in it.
        connections_max: how many connections it may open.
        group_commit: whether threads that write at the same moment share a transaction.

    Raises:
        InvalidConfiguration: when something does not fit, with a sentence that says what.
    """

    def __init__(self, dsn: str, *, connections_max: int = 20, group_commit: bool = False) -> None:
        refuse_database_functions(os.environ.get(DATABASE_FUNCTIONS))
        dsn, pooled = split_dsn(dsn)
        self._listener = Listener(dsn, pooled=pooled)
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            dsn,
            connection_class=psycopg.Connection[DictRow],
            kwargs={"row_factory": dict_row, "autocommit": True},
            min_size=1,
            max_size=connections_max,
            timeout=60.0,
            configure=partial(prepare, pooled=pooled),
            open=True,
        )
        self._group = GroupCommit(self._write_alone) if group_commit else None
        self._sample_lock = threading.Lock()
        self._sample: tuple[float, datetime] | None = None

    def create(self) -> None:
        """Create the tables where they are missing; several processes may do so at once."""
        with self._pool.connection() as connection, connection.transaction():
            tx = PostgresTransaction(connection)
            tx.query("lock_creation", key=_CREATE_LOCK)
            row = tx.query("select_schema").fetchone()
            if row is None or not row["present"]:
                for name in _SCRIPTS:
                    connection.execute(cast("LiteralString", script(name)))

    def now(self) -> datetime:
        """The database's clock, UTC, asked for every few seconds and carried on in between.

        Whoever is inside a transaction carries on: asking takes a connection of the pool, and
        all of them may be waiting for this very transaction.
        """
        sample = self._sample
        if sample is None or (_is_old(sample) and not checkpoints.in_transaction()):
            with self._sample_lock:
                sample = self._sample
                if sample is None or _is_old(sample):
                    self._sample = sample = self._ask_time()
        asked_at, told = sample
        return told + timedelta(seconds=time.monotonic() - asked_at)

    def _archive(self, tx: PostgresTransaction, before: datetime, limit: int) -> int:
        row = tx.query("archive", before=before, limit=limit).fetchone()
        return row["moved"] if row else 0

    def passing(self, error: BaseException) -> bool:
        """Whether it was a deadlock, a serialisation failure or a lost connection."""
        return isinstance(error, psycopg.OperationalError) and not self._pool.closed

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
            PostgresTransaction(connection).write(writes)
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
            if not self._was_committed(command_id):
                raise
        except psycopg.OperationalError as error:
            raise CommitUnknown from error
        else:
            self._look_for(lost_again, command_id)

    def _ask_time(self) -> tuple[float, datetime]:
        with self._snapshot() as tx:
            row = tx.query("select_now").fetchone()
        if row is None:
            raise InvalidConfiguration("the database does not tell the time")
        return time.monotonic(), row["now"]

    @contextmanager
    def _snapshot(self) -> Generator[PostgresTransaction]:
        tx = PostgresReading(self._pool.getconn(), self._exchange)
        try:
            with checkpoints.transaction_open():
                yield tx
        finally:
            self._rollback(tx)
            self._give_back(tx)

    def _begin(self) -> PooledTransaction:
        if self._sample is None:
            self.now()
        return PooledTransaction(self._pool.getconn(), self._exchange)

    def _exchange(self, broken: Connection) -> Connection:
        """A living connection for a broken one; the others of the pool are looked at, too."""
        self._pool.putconn(broken)
        self._pool.check()
        return self._pool.getconn()

    def _commit(self, tx: PooledTransaction) -> None:
        if tx.begun and execute_at_once(tx.connection, "commit") != "COMMIT":
            raise psycopg.errors.InFailedSqlTransaction("a statement failed, so nothing is stored")

    def _rollback(self, tx: PooledTransaction) -> None:
        with suppress(psycopg.OperationalError):  # a broken connection has rolled back already
            if not tx.connection.closed and not is_idle(tx.connection):
                execute_at_once(tx.connection, "rollback")

    def _give_back(self, tx: PooledTransaction) -> None:
        self._pool.putconn(tx.connection)

    def _lost(self, tx: PooledTransaction) -> bool:
        return tx.connection.closed

    def _joined(self, connection: Connection) -> PostgresTransaction:
        return PostgresTransaction(connection)


def _is_old(sample: tuple[float, datetime]) -> bool:
    return time.monotonic() - sample[0] > CLOCK_SAMPLE_S
