"""Django's connection as the transaction that paidflow works in."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.connection import ConnectionProxy

from paidflow.errors import InvalidConfiguration, TransactionMissing


class Django:
    """Lets hooks work with Django's ORM, and calls take part in ``transaction.atomic()``.

    Args:
        using: the alias of the database that the flow is in.

    Raises:
        InvalidConfiguration: when Django's times are without a time zone.
    """

    def __init__(self, using: str = DEFAULT_DB_ALIAS) -> None:
        if not settings.USE_TZ:
            raise InvalidConfiguration("paidflow needs USE_TZ = True: its times are exact")
        self._using = using

    def join(self, tx: Any) -> DjangoTransaction:
        """The transaction of ``django.db.connection``, or of one of ``django.db.connections``."""
        if not isinstance(tx, ConnectionProxy | BaseDatabaseWrapper):
            wanted = "a connection of Django, such as django.db.connection"
            raise InvalidConfiguration(f"tx must be {wanted}, not {type(tx).__name__}")
        if tx.alias != self._using:
            raise InvalidConfiguration(f"paidflow is in the database {self._using}, not {tx.alias}")
        if not self.in_transaction():
            raise TransactionMissing("open one with transaction.atomic()")
        connection = connections[self._using]
        if connection.needs_rollback:
            raise TransactionMissing("it has failed and can only be rolled back")
        return DjangoTransaction(connection)

    @contextmanager
    def begin(self) -> Generator[DjangoTransaction]:
        """A transaction of this thread's connection; it commits at the end of the block."""
        connection = self._usable()
        with _immediate(connection), transaction.atomic(using=self._using, durable=True):
            yield DjangoTransaction(connection)

    def reading(self) -> AbstractContextManager[None]:
        """Nothing: the ORM is at hand everywhere."""
        self._usable()
        return nullcontext()

    def in_transaction(self) -> bool:
        """Whether this thread or task has a transaction of Django open."""
        connection = connections[self._using]
        return connection.connection is not None and not connection.autocommit

    def _usable(self) -> Any:
        """A worker is no request, at whose end Django would let go of a broken connection."""
        connection = connections[self._using]
        broken = connection.errors_occurred and not connection.in_atomic_block
        if broken and not connection.is_usable():
            connection.close()
        return connection


class DjangoTransaction:
    """The transaction of a connection.

    Hooks find paidflow's own cursor in ``ctx.tx``; the ORM finds the transaction by itself.

    Args:
        connection: the connection.
    """

    for_hooks = None

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    @property
    def connection(self) -> Any:
        """The driver's connection."""
        return self._connection.connection

    def savepoint(self) -> AbstractContextManager[Any]:
        """An inner ``atomic``, so that Django knows of it."""
        return transaction.atomic(using=self._connection.alias)

    def flush(self) -> None:
        """Nothing: the ORM sends everything at once."""


@contextmanager
def _immediate(connection: Any) -> Generator[None]:
    """On SQLite, wait for other writers at the beginning; later there is no waiting."""
    connection.ensure_connection()  # which sets the mode, too
    if connection.vendor != "sqlite" or connection.transaction_mode is not None:
        yield
        return
    connection.transaction_mode = "IMMEDIATE"
    try:
        yield
    finally:
        connection.transaction_mode = None
