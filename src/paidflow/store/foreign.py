"""Transactions that somebody else opens: what an adapter for another library has to offer."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class ForeignTransaction(Protocol):
    """A transaction that somebody else has opened, and will commit or roll back."""

    @property
    def connection(self) -> Any:
        """The connection of psycopg or sqlite3 that it is open on, or one that can be used so."""
        ...

    @property
    def for_hooks(self) -> Any:
        """What hooks find in ``ctx.tx``; ``None`` gives them paidflow's own cursor."""
        ...

    def savepoint(self) -> AbstractContextManager[Any]:
        """A savepoint that is released at the end of the block; an error rolls back to it."""
        ...

    def flush(self) -> None:
        """Send to the database what the application has only noted so far."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """How the application that paidflow is embedded in works with its database."""

    def join(self, tx: Any) -> ForeignTransaction:
        """The transaction that is open on what the application has passed as ``tx``.

        Raises:
            InvalidConfiguration: when it is nothing that this adapter knows.
        """
        ...

    def begin(self) -> AbstractContextManager[ForeignTransaction]:
        """Open a transaction as the application does; it commits at the end of the block."""
        ...

    def reading(self) -> AbstractContextManager[Any]:
        """What hooks read with before anything is written, such as ``cost``."""
        ...

    def in_transaction(self) -> bool:
        """Whether the caller is known to have a transaction open."""
        ...
