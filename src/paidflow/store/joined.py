"""paidflow's part in a transaction that somebody else has opened."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from paidflow import checkpoints
from paidflow.errors import Conflict, SecondPayer
from paidflow.store.contract import JoinedTransaction, Store, Transaction
from paidflow.store.foreign import ForeignTransaction
from paidflow.store.records import Write
from paidflow.store.transaction import SqlTransaction


class CursorRows:
    """What a cursor of any driver has found, as ``Rows``."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    def fetchone(self) -> Mapping[str, Any] | None:
        row = self._cursor.fetchone()
        return None if row is None else self._named(row)

    def fetchall(self) -> list[Mapping[str, Any]]:
        return [self._named(row) for row in self._cursor.fetchall()]

    def _named(self, row: Sequence[Any]) -> Mapping[str, Any]:
        return dict(zip((column[0] for column in self._cursor.description), row, strict=True))


class Joined(SqlTransaction):
    """A transaction that somebody else has opened; each store has a class of its own."""

    foreign: ForeignTransaction
    one_payer = False
    """Whether everything that is written must belong to one payer, or to locked ones."""

    @property
    def for_hooks(self) -> Any:
        handle = self.foreign.for_hooks
        return self if handle is None else handle

    def flush(self) -> None:
        self.foreign.flush()

    def lock_payers(self, payers: Iterable[str]) -> None:
        """Lock the purses of several payers in order, before anything is written.

        Raises:
            SecondPayer: when something was written for another payer before.
        """
        wanted = sorted(set(payers))
        if not set(self._payers()) <= set(wanted):
            raise SecondPayer("one was at work before")
        self._lock_purses(wanted)
        self._note_payers(wanted)

    def refuse_second_payer(self, writes: Sequence[Write]) -> None:
        """Check whose actions are written, before anything of them is locked.

        Raises:
            SecondPayer: when another payer was at work before and both are not locked.
        """
        if not self.one_payer:
            return
        payers = {write.status.actor for write in writes} - {None}
        known = self._payers()
        if known and not payers <= set(known):
            raise SecondPayer
        if payers and not known:
            self._note_payers(sorted(str(payer) for payer in payers))

    @abstractmethod
    def _payers(self) -> list[str]:
        """The payers of this transaction, as they were noted in it."""

    @abstractmethod
    def _note_payers(self, payers: Sequence[str]) -> None:
        """Note them, until the transaction ends or is rolled back to before this moment."""

    @abstractmethod
    def _lock_purses(self, payers: Sequence[str]) -> None:
        """Make others wait who want to debit these purses."""


class JoinedStore:
    """A store for one call, whose only transaction is the one that was joined.

    Args:
        store: the store that the tables belong to.
        tx: the transaction.
    """

    def __init__(self, store: Store, tx: JoinedTransaction) -> None:
        self._store = store
        self._tx = tx

    @contextmanager
    def transaction(self, step: str, command_id: str | None = None) -> Generator[Transaction]:
        """A savepoint; whoever has opened the transaction commits.

        Raises:
            Conflict: when others were in the way; the savepoint is rolled back.
        """
        with conflicts(self._store), checkpoints.transaction_open(), self._tx.foreign.savepoint():
            yield self._tx
            self._tx.flush()
            checkpoints.reach(step, "before")
        checkpoints.reach(step, "after")

    def write(self, step: str, writes: Sequence[Write]) -> None:
        """Write steps in a savepoint; see ``SqlTransaction.write``."""
        with self.transaction(step) as tx:
            tx.write(writes)

    @contextmanager
    def reading(self) -> Generator[Transaction]:
        """The transaction, to read what it has written, too."""
        with checkpoints.transaction_open():
            yield self._tx

    def passing(self, error: BaseException) -> bool:
        """Whether an error of the database may go away by itself."""
        return self._store.passing(error)


@contextmanager
def conflicts(store: Store) -> Generator[None]:
    """Name what others have done inside the block.

    Raises:
        Conflict: when a deadlock or a lock that did not come was in the way.
    """
    try:
        yield
    except Exception as error:
        if store.contended(error):
            raise Conflict from error
        raise
