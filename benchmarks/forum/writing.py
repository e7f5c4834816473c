"""Writes a forum with COPY, some thousand actions at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import chain
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.forum.plan import Plan, Shape
from benchmarks.forum.rows import COLUMNS, Row, Rows

TOGETHER = 100_000
"""How many rows are written at once."""


def write_forum(dsn: str, shape: Shape, rows: Rows) -> None:
    """Write all actions of a forum, and what is in the accounts after them.

    Args:
        dsn: a database with all tables, which are empty.
        shape: how large it is.
        rows: makes the rows.
    """
    grants = (rows.grant(f"actor-{number}") for number in range(shape.actors))
    written = chain.from_iterable(rows.of(step) for step in Plan(shape).steps())
    with psycopg.connect(dsn) as connection:
        write_rows(connection, chain(grants, written))
        write_rows(connection, rows.accounts())


def write_rows(connection: psycopg.Connection, rows: Iterable[Row]) -> None:
    """Write rows into their tables; the caller commits."""
    waiting: dict[str, list[str]] = defaultdict(list)
    for number, (table, row) in enumerate(rows, 1):
        waiting[table].append(_line(row))
        if number % TOGETHER == 0:
            _copy(connection, waiting)
    _copy(connection, waiting)


def _copy(connection: psycopg.Connection, waiting: dict[str, list[str]]) -> None:
    for table, lines in waiting.items():
        columns = sql.SQL(COLUMNS[table])  # type: ignore[arg-type]
        into = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), columns)
        with connection.cursor().copy(into) as copy:
            copy.write("".join(lines))
    waiting.clear()


def _line(row: tuple[Any, ...]) -> str:
    return "\t".join(map(_text, row)) + "\n"


def _text(value: Any) -> str:
    """A value as COPY reads it."""
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    return str(value)
