"""Calls paidflow's own functions in the database through libpq.

A cursor of psycopg takes longer than such a statement itself. The functions keep their plans in
the server's session; the call itself is prepared only where no pooler is in between.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, cast

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import DiagnosticField, Escaping, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import DictRow

_NAME = re.compile(r"(?<!:):([a-z_]\w*)")
_NUMBER = re.compile(rb"\$(\d+)")
_GOOD = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})
_BOOLEAN, _BIGINT = 16, 20
"""The types of columns that are no text, by PostgreSQL's own numbers."""

_FORGOTTEN = b"26000"
"""PostgreSQL's code for a prepared statement that is not there."""

_KNOWN = b"42P05"
"""PostgreSQL's code for a prepared statement that is there already."""

PREPARED_MAX = 100
"""How many statements a session keeps."""


class PooledConnection(psycopg.Connection[DictRow]):
    """A connection of the pool; it remembers which statements the server has prepared for it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepared: set[bytes] = set()


class CallRows:
    """The rows that a function returned, as ``Rows``."""

    def __init__(self, result: PGresult, encoding: str) -> None:
        self._result = result
        self._encoding = encoding
        self._next = 0

    @property
    def rowcount(self) -> int:
        return self._result.ntuples

    def fetchone(self) -> Mapping[str, Any] | None:
        if self._next >= self._result.ntuples:
            return None
        self._next += 1
        return self._row(self._next - 1)

    def fetchall(self) -> list[Mapping[str, Any]]:
        first, self._next = self._next, self._result.ntuples
        return [self._row(number) for number in range(first, self._next)]

    def _row(self, number: int) -> Mapping[str, Any]:
        row: dict[str, Any] = {}
        result = self._result
        for column in range(result.nfields):
            data, kind = result.get_value(number, column), result.ftype(column)
            name = (result.fname(column) or b"").decode()
            if data is None:
                row[name] = None
            elif kind == _BOOLEAN:
                row[name] = data == b"t"
            else:
                row[name] = int(data) if kind == _BIGINT else data.decode(self._encoding)
        return row


def call(connection: psycopg.Connection[Any], sql: str, texts: Sequence[str | None]) -> CallRows:
    """Run one statement.

    Args:
        connection: where; a transaction may be open on it or not.
        sql: the statement, with ``:name`` for each text, in their order.
        texts: the parameters.

    Raises:
        psycopg.Error: what the database says.
    """
    encoding = _encoding(connection)
    params = [None if text is None else text.encode(encoding) for text in texts]
    result = _execute(connection, sql, params)
    if result.status not in _GOOD:
        raise _error(connection, result, encoding)
    return CallRows(result, encoding)


def _execute(connection: psycopg.Connection[Any], sql: str, params: list[bytes | None]) -> PGresult:
    """Run it as a prepared statement where the session is our own."""
    pgconn = connection.pgconn
    statement, name = _numbered(sql)
    if not isinstance(connection, PooledConnection) or connection.prepare_threshold is None:
        return pgconn.exec_params(statement, params)
    if name not in connection.prepared:
        if len(connection.prepared) >= PREPARED_MAX:
            return pgconn.exec_params(statement, params)
        result = pgconn.prepare(name, statement)
        known = result.error_field(DiagnosticField.SQLSTATE) == _KNOWN
        if result.status not in _GOOD and not (known and _is_idle(pgconn)):
            return result
        connection.prepared.add(name)
    # None is a null here too, which the annotation leaves out.
    result = pgconn.exec_prepared(name, cast("list[bytes]", params))
    if result.status not in _GOOD and result.error_field(DiagnosticField.SQLSTATE) == _FORGOTTEN:
        connection.prepared.clear()  # a hook has told the session to forget
        if _is_idle(pgconn):
            return pgconn.exec_params(statement, params)
    return result


def _is_idle(pgconn: PGconn) -> bool:
    return pgconn.transaction_status == TransactionStatus.IDLE


def execute_at_once(
    connection: psycopg.Connection[Any], sql: str, texts: Sequence[str] = ()
) -> str:
    """Run several statements in one round trip; the texts become literals.

    Returns:
        What the last of them says that it has done, such as ``COMMIT``.

    Raises:
        psycopg.Error: what the database says.
    """
    encoding = _encoding(connection)
    statement, _ = _numbered(sql)
    if texts:
        escaping = Escaping(connection.pgconn)
        literals = [bytes(escaping.escape_literal(text.encode(encoding))) for text in texts]
        statement = _NUMBER.sub(lambda found: literals[int(found[1]) - 1], statement)
    result = connection.pgconn.exec_(statement)
    if result.status not in _GOOD:
        raise _error(connection, result, encoding)
    return (result.command_status or b"").decode()


def _error(connection: psycopg.Connection[Any], result: PGresult, encoding: str) -> psycopg.Error:
    if connection.closed:  # said by the client library, so it has no code
        return psycopg.OperationalError("the server closed the connection")
    return error_from_result(result, encoding)


def _encoding(connection: psycopg.Connection[Any]) -> str:
    utf8 = connection.pgconn.parameter_status(b"client_encoding") == b"UTF8"
    return "utf-8" if utf8 else connection.info.encoding


@lru_cache(maxsize=256)
def _numbered(sql: str) -> tuple[bytes, bytes]:
    """A statement with ``$1``, ``$2``... instead of ``:name``, and its name when prepared."""
    numbers: dict[str, int] = {}
    statement = _NAME.sub(
        lambda found: f"${numbers.setdefault(found[1], len(numbers) + 1)}", sql
    ).encode()
    return statement, b"paidflow_" + sha256(statement).hexdigest()[:16].encode()
