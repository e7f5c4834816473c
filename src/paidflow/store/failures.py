"""Errors of paidflow and of the database, as the eventsourcing library's users expect them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from eventsourcing import persistence

from paidflow.errors import CommitUnknown, Conflict
from paidflow.store.contract import Store

_DRIVERS = ("psycopg", "sqlite3")
_BY_NAME = {
    kind.__name__: kind
    for kind in (
        persistence.InterfaceError,
        persistence.DatabaseError,
        persistence.DataError,
        persistence.OperationalError,
        persistence.IntegrityError,
        persistence.InternalError,
        persistence.ProgrammingError,
        persistence.NotSupportedError,
    )
}
"""Drivers call their errors by these names too."""


@contextmanager
def library_errors(store: Store) -> Generator[None]:
    """Raise the library's errors for what goes wrong inside the block.

    Args:
        store: knows which errors pass.

    Raises:
        IntegrityError: when a version is taken, or another rule of the tables is broken.
        OperationalError: when the database could not be reached, or it is unknown whether what
            was sent to it is stored.
    """
    try:
        yield
    except Conflict as error:
        raise persistence.IntegrityError(str(error)) from error
    except CommitUnknown as error:
        raise persistence.OperationalError(str(error)) from error
    except Exception as error:
        kind = persistence.OperationalError if store.passing(error) else _kind(error)
        if kind is None:
            raise
        raise kind(str(error)) from error


def _kind(error: Exception) -> type[persistence.PersistenceError] | None:
    for parent in type(error).__mro__:
        if parent.__module__.startswith(_DRIVERS) and parent.__name__ in _BY_NAME:
            return _BY_NAME[parent.__name__]
    return None
