"""What a store can do, and what a transaction in it can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from paidflow.actions.contract import Row, Rows
from paidflow.ledger.entries import Entry
from paidflow.store.foreign import ForeignTransaction
from paidflow.store.migrations import Migration, Migrations, Schema
from paidflow.store.names import Names
from paidflow.store.records import Lag, Write


class Transaction(Protocol):
    """An open transaction; everything that reads or writes goes through one."""

    dialect: str

    @property
    def raw(self) -> Any:
        """The driver's own connection."""
        ...

    @property
    def for_hooks(self) -> Any:
        """What hooks find in ``ctx.tx``."""
        ...

    def lend(self, handle: Any) -> None:
        """Let hooks work with something else than this."""
        ...

    def flush(self) -> None:
        """Send to the database what hooks have only noted so far."""
        ...

    def execute(self, sql: str, **params: Any) -> Rows:
        """Run one statement with ``:name`` parameters."""
        ...

    def query(self, name: str, **params: Any) -> Rows:
        """Run one of the store's named statements."""
        ...

    def fetch(self, name: str, **params: Any) -> list[tuple[Any, ...]]:
        """The rows of a named statement as plain tuples; for many rows."""
        ...

    def run_script(self, sql: str) -> None:
        """Run statements without parameters, one after the other."""
        ...

    def write(self, writes: Sequence[Write]) -> None:
        """Write steps of different actions, sorted by action, with one command id.

        Raises:
            Conflict: when an action is no longer at the version before.
            ClaimTaken: when another action holds one of the claims.
            InsufficientFunds: when a purse has not enough.
            DuplicateRequest: when the idempotency key is in use.
            PaymentUsed: when a payment id was used before.
            TooManyOpenInvoices: when an actor has too many with them.
            RowRefused: when the database does not take a row of the application.
        """
        ...

    def insert(self, row: Row) -> None:
        """Insert a row of the application after the step was written.

        Raises:
            RowRefused: when the database does not take it.
        """
        ...

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append events to the log, with all their columns.

        Raises:
            Conflict: when one of the versions is taken.
        """
        ...

    def post(self, entry: Entry, *, source: str, version: int, line: int, now: datetime) -> bool:
        """Post one ledger entry; false when this line of this source was posted before.

        Raises:
            InsufficientFunds: when the debited purse has not enough.
        """
        ...

    def sweep(self, account: str, currency: str, now: datetime) -> int:
        """Bring what has come in on an account into its balance, and return that."""
        ...


class JoinedTransaction(Transaction, Protocol):
    """paidflow's part in a transaction that somebody else has opened."""

    foreign: ForeignTransaction
    one_payer: bool

    def lock_payers(self, payers: Iterable[str]) -> None:
        """Lock the purses of several payers in order, before anything is written."""
        ...


class Transactions(Protocol):
    """Opens transactions, or takes part in one that is open already."""

    def transaction(
        self, step: str, command_id: str | None = None
    ) -> AbstractContextManager[Transaction]:
        """A transaction that commits at the end of the block, durably."""
        ...

    def write(self, step: str, writes: Sequence[Write]) -> None:
        """Write steps as a transaction of their own; see ``Transaction.write``."""
        ...

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction for reading."""
        ...

    def passing(self, error: BaseException) -> bool:
        """Whether an error of the database may go away by itself: a deadlock, a lost connection."""
        ...


class Store(Transactions, Protocol):
    """Where everything is kept."""

    dialect: str
    names: Names
    migrations: Migrations

    def join(self, connection: Any) -> AbstractContextManager[Transaction]:
        """Take part in a transaction that somebody else opened and will commit."""
        ...

    def joined(self, foreign: ForeignTransaction) -> JoinedTransaction:
        """paidflow's part in a transaction that somebody else has opened, checked to be usable."""
        ...

    def contended(self, error: BaseException) -> bool:
        """Whether others were in the way: a deadlock, or a lock that does not come."""
        ...

    def was_committed(self, command_id: str) -> bool:
        """Whether a command is in the log; false as well when nobody can be asked."""
        ...

    def create(self) -> None:
        """Create the tables, or bring them up to date; several processes may do so at once."""
        ...

    def schema(self) -> Schema:
        """Which version of the tables is there."""
        ...

    def check(self) -> None:
        """Refuse to work with tables that this program cannot work with.

        Raises:
            MissingTables: when there are none.
            OlderTables: when something is missing that this program needs.
            NewerTables: when something was taken away that this program may need.
        """
        ...

    def migrate(self, *, contract: bool = False) -> tuple[Migration, ...]:
        """Bring tables and functions up to date, all or nothing; returns the steps that were done.

        Args:
            contract: whether to take away what only older programs need.
        """
        ...

    def place(self) -> str | None:
        """Where this database is, so that a copy of it is somewhere else; ``None`` in memory."""
        ...

    def now(self) -> datetime:
        """The database's clock, UTC."""
        ...

    def publish(self) -> int:
        """Let readers of the log read what is final; returns the last position they may read.

        A position is final when no open transaction can still fill it or one before it.
        """
        ...

    def lag(self) -> Lag:
        """How far readers of the log are behind its writers."""
        ...

    def wait_for_events(self, timeout_s: float) -> None:
        """Rest until events may have been published, at most this long; only a hint."""
        ...

    def archive(self, before: datetime, *, limit: int = 1000) -> int:
        """Move the events of finished actions from the log to the archive, the oldest first.

        Everything can be read as before.

        Args:
            before: actions are moved that owe nothing and have been where they are since before.
            limit: how many actions are moved at most.

        Returns:
            How many actions were moved.
        """
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
