"""What a connection to PostgreSQL is told when it is new, directly or through a pooler.

A pooler such as PgBouncer in transaction mode gives every transaction another session of the
server, and those sessions belong to other programs too. So nothing may be kept in them there:
no setting, no prepared statement, no LISTEN.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import tuple_row
from psycopg.types.datetime import TimestamptzLoader

from paidflow.errors import InvalidConfiguration

VERSION_MIN = 140000
IDLE_TIMEOUT = "30s"
"""How long a transaction may rest between two statements, unless the database has a limit."""

_POOLED = re.compile(r"(?:(?<=\?)|&|(?<!\S))pgbouncer=(\w*)&?")


class UtcLoader(TimestamptzLoader):
    """Reads a moment as UTC, whatever the time zone of the session."""

    def load(self, data: Any) -> datetime:
        return super().load(data).astimezone(UTC)


def split_dsn(dsn: str) -> tuple[str, bool]:
    """A DSN as libpq understands it, and whether it said ``pgbouncer=true``."""
    found = _POOLED.search(dsn)
    if found is None:
        return dsn, False
    if found[1] not in ("true", "false"):
        raise InvalidConfiguration("pgbouncer in the database's URL must be true or false")
    separator = "&" if found[0].startswith("&") and found[0].endswith("&") else ""
    plain = dsn[: found.start()] + separator + dsn[found.end() :]
    return plain.rstrip("?"), found[1] == "true"


def is_pooled(connection: psycopg.Connection[Any]) -> bool:
    """Whether a pooler is between us and the server.

    It makes up the process id that a new connection is told; the server tells the true one.
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute("select pg_backend_pid()").fetchone()
    return row is None or row[0] != connection.info.backend_pid


def prepare(connection: psycopg.Connection[Any], *, pooled: bool) -> None:
    """Make a new connection ready for use.

    Args:
        connection: the new connection.
        pooled: take it for pooled without asking.

    Raises:
        InvalidConfiguration: when the server is too old.
    """
    if connection.info.server_version < VERSION_MIN:
        raise InvalidConfiguration("PostgreSQL 14 or newer is needed")
    if pooled or is_pooled(connection):
        connection.prepare_threshold = None
        connection.adapters.register_loader("timestamptz", UtcLoader)
    else:
        connection.execute("set time zone 'UTC'")
        # A process that was frozen in the middle must not keep the others waiting for ever.
        setting = "idle_in_transaction_session_timeout"
        connection.execute(
            "select set_config(%s, %s, false) where current_setting(%s) = '0'",
            [setting, IDLE_TIMEOUT, setting],
        )
