"""Calls paidflow's own functions in the database through libpq.

A cursor of psycopg takes longer than such a statement itself. The functions keep their plans in
the server's session, so no statement is prepared, which a pooler in between might not bear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import Escaping, ExecStatus
from psycopg.pq.abc import PGresult

_NAME = re.compile(r"(?<!:):([a-z_]\w*)")
_NUMBER = re.compile(rb"\$(\d+)")
_GOOD = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})
_BOOLEAN, _BIGINT = 16, 20
"""The types of columns that are no text, by PostgreSQL's own numbers."""


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
        result = self._result
        return {
            (result.fname(column) or b"").decode(): self._value(number, column)
            for column in range(result.nfields)
        }

    def _value(self, row: int, column: int) -> Any:
        data = self._result.get_value(row, column)
        if data is None:
            return None
        kind = self._result.ftype(column)
        if kind == _BOOLEAN:
            return data == b"t"
        return int(data) if kind == _BIGINT else data.decode(self._encoding)


def call(connection: psycopg.Connection[Any], sql: str, texts: Sequence[str | None]) -> CallRows:
    """Run one statement.

    Args:
        connection: where; a transaction may be open on it or not.
        sql: the statement, with ``:name`` for each text, in their order.
        texts: the parameters.

    Raises:
        psycopg.Error: what the database says.
    """
    encoding = connection.info.encoding
    params = [None if text is None else text.encode(encoding) for text in texts]
    result = connection.pgconn.exec_params(_numbered(sql), params)
    if result.status not in _GOOD:
        raise _error(connection, result, encoding)
    return CallRows(result, encoding)


def execute_at_once(
    connection: psycopg.Connection[Any], sql: str, texts: Sequence[str] = ()
) -> str:
    """Run several statements in one round trip; the texts become literals.

    Returns:
        What the last of them says that it has done, such as ``COMMIT``.

    Raises:
        psycopg.Error: what the database says.
    """
    encoding = connection.info.encoding
    escaping = Escaping(connection.pgconn)
    literals = [bytes(escaping.escape_literal(text.encode(encoding))) for text in texts]
    statement = _NUMBER.sub(lambda found: literals[int(found[1]) - 1], _numbered(sql))
    result = connection.pgconn.exec_(statement)
    if result.status not in _GOOD:
        raise _error(connection, result, encoding)
    return (result.command_status or b"").decode()


def _error(connection: psycopg.Connection[Any], result: PGresult, encoding: str) -> psycopg.Error:
    if connection.closed:  # said by the client library, so it has no code
        return psycopg.OperationalError("the server closed the connection")
    return error_from_result(result, encoding)


@lru_cache(maxsize=64)
def _numbered(sql: str) -> bytes:
    """A statement with ``$1``, ``$2``... instead of ``:name``."""
    numbers: dict[str, int] = {}
    return _NAME.sub(
        lambda found: f"${numbers.setdefault(found[1], len(numbers) + 1)}", sql
    ).encode()
