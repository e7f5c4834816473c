"""Copies what a few payments have left in the tables, many times over, by SQL.

So a database can hold more than could be performed in time, and every row looks like one that was
really written, whatever the tables are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from benchmarks.gateway import BACKLOG

_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, null) as type
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    and a.attnum > 0 and not a.attisdropped and a.attidentity = '' and a.attgenerated = ''
order by c.relname, a.attnum
"""

# An id in the order of time, as paidflow makes them: one for each millisecond, some hours ago.
_FRESH = """
create function pg_temp.fresh(id text, n bigint) returns text immutable language sql as $$
    select (lpad(to_hex({began} + n), 12, '0') || '7' || substr(md5(id || n::text), 1, 3)
        || '8' || substr(md5(id || n::text), 4, 15))::uuid::text
$$
"""
_HOURS_AGO = "select (extract(epoch from now()) * 1000)::bigint - 10000000"

_ORIGINALS = (
    "create temp table originals"
    " (original bigint, old_action text, old_invoice text, old_actor text)"
)

# The rows of the originals in one table, in the order in which they were written.
_ROWS = sql.SQL(
    "create temp table original_rows as select o.*, t.* from {table} t"
    " join pg_temp.originals o on t.{column} = o.old_action order by o.original, t.ctid"
)

# Because the inner selects ask for n, they run once for each: the rows of a copy stay together.
_INSERT = sql.SQL(
    "insert into {table} ({columns}) select {values} from generate_series(0, {last}) n"
    " cross join lateral (select r.*, pg_temp.fresh(r.old_action, n) as new_action"
    " from pg_temp.original_rows r where r.original = n % {originals} offset 0) r"
)

_TEXTS = frozenset({"text", "json", "jsonb"})


@dataclass(frozen=True, slots=True)
class Original:
    """A payment that is there.

    Args:
        action_id: its id.
        invoice_id: the id of its invoice.
        actor: whose it is; a name that is part of no other text.
    """

    action_id: str
    invoice_id: str
    actor: str


def copy(
    connection: psycopg.Connection, originals: Sequence[Original], count: int, *, actors: int
) -> None:
    """Insert copies of the originals in turn, with ids, invoices and actors of their own.

    Copy ``n`` belongs to the actor ``n % actors``; its invoice is ``backlog_invoice(n)``.

    Args:
        connection: where; the caller commits.
        originals: what is copied, from every table with a column that holds their ids.
        count: how many copies.
        actors: how many people they belong to.
    """
    began = connection.execute(_HOURS_AGO).fetchone()
    assert began is not None
    connection.execute(_FRESH.format(began=began[0]).encode())
    connection.execute(_ORIGINALS)
    for place, original in enumerate(originals):
        row = (place, original.action_id, original.invoice_id, original.actor)
        connection.execute("insert into pg_temp.originals values (%s, %s, %s, %s)", row)
    columns: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for table, column, kind in connection.execute(_COLUMNS).fetchall():
        columns[table].append((column, kind))
    for table, found in columns.items():
        if _keep(connection, table, found):
            connection.execute(_insert(table, found, count, len(originals), actors))
            connection.execute("drop table pg_temp.original_rows")
    connection.execute("drop table pg_temp.originals")
    connection.execute("drop function pg_temp.fresh")


def _keep(connection: psycopg.Connection, table: str, columns: list[tuple[str, str]]) -> bool:
    """Put a table's rows of the originals aside; returns whether there are any."""
    for column, kind in columns:
        if kind == "text":
            names = {"table": sql.Identifier(table), "column": sql.Identifier(column)}
            if connection.execute(_ROWS.format(**names)).rowcount:
                return True
            connection.execute("drop table pg_temp.original_rows")
    return False


def _insert(
    table: str, columns: list[tuple[str, str]], count: int, originals: int, actors: int
) -> sql.Composed:
    return _INSERT.format(
        table=sql.Identifier(table),
        columns=sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns),
        values=sql.SQL(", ").join(_value(name, kind, actors) for name, kind in columns),
        last=count - 1,
        originals=originals,
    )


def _value(name: str, kind: str, actors: int) -> sql.Composable:
    column = sql.SQL("r.{}").format(sql.Identifier(name))
    if kind == "bytea":
        renamed = _renamed(sql.SQL("convert_from({}, 'UTF8')").format(column), actors)
        return sql.SQL("convert_to({}, 'UTF8')").format(renamed)
    if kind not in _TEXTS:
        return column
    renamed = _renamed(sql.SQL("{}::text").format(column), actors)
    if name.endswith("_id"):
        # Some ids are neither the action's nor the invoice's: those of an event, of a command.
        return sql.SQL(
            "case when {column} in (r.old_action, r.old_invoice) then {renamed}"
            " else pg_temp.fresh({column}, n) end"
        ).format(column=column, renamed=renamed)
    return sql.SQL("{}::{}").format(renamed, sql.SQL(kind))  # type: ignore[arg-type]


def _renamed(text: sql.Composable, actors: int) -> sql.Composed:
    return sql.SQL(
        "replace(replace(replace({text}, r.old_action, r.new_action),"
        " r.old_invoice, {backlog} || n), r.old_actor, 'actor-' || n % {actors})"
    ).format(text=text, backlog=BACKLOG, actors=actors)
