"""The PostgreSQL store: any number of processes and threads. Needs PostgreSQL 14 or newer."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, LiteralString, cast

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from paidflow import checkpoints
from paidflow.actions.contract import Rows
from paidflow.errors import CommitUnknown, InvalidConfiguration, PaidflowError
from paidflow.store.base import RowRefused, SqlStore, SqlTransaction, insert_of
from paidflow.store.contract import Write
from paidflow.store.postgres_write import steps_of
from paidflow.store.queries import script

VERSION_MIN = 140000
CLOCK_SAMPLE_S = 10.0
IDLE_TIMEOUT = "30s"
"""How long a transaction may rest between two statements, unless the database has a limit."""

_CREATE_LOCK = 0x7061_6964

_IDLE = TransactionStatus.IDLE

Connection = psycopg.Connection[DictRow]

_TOKEN = re.compile(r"'(?:[^']|'')*'|::|:([a-z_]\w*)|%")


@lru_cache(maxsize=1024)
def _translate(sql: str) -> LiteralString:
    def replace(found: re.Match[str]) -> str:
        if found.group(1):
            return f"%({found.group(1)})s"
        return found.group(0).replace("%", "%%")

    return cast("LiteralString", _TOKEN.sub(replace, sql))


class TableLock:
    """Keeps the log in the order of commits: one writer appends at a time.

    It is what the eventsourcing library does as well. Readers are not blocked.
    """

    def take(self, tx: SqlTransaction) -> None:
        """Take the lock until the transaction ends."""
        tx.query("lock_log")


class PostgresTransaction(SqlTransaction):
    """An open transaction on a psycopg connection."""

    dialect = "postgres"

    def __init__(self, connection: Connection, order: TableLock) -> None:
        super().__init__()
        self._connection = connection
        self._order = order

    @property
    def raw(self) -> Connection:
        return self._connection

    def execute(self, sql: str, **params: Any) -> Rows:
        return self._run(sql, params)

    def execute_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            self._run(sql, row)

    def query(self, name: str, **params: Any) -> Rows:
        return self._run(self._queries[name], params)

    def write(self, writes: Sequence[Write]) -> None:
        params: dict[str, Any] = {"steps": steps_of(writes)}
        inserts: list[str] = []
        for number, row in enumerate(row for write in writes for row in write.rows):
            inserts.append(f"row_{number} as ({insert_of(row, f'row_{number}_')})")
            params.update((f"row_{number}_{key}", value) for key, value in row.values.items())
        sql = f"with {', '.join(inserts)} " if inserts else ""
        try:
            with self._rules():
                self._run(sql + self._queries["write"], params)
        except psycopg.Error as error:
            ours = "paidflow_write" in (error.diag.context or "")
            if inserts and not ours and not isinstance(error, psycopg.OperationalError):
                raise RowRefused(error) from error
            raise

    def broken_rule(self, error: Exception) -> str | None:
        if not isinstance(error, psycopg.IntegrityError):
            return None
        unique = isinstance(error, psycopg.errors.UniqueViolation)
        return error.diag.table_name if unique else error.diag.constraint_name

    def before_append(self) -> None:
        self._order.take(self)

    def _run(self, sql: str, params: Mapping[str, Any]) -> Rows:
        cursor = self._connection.cursor(row_factory=dict_row)
        return cast("Rows", cursor.execute(_translate(sql), params))


class PostgresReading(PostgresTransaction):
    """Reads on a connection in autocommit; what a hook asks gets a transaction, rolled back.

    Args:
        connection: a connection of the pool, which may have been idle for long.
        order: see the parent.
        exchange: gives a living connection for a broken one.
    """

    def __init__(
        self, connection: Connection, order: TableLock, exchange: Callable[[Connection], Connection]
    ) -> None:
        super().__init__(connection, order)
        self._exchange = exchange

    def execute(self, sql: str, **params: Any) -> Rows:
        if self._connection.info.transaction_status == _IDLE:
            self._run("begin", {})
        return self._run(sql, params)

    def _run(self, sql: str, params: Mapping[str, Any]) -> Rows:
        began = self._connection.info.transaction_status != _IDLE
        try:
            return super()._run(sql, params)
        except psycopg.OperationalError:
            if began or not self._connection.closed:
                raise
            self._connection = self._exchange(self._connection)
            return super()._run(sql, params)


class PostgresStore(SqlStore):
    """A store in a PostgreSQL database, durable after every commit.

    Args:
        dsn: where the database is, as libpq understands it.
        connections_max: how many connections it may open.
    """

    def __init__(self, dsn: str, *, connections_max: int = 20) -> None:
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            dsn,
            connection_class=psycopg.Connection[DictRow],
            kwargs={"row_factory": dict_row, "autocommit": True},
            min_size=1,
            max_size=connections_max,
            timeout=60.0,
            configure=_configure,
            open=True,
        )
        self._order = TableLock()
        self._sample_lock = threading.Lock()
        self._sample: tuple[float, datetime] | None = None

    def create(self) -> None:
        """Create the tables where they are missing; several processes may do so at once."""
        with self.transaction("create") as tx:
            tx.query("lock_creation", key=_CREATE_LOCK)
            row = tx.query("select_schema").fetchone()
            if row is None or not row["present"]:
                for name in ("0001_postgres.sql", "write_postgres.sql"):
                    tx.raw.execute(script(name))

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

    def passing(self, error: BaseException) -> bool:
        """Whether it was a deadlock, a serialisation failure or a lost connection."""
        return isinstance(error, psycopg.OperationalError)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def write(self, step: str, writes: Sequence[Write]) -> None:
        """Write steps in one statement, which is a transaction of its own.

        If the connection breaks it is sent once more: should the first one have come through, the
        second finds its events taken, and that they are its own.
        """
        checkpoints.refuse_second(step)
        with checkpoints.transaction_open():
            checkpoints.reach(step, "before")
            lost = self._write_alone(writes)
        if lost is not None:
            self._write_again(step, writes, lost)
        checkpoints.reach(step, "after")

    def _write_alone(self, writes: Sequence[Write]) -> Exception | None:
        """Returns the error of a connection that broke."""
        connection = self._pool.getconn()
        try:
            self._wrap(connection).write(writes)
        except Exception as error:
            if not self._lost(connection):
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
        tx = PostgresReading(self._pool.getconn(), self._order, self._exchange)
        try:
            with checkpoints.transaction_open():
                yield tx
        finally:
            self._rollback(tx.raw)
            self._pool.putconn(tx.raw)

    def _exchange(self, broken: Connection) -> Connection:
        """A living connection for a broken one; the others of the pool are looked at, too."""
        self._pool.putconn(broken)
        self._pool.check()
        return self._pool.getconn()

    def _begin(self) -> Connection:
        if self._sample is None:
            self.now()
        connection = self._pool.getconn()
        try:
            connection.execute("begin")
        except psycopg.OperationalError:
            if not connection.closed:
                self._pool.putconn(connection)
                raise
            connection = self._exchange(connection)
            connection.execute("begin")
        return connection

    def _joinable(self, connection: Connection) -> None:
        pass  # psycopg begins by itself, or PostgreSQL refuses the savepoint

    def _commit(self, connection: Connection) -> None:
        done = connection.execute("commit").statusmessage
        if done != "COMMIT":
            raise psycopg.errors.InFailedSqlTransaction("a statement failed, so nothing is stored")

    def _lost(self, connection: Connection) -> bool:
        return connection.closed

    def _rollback(self, connection: Connection) -> None:
        with suppress(psycopg.OperationalError):  # a broken connection has rolled back already
            if not connection.closed and connection.info.transaction_status != _IDLE:
                connection.execute("rollback")

    def _give_back(self, connection: Connection) -> None:
        self._pool.putconn(connection)

    def _wrap(self, connection: Connection) -> PostgresTransaction:
        return PostgresTransaction(connection, self._order)


def _is_old(sample: tuple[float, datetime]) -> bool:
    return time.monotonic() - sample[0] > CLOCK_SAMPLE_S


def _configure(connection: Connection) -> None:
    connection.execute("set time zone 'UTC'")
    # A process that was frozen in the middle must not keep the others waiting for ever.
    setting = "idle_in_transaction_session_timeout"
    connection.execute(
        "select set_config(%s, %s, false) where current_setting(%s) = '0'",
        [setting, IDLE_TIMEOUT, setting],
    )
    if connection.info.server_version < VERSION_MIN:
        raise InvalidConfiguration("PostgreSQL 14 or newer is needed")
