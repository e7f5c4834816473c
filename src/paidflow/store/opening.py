"""Opens the store behind a URL."""

from __future__ import annotations

from paidflow.errors import InvalidConfiguration
from paidflow.store.contract import Store
from paidflow.store.names import Names


def open_store(
    url: str,
    *,
    connections_max: int = 20,
    group_commit: bool = False,
    schema: str | None = None,
    prefix: str = "paidflow_",
) -> Store:
    """The store behind a URL.

    Args:
        url: ``sqlite:///file.db``, ``sqlite:///:memory:``, ``postgresql://...`` or what libpq
            understands; ``pgbouncer=true`` in it is for poolers that are not noticed by themselves.
        connections_max: how many connections to PostgreSQL it may open, at least 1.
        group_commit: whether threads that write at the same moment share a transaction; on
            PostgreSQL only.
        schema: the schema of PostgreSQL that paidflow's tables are in.
        prefix: what their names begin with.

    Raises:
        InvalidConfiguration: when the URL is not understood, or an option does not fit.
    """
    names = Names(prefix, schema)
    if url.startswith("sqlite:///"):
        from paidflow.store.sqlite import SqliteStore

        if group_commit:
            raise InvalidConfiguration(
                "group_commit is for PostgreSQL; on SQLite writers take turns"
            )
        if schema is not None:
            raise InvalidConfiguration("SQLite has no schemas; a prefix keeps two flows apart")
        return SqliteStore(url.removeprefix("sqlite:///"), names=names)
    if url.startswith(("postgresql://", "postgres://")) or "dbname=" in url:
        from paidflow.store.postgres import PostgresStore

        if connections_max < 1:
            raise InvalidConfiguration("connections_max must be at least 1")
        return PostgresStore(
            url, connections_max=connections_max, group_commit=group_commit, names=names
        )
    raise InvalidConfiguration("the URL must begin with sqlite:/// or postgresql://")
