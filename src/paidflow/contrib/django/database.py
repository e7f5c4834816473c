"""Where paidflow's tables are: in Django's database, by Django's settings."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connections

from paidflow.contrib.django.settings import database, options
from paidflow.errors import InvalidConfiguration
from paidflow.store.contract import Store
from paidflow.store.names import PLAIN, Names
from paidflow.store.opening import open_store

_NOT_FOR_LIBPQ = frozenset({"context", "cursor_factory", "prepare_threshold"})


def database_url() -> str:
    """The address of Django's database, as paidflow's own connections need it."""
    connection: Any = connections[database()]
    if connection.vendor == "sqlite":
        if connection.is_in_memory_db():
            raise InvalidConfiguration("paidflow needs a SQLite database in a file, also in tests")
        return f"sqlite:///{Path(connection.settings_dict['NAME']).absolute()}"
    if connection.vendor != "postgresql":
        raise InvalidConfiguration(f"paidflow works on SQLite and PostgreSQL, not on {connection}")
    params = connection.get_connection_params().items()
    return " ".join(f"{k}={_quoted(v)}" for k, v in params if k not in _NOT_FOR_LIBPQ)


@contextmanager
def opened_store() -> Generator[Store]:
    """The store for a moment, also when its tables are not there yet."""
    store = open_store(database_url(), schema=names().schema, prefix=names().prefix)
    try:
        yield store
    finally:
        store.close()


def bring_up_to_date(apps: Any, schema_editor: Any) -> None:
    """A migration's work: paidflow's own, unless this is the migration of another database."""
    if schema_editor.connection.alias == database():
        with opened_store() as store:
            store.migrate()


def names() -> Names:
    """Under which names paidflow's tables are in the database."""
    found = options()
    return Names(found.get("prefix", PLAIN.prefix), found.get("schema"))


def table(name: str) -> str:
    """The name of one of paidflow's tables as models say it."""
    return names().fill(name).replace(".", '"."')  # which Django puts into quotes as a whole


def _quoted(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
