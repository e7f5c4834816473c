"""Looks for a text in everything that a database holds."""

from __future__ import annotations

from collections.abc import Iterator

from paidflow import PaidFlow

_TABLES = {
    "sqlite": "select name from sqlite_master where type = 'table'",
    "postgres": "select format('%I.%I', schemaname, tablename) as name from pg_tables"
    " where schemaname not in ('pg_catalog', 'information_schema')",
}


def rows_with(flow: PaidFlow, *texts: str) -> list[str]:
    """The rows that hold all of some texts, in any of their columns, each with its table."""
    return [row for row in _rows(flow) if all(text in row for text in texts)]


def _rows(flow: PaidFlow) -> Iterator[str]:
    with flow.store.reading() as tx:
        for table in tx.execute(_TABLES[tx.dialect]).fetchall():
            for row in tx.execute(f"select * from {table['name']}").fetchall():
                shown = " ".join(_text(value) for value in row.values())
                yield f"{table['name']}: {shown}"


def _text(value: object) -> str:
    return (
        bytes(value).decode(errors="replace")
        if isinstance(value, bytes | memoryview)
        else f"{value}"
    )
