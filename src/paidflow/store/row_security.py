"""Row-level security: PostgreSQL itself keeps the rule of who sees what, for a role that reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from paidflow.errors import InvalidConfiguration
from paidflow.store.contract import Store
from paidflow.store.queries import filled

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?")

READ = ("paidflow_read_marks", "paidflow_seen_log")
"""What readers ask besides."""


def protect(
    store: Store, reader: str, tables: Mapping[str, str], *, views: Iterable[str] = ()
) -> None:
    """Let a role see only what the viewer may see, whatever it asks.

    The role must exist, must not own the tables, and must be granted to the role that paidflow
    connects as; then ``Reader(flow, role=...)`` reads as that role. A query that forgets the rule
    shows too little, and never too much. Call it again when tables were added, and when a view was
    rebuilt, because that is a new one.

    Args:
        store: on PostgreSQL.
        reader: the role.
        tables: table -> the column with the id of the action that has created the row, or of the
            row that it belongs to.
        views: what else the role may read: views that were folded, which hold sums.

    Raises:
        InvalidConfiguration: on SQLite, which has no roles, or when one of these is not a name.
    """
    if store.dialect != "postgres":
        raise InvalidConfiguration("SQLite has no roles, so it cannot keep the rule by itself")
    views = list(views)
    for name in (reader, *tables, *tables.values(), *views):
        if not _NAME.fullmatch(name):
            raise InvalidConfiguration(f"{name!r} is not the name of a table, a column or a role")
    with store.transaction("protect") as tx:
        for table, column in {"paidflow_actions": "action_id", **tables}.items():
            named = store.names.fill(table) if table.startswith("paidflow_") else table
            tx.query("protect", table=named, id_column=column, reader=reader)
        for view in (*READ, *views):
            named = store.names.fill(view) if view.startswith("paidflow_") else view
            tx.execute(filled("postgres", "grant_reading", table=named, reader=reader))
