"""The PostgreSQL store: any number of processes and threads. Needs PostgreSQL 14 or newer."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, LiteralString, cast

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from paidflow import checkpoints
from paidflow.actions.contract import Rows
from paidflow.errors import InvalidConfiguration
from paidflow.store.base import SqlStore, SqlTransaction
from paidflow.store.queries import queries, script

VERSION_MIN = 140000
CLOCK_SAMPLE_S = 10.0
IDLE_TIMEOUT = "30s"
"""How long a transaction may rest between two statements, unless the database has a limit."""

_CREATE_LOCK = 0x7061_6964

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
        cursor = self._connection.cursor(row_factory=dict_row)
        return cast("Rows", cursor.execute(_translate(sql), params))

    def execute_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            self._connection.execute(_translate(sql), row)

    def broken_rule(self, error: Exception) -> str | None:
        if not isinstance(error, psycopg.IntegrityError):
            return None
        unique = isinstance(error, psycopg.errors.UniqueViolation)
        return error.diag.table_name if unique else error.diag.constraint_name

    def before_append(self) -> None:
        self._order.take(self)


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
            kwargs={"row_factory": dict_row},
            min_size=1,
            max_size=connections_max,
            timeout=60.0,
            configure=_configure,
            check=_check,
            open=True,
        )
        self._order = TableLock()
        self._sample_lock = threading.Lock()
        self._sample: tuple[float, datetime] | None = None

    def create(self) -> None:
        """Create the tables where they are missing; several processes may do so at once."""
        with self._pool.connection() as connection:
            connection.execute("select pg_advisory_xact_lock(%s)", [_CREATE_LOCK])
            row = connection.execute(cast("LiteralString", self._sql("select_schema"))).fetchone()
            if row is None or not row["present"]:
                connection.execute(cast("LiteralString", script("0001_postgres.sql")))

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

    def _ask_time(self) -> tuple[float, datetime]:
        with self._pool.connection() as connection:
            row = connection.execute(cast("LiteralString", self._sql("select_now"))).fetchone()
        if row is None:
            raise InvalidConfiguration("the database does not tell the time")
        return time.monotonic(), row["now"]

    def _sql(self, name: str) -> str:
        return queries("postgres")[name]

    def _begin(self, *, writes: bool) -> Connection:
        if self._sample is None:
            self.now()
        return self._pool.getconn()

    def _joinable(self, connection: Connection) -> None:
        pass  # psycopg begins by itself, or PostgreSQL refuses the savepoint

    def _commit(self, connection: Connection) -> None:
        connection.commit()

    def _lost(self, connection: Connection) -> bool:
        return connection.closed

    def _rollback(self, connection: Connection) -> None:
        with suppress(psycopg.OperationalError):  # a broken connection has rolled back already
            if not connection.closed:
                connection.rollback()

    def _give_back(self, connection: Connection) -> None:
        self._pool.putconn(connection)

    def _wrap(self, connection: Connection) -> PostgresTransaction:
        return PostgresTransaction(connection, self._order)


def _is_old(sample: tuple[float, datetime]) -> bool:
    return time.monotonic() - sample[0] > CLOCK_SAMPLE_S


def _check(connection: Connection) -> None:
    ConnectionPool.check_connection(cast("Any", connection))


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
    connection.commit()
