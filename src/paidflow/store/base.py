"""What both stores share: when a transaction begins, ends, and is told to have ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

from paidflow import checkpoints
from paidflow.errors import CommitUnknown
from paidflow.store.contract import Transaction
from paidflow.store.driver import DriverTransaction
from paidflow.store.foreign import ForeignTransaction
from paidflow.store.joined import Joined
from paidflow.store.migrations import Migration, Migrations, Schema
from paidflow.store.names import Names
from paidflow.store.records import Lag, Write
from paidflow.store.transaction import SqlTransaction


class SqlStore(ABC):
    """What both stores share: when a transaction begins, ends, and is told to have ended.

    Args:
        dialect: ``sqlite`` or ``postgres``.
        names: under which names everything is in the database.
    """

    def __init__(self, dialect: str, names: Names) -> None:
        self.dialect = dialect
        self.names = names
        self.migrations = Migrations(dialect, names)

    @abstractmethod
    def begin(self) -> SqlTransaction:
        """A transaction to write in, on a connection of its own."""

    @abstractmethod
    def begin_reading(self) -> SqlTransaction:
        """A transaction to read in."""

    @abstractmethod
    def commit(self, tx: Any) -> None: ...

    @abstractmethod
    def rollback(self, tx: Any) -> None: ...

    @abstractmethod
    def give_back(self, tx: Any) -> None: ...

    @abstractmethod
    def end_reading(self, tx: Any) -> None:
        """Roll back what was only for reading, and give its connection back."""

    @abstractmethod
    def is_lost(self, tx: Any) -> bool:
        """Whether the connection broke, so that nobody knows whether a commit was done."""

    @abstractmethod
    def joined(self, foreign: ForeignTransaction) -> Joined:
        """paidflow's part in a transaction that somebody else has opened.

        Raises:
            TransactionMissing: when none is open.
            UnsupportedIsolation: on PostgreSQL, when it is not READ COMMITTED.
            MissingTables: when the tables are not in its database.
        """

    @abstractmethod
    def passing(self, error: BaseException) -> bool:
        """Whether an error of the database may go away by itself."""

    @abstractmethod
    def contended(self, error: BaseException) -> bool:
        """Whether others were in the way: a deadlock, or a lock that does not come."""

    def now(self) -> datetime:
        """The database's clock, UTC."""
        return datetime.now(UTC)

    def schema(self) -> Schema:
        """Which version of the tables is there."""
        with self.reading() as tx:
            return self.migrations.schema(tx)

    def check(self) -> None:
        """Refuse to work with tables that this program cannot work with."""
        self.migrations.check(self.schema())

    def create(self) -> None:
        """Create the tables, or bring them up to date; several processes may do so at once."""
        if self.migrations.pending(self.schema(), contract=False):
            self.migrate()

    def migrate(self, *, contract: bool = False) -> tuple[Migration, ...]:
        """Bring tables and functions up to date, all or nothing; returns the steps that were done.

        Args:
            contract: whether to take away what only older programs need.
        """
        tx = self.begin()
        try:
            done = self.migrations.apply(tx, contract=contract)
            self.commit(tx)
        except BaseException:
            self.rollback(tx)
            raise
        finally:
            self.give_back(tx)
        return done

    def place(self) -> str | None:
        """Where this database is, so that a copy of it is somewhere else; ``None`` in memory."""
        with self.reading() as tx:
            return self._place(tx)

    @abstractmethod
    def _place(self, tx: Any) -> str | None: ...

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

    def transaction(
        self, step: str, command_id: str | None = None
    ) -> AbstractContextManager[Transaction]:
        """A transaction that commits at the end of the block, durably.

        Args:
            step: its name among the points where a process can die.
            command_id: the id that its events carry; needed to find a commit whose
                acknowledgement was lost.

        Raises:
            CommitUnknown: when the connection broke and the command cannot be found.
        """
        return _Writing(self, step, command_id)

    def write(self, step: str, writes: Sequence[Write]) -> None:
        """Write steps as a transaction of their own; see ``SqlTransaction.write``."""
        with self.transaction(step, writes[0].command_id) as tx:
            tx.write(writes)

    def look_for(self, lost: Exception | None, command_id: str | None) -> None:
        """Find out what became of a commit whose acknowledgement was lost.

        The connection has been given back: looking needs another one, and there may be no more.
        """
        if lost is not None and not (command_id and self.was_committed(command_id)):
            raise CommitUnknown from lost

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction for reading; nothing is announced and nothing is written."""
        checkpoints.refuse_second("reading")
        return _Reading(self)

    @contextmanager
    def join(self, connection: Any) -> Generator[Transaction]:
        """Take part in a transaction that somebody else opened and will commit or roll back.

        What is written inside the block is in a savepoint of its own.

        Args:
            connection: the driver's connection, or what an adapter has made of something else.
        """
        known = isinstance(connection, ForeignTransaction)
        foreign = connection if known else DriverTransaction(connection)
        tx = self.joined(foreign)
        with checkpoints.transaction_open(), foreign.savepoint():
            yield tx

    def was_committed(self, command_id: str) -> bool:
        """Whether a command is in the log; false as well when nobody can be asked."""
        try:
            with _Reading(self) as tx:
                return tx.query("select_command", command_id=command_id).fetchone() is not None
        except Exception as error:
            if self.passing(error):
                return False  # nobody can be asked, so it stays unknown
            raise


# Classes, because a generator as a context manager takes much longer, and every call has several.


class _Writing:
    """A transaction that commits at the end of the block."""

    __slots__ = ("_command_id", "_inside", "_step", "_store", "_tx")

    def __init__(self, store: SqlStore, step: str, command_id: str | None) -> None:
        self._store = store
        self._step = step
        self._command_id = command_id

    def __enter__(self) -> SqlTransaction:
        checkpoints.refuse_second(self._step)
        self._tx = self._store.begin()
        self._inside = checkpoints.transaction_open()
        self._inside.__enter__()
        return self._tx

    def __exit__(self, kind: object, raised: BaseException | None, trace: object) -> None:
        store, lost = self._store, None
        try:
            try:
                if raised is None:
                    lost = self._commit()
                else:
                    store.rollback(self._tx)
            finally:
                self._inside.__exit__(None, None, None)
        finally:
            store.give_back(self._tx)
        if raised is None:
            store.look_for(lost, self._command_id)
            checkpoints.reach(self._step, "after")

    def _commit(self) -> Exception | None:
        """Returns the error of a connection that broke, so that nobody knows what became of it."""
        try:
            checkpoints.reach(self._step, "before")
        except BaseException:
            self._store.rollback(self._tx)
            raise
        try:
            self._store.commit(self._tx)
        except Exception as error:
            if not self._store.is_lost(self._tx):
                self._store.rollback(self._tx)
                raise
            return error
        return None


class _Reading:
    """A transaction for reading."""

    __slots__ = ("_inside", "_store", "_tx")

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def __enter__(self) -> SqlTransaction:
        self._tx = self._store.begin_reading()
        self._inside = checkpoints.transaction_open()
        self._inside.__enter__()
        return self._tx

    def __exit__(self, *raised: object) -> None:
        self._inside.__exit__(None, None, None)
        self._store.end_reading(self._tx)


def driver_error(error: BaseException) -> BaseException:
    """The driver's error, which database libraries pack into one of the same name."""
    cause = error.__cause__
    return cause if cause is not None and type(error).__name__ == "OperationalError" else error
