"""A store in an application with a database library of its own: hooks work with that."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from paidflow import checkpoints
from paidflow.errors import CommitUnknown
from paidflow.store.contract import Store, Transaction
from paidflow.store.foreign import Embedder
from paidflow.store.records import Write
from paidflow.store.transaction import CommitRefused


class EmbeddedStore:
    """A store whose transactions with hooks are opened as the application opens its own.

    Args:
        store: where everything is kept.
        embedder: opens the transactions.
    """

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder

    @contextmanager
    def transaction(self, step: str, command_id: str | None = None) -> Generator[Transaction]:
        """A transaction that commits at the end of the block; see ``SqlStore.transaction``."""
        checkpoints.refuse_second(step)
        ended = False
        try:
            with checkpoints.transaction_open(), self._embedder.begin() as foreign:
                with self._store.join(foreign) as tx:
                    yield tx
                checkpoints.reach(step, "before")
                ended = True
        except Exception as error:
            if not ended:
                raise
            self._look_for(command_id, error)
        checkpoints.reach(step, "after")

    def write(self, step: str, writes: Sequence[Write]) -> None:
        """Write steps without a hook, on a connection of the store."""
        self._store.write(step, writes)

    @contextmanager
    def reading(self) -> Generator[Transaction]:
        """A transaction for reading; hooks read with what the application works with."""
        with self._store.reading() as tx, self._embedder.reading() as handle:
            tx.lend(handle)
            yield tx

    def passing(self, error: BaseException) -> bool:
        """Whether an error of the database may go away by itself."""
        return self._store.passing(error)

    def _look_for(self, command_id: str | None, error: Exception) -> None:
        """Find out what became of a commit that raised."""
        if command_id and self._store.was_committed(command_id):
            return
        if self._store.passing(error) and not self._store.contended(error):
            raise CommitUnknown from error
        if any(kind.__name__ == "IntegrityError" for kind in type(error).__mro__):
            raise CommitRefused(error) from None
        raise error
