"""What both stores share: the transaction that writes one step of one action."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

from paidflow import checkpoints
from paidflow.actions.contract import Row, Rows
from paidflow.errors import (
    ClaimTaken,
    CommitUnknown,
    Conflict,
    InsufficientFunds,
    InvalidArguments,
    PaidflowError,
)
from paidflow.ledger.entries import Entry, purse
from paidflow.store.contract import Transaction, Write
from paidflow.store.queries import queries


class DuplicateRequest(PaidflowError):
    """This idempotency key is already in use."""


class RowRefused(Exception):
    """The database does not take a row that an action offered; what it said is in ``error``."""

    def __init__(self, error: Exception) -> None:
        super().__init__(type(error).__name__)
        self.error = error


_ERROR_OF_TABLE: tuple[tuple[str, type[PaidflowError]], ...] = (
    ("paidflow_requests", DuplicateRequest),
    ("paidflow_claims", ClaimTaken),
    ("paidflow_events", Conflict),
    ("paidflow_actions", Conflict),
    ("paidflow_attempts", Conflict),
    ("paidflow_entries", Conflict),
    ("paidflow_no_overdraft", InsufficientFunds),
)


class SqlTransaction(ABC):
    """One open transaction on either store."""

    dialect: str

    def __init__(self) -> None:
        self._queries = queries(self.dialect)

    @property
    @abstractmethod
    def raw(self) -> Any:
        """The driver's own connection."""

    @abstractmethod
    def execute(self, sql: str, **params: Any) -> Rows:
        """Run one statement with ``:name`` parameters."""

    @abstractmethod
    def execute_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run one statement for each row of parameters."""

    @abstractmethod
    def broken_rule(self, error: Exception) -> str | None:
        """What a constraint violation says about the rule; ``None`` for another error."""

    @abstractmethod
    def before_append(self) -> None:
        """What has to happen before events are appended, so that they are in order."""

    def query(self, name: str, **params: Any) -> Rows:
        """Run one of the store's named statements."""
        return self.execute(self._queries[name], **params)

    @abstractmethod
    def write(self, writes: Sequence[Write]) -> None:
        """Write steps of different actions, sorted by action, with one command id."""

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append events to the log."""
        with self._rules():
            self.before_append()
            self.execute_many(self._queries["insert_event"], rows)

    @contextmanager
    def _rules(self) -> Generator[None]:
        """Turn a broken rule of the database into the error that it means."""
        try:
            yield
        except (PaidflowError, RowRefused):
            raise
        except Exception as error:
            rule = self.broken_rule(error) or ""
            for table, kind in _ERROR_OF_TABLE:
                if table in rule:
                    raise kind from error
            raise

    def post(self, entry: Entry, *, source: str, version: int, line: int, now: datetime) -> bool:
        """Post one ledger entry and change the purses that it touches.

        Returns:
            Whether it was posted; false when this line of this source was posted before.

        Raises:
            InsufficientFunds: when the debited purse has not enough.
        """
        posted = self.query(
            "insert_entry",
            source=source,
            version=version,
            line=line,
            debit=entry.debit,
            credit=entry.credit,
            amount=entry.amount.amount,
            currency=entry.amount.currency,
            now=now,
        )
        if posted.rowcount != 1:
            return False
        for actor, change in entry.purse_changes:
            name = "credit_purse" if change > 0 else "debit_purse"
            account = {"account": purse(actor), "currency": entry.amount.currency}
            if self.query(name, amount=abs(change), **account).rowcount != 1:
                raise InsufficientFunds
        return True


_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?", re.ASCII)


def insert_of(row: Row, prefix: str) -> str:
    """The statement that inserts a row of the application.

    Args:
        row: its values become parameters.
        prefix: comes before the name of each parameter.

    Raises:
        InvalidArguments: when a name is none that SQL takes without quotes.
    """
    for name in (row.table, *row.values):
        if not _NAME.fullmatch(name):
            raise InvalidArguments(f"{name!r} is no name of a table or column")
    columns = ", ".join(row.values)
    values = ", ".join(f":{prefix}{column}" for column in row.values)
    return f"insert into {row.table} ({columns}) values ({values})"


class SqlStore(ABC):
    """What both stores share: when a transaction begins, ends, and is told to have ended."""

    @abstractmethod
    def _begin(self) -> Any:
        """Take a connection and begin to write; returns the driver's connection."""

    @abstractmethod
    def _snapshot(self) -> AbstractContextManager[SqlTransaction]:
        """A transaction for reading."""

    @abstractmethod
    def _commit(self, connection: Any) -> None: ...

    @abstractmethod
    def _rollback(self, connection: Any) -> None: ...

    @abstractmethod
    def _give_back(self, connection: Any) -> None: ...

    @abstractmethod
    def _wrap(self, connection: Any) -> SqlTransaction: ...

    @abstractmethod
    def _joinable(self, connection: Any) -> None:
        """Make sure that somebody else's connection is inside a transaction."""

    @abstractmethod
    def passing(self, error: BaseException) -> bool:
        """Whether an error of the database may go away by itself."""

    @abstractmethod
    def _lost(self, connection: Any) -> bool:
        """Whether the connection broke, so that nobody knows whether a commit was done."""

    def now(self) -> datetime:
        """The database's clock, UTC."""
        return datetime.now(UTC)

    def ready(self) -> bool:
        """Whether the tables are there."""
        with self.reading() as tx:
            row = tx.query("select_schema").fetchone()
        return row is not None and bool(row["present"])

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
        connection = self._begin()
        lost: Exception | None = None
        try:
            with checkpoints.transaction_open():
                try:
                    yield self._wrap(connection)
                except BaseException:
                    self._rollback(connection)
                    raise
                checkpoints.reach(step, "before")
                try:
                    self._commit(connection)
                except Exception as error:
                    if not self._lost(connection):
                        self._rollback(connection)
                        raise
                    lost = error
        finally:
            self._give_back(connection)
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
        self._joinable(connection)
        tx = self._wrap(connection)
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
