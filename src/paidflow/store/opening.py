"""Opens the store behind a URL."""

from __future__ import annotations

from paidflow.errors import InvalidConfiguration
from paidflow.store.contract import Store


def open_store(url: str) -> Store:
    """The store behind a URL.

    Args:
        url: ``sqlite:///file.db``, ``sqlite:///:memory:``, ``postgresql://...`` or what libpq
            understands; ``pgbouncer=true`` in it is for poolers that are not noticed by themselves.

    Raises:
        InvalidConfiguration: when the URL is not understood.
    """
    if url.startswith("sqlite:///"):
        from paidflow.store.sqlite import SqliteStore

        return SqliteStore(url.removeprefix("sqlite:///"))
    if url.startswith(("postgresql://", "postgres://")) or "dbname=" in url:
        from paidflow.store.postgres import PostgresStore

        return PostgresStore(url)
    raise InvalidConfiguration("the URL must begin with sqlite:/// or postgresql://")
