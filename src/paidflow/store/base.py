"""What both stores share: when a transaction begins, ends, and is told to have ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

from paidflow import checkpoints
from paidflow.errors import CommitUnknown
from paidflow.store.contract import Lag, Transaction, Write
from paidflow.store.transaction import SqlTransaction


class SqlStore(ABC):
    """What both stores share: when a transaction begins, ends, and is told to have ended."""

    @abstractmethod
    def _begin(self) -> SqlTransaction:
        """A transaction to write in, on a connection of its own."""

    @abstractmethod
    def _snapshot(self) -> AbstractContextManager[SqlTransaction]:
        """A transaction for reading."""

    @abstractmethod
    def _commit(self, tx: Any) -> None: ...

    @abstractmethod
    def _rollback(self, tx: Any) -> None: ...

    @abstractmethod
    def _give_back(self, tx: Any) -> None: ...

    @abstractmethod
    def _lost(self, tx: Any) -> bool:
        """Whether the connection broke, so that nobody knows whether a commit was done."""

    @abstractmethod
    def _joined(self, connection: Any) -> SqlTransaction:
        """The transaction that is open on somebody else's connection."""

    @abstractmethod
    def passing(self, error: BaseException) -> bool:
        """Whether an error of the database may go away by itself."""

    def now(self) -> datetime:
        """The database's clock, UTC."""
        return datetime.now(UTC)

    def ready(self) -> bool:
        """Whether the tables are there."""
        with self.reading() as tx:
            row = tx.query("select_schema").fetchone()
        return row is not None and bool(row["present"])

    def publish(self) -> int:
        """Let readers of the log read what is final; returns the last position they may read."""
        with self.reading() as tx:
            row = tx.query("publish").fetchone()
        return row["published"] if row else 0

    def lag(self) -> Lag:
        """How far readers of the log are behind its writers."""
        with self.reading() as tx:
            row = tx.query("select_lag").fetchone()
        return Lag(**row) if row else Lag(0, None)

    def archive(self, before: datetime, *, limit: int = 1000) -> int:
        """Move the events of finished actions from the log to the archive; returns how many."""
        with self.transaction("archive") as tx:
            return self._archive(tx, before, limit)

    @abstractmethod
    def _archive(self, tx: Any, before: datetime, limit: int) -> int: ...

    @contextmanager
    def transaction(self, step: str, command_id: str | None = None) -> Generator[Transaction]:
        """A transaction that commits at the end of the block, durably.

        Args:
            step: its name among the points where a process can die.
            command_id: the id that its events carry; needed to find a commit whose
                acknowledgement was lost.

        Raises:
            CommitUnknown: when the connection broke and the command cannot be found.
        """
        checkpoints.refuse_second(step)
        tx = self._begin()
        lost: Exception | None = None
        try:
            with checkpoints.transaction_open():
                try:
                    yield tx
                except BaseException:
                    self._rollback(tx)
                    raise
                checkpoints.reach(step, "before")
                try:
                    self._commit(tx)
                except Exception as error:
                    if not self._lost(tx):
                        self._rollback(tx)
                        raise
                    lost = error
        finally:
            self._give_back(tx)
        self._look_for(lost, command_id)
        checkpoints.reach(step, "after")

    def write(self, step: str, writes: Sequence[Write]) -> None:
        """Write steps as a transaction of their own; see ``SqlTransaction.write``."""
        with self.transaction(step, writes[0].command_id) as tx:
            tx.write(writes)

    def _look_for(self, lost: Exception | None, command_id: str | None) -> None:
        """Find out what became of a commit whose acknowledgement was lost.

        The connection has been given back: looking needs another one, and there may be no more.
        """
        if lost is not None and not (command_id and self._was_committed(command_id)):
            raise CommitUnknown from lost

    @contextmanager
    def reading(self) -> Generator[Transaction]:
        """A transaction for reading; nothing is announced and nothing is written."""
        checkpoints.refuse_second("reading")
        with self._snapshot() as tx:
            yield tx

    @contextmanager
    def join(self, connection: Any) -> Generator[Transaction]:
        """Take part in a transaction that somebody else opened and will commit or roll back.

        What is written inside the block is in a savepoint of its own.
        """
        tx = self._joined(connection)
        tx.execute("savepoint paidflow")
        try:
            with checkpoints.transaction_open():
                yield tx
        except BaseException:
            tx.execute("rollback to savepoint paidflow")
            tx.execute("release savepoint paidflow")
            raise
        tx.execute("release savepoint paidflow")

    def _was_committed(self, command_id: str) -> bool:
        try:
            with self._snapshot() as tx:
                return tx.query("select_command", command_id=command_id).fetchone() is not None
        except Exception as error:
            if self.passing(error):
                return False  # nobody can be asked, so it stays unknown
            raise
