"""What the store keeps, as records, and what a store can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from paidflow.actions.contract import Row, Rows
from paidflow.ledger.entries import Entry
from paidflow.money import Money


@dataclass(slots=True)
class Status:
    """The current-state row of one action; it is also the schedule of what is owed."""

    action_id: str
    kind: str
    actor: str | None
    state: str
    performed: bool
    version: int
    cost: Money
    owed: str | None
    due_at: datetime | None
    deadline_at: datetime | None
    attention: str | None
    failure_reason: str | None
    tries: int = 0
    first_tried_at: datetime | None = None
    created_at: datetime | None = None
    state_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """The row of an attempt that has just been started.

    Args:
        number: 1 for the first.
        gateway: the gateway's name.
        nonce: 128 secret random bits.
        invoice_id: the gateway's id, if there is an invoice already.
        payment_request: what the payer needs in order to pay.
    """

    number: int
    gateway: str
    nonce: str = field(repr=False)
    invoice_id: str | None = None
    payment_request: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Attachment:
    """An invoice that now belongs to an attempt."""

    number: int
    invoice_id: str
    payment_request: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """An idempotency key in use; of the key only a hash is kept."""

    actor: str
    kind: str
    key_hash: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Payload:
    """The texts of one action; ``arguments`` is ``None`` once they are erased."""

    arguments: str | None
    result: str | None
    error: str | None
    erased: bool = False


@dataclass(slots=True)
class Write:
    """Everything that one step of one action writes, in one transaction.

    Args:
        status: the row after the step.
        before: the version before the step; 0 for a new action.
        events: topic, state and id of each event.
        entries: the ledger entries, with the version of the event that they belong to.
        command_id: the id of the command, to be found again after a lost acknowledgement.
        correlation_id: the id under which the caller's own logs speak of this.
        now: the moment of the step, UTC.
        arguments: the arguments of a new action, as JSON.
        request: the idempotency key of a new action.
        claims: names to take.
        release_claims: whether to let go of the action's claims.
        attempts: attempts to start.
        attachment: an invoice to attach to an attempt.
        error: what the actor may read about a hook that raised.
        rows: rows of the application that belong to the step.
    """

    status: Status
    before: int
    events: Sequence[tuple[str, bytes, str]]
    entries: Sequence[tuple[int, Entry]]
    command_id: str
    correlation_id: str
    now: datetime
    arguments: str | None = None
    request: Request | None = None
    claims: tuple[str, ...] = ()
    release_claims: bool = False
    attempts: tuple[NewAttempt, ...] = ()
    attachment: Attachment | None = None
    error: str | None = None
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Lag:
    """How far readers of the log are behind its writers.

    Args:
        positions: how many have been handed out and cannot be read yet.
        waiting_since: since when they wait for an open transaction that has appended; ``None``
            when nobody has found them waiting.
    """

    positions: int
    waiting_since: datetime | None


class Transaction(Protocol):
    """An open transaction; everything that reads or writes goes through one."""

    dialect: str

    @property
    def raw(self) -> Any:
        """The driver's own connection."""
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

    def write(self, writes: Sequence[Write]) -> None:
        """Write steps of different actions, sorted by action, with one command id.

        Raises:
            Conflict: when an action is no longer at the version before.
            ClaimTaken: when another action holds one of the claims.
            InsufficientFunds: when a purse has not enough.
            DuplicateRequest: when the idempotency key is in use.
            RowRefused: when the database does not take a row of the application.
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


class Store(Protocol):
    """Where everything is kept."""

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

    def join(self, connection: Any) -> AbstractContextManager[Transaction]:
        """Take part in a transaction that somebody else opened and will commit."""
        ...

    def create(self) -> None:
        """Create the tables where they are missing."""
        ...

    def ready(self) -> bool:
        """Whether the tables are there."""
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

    def passing(self, error: BaseException) -> bool:
        """Whether an error of the database may go away by itself: a deadlock, a lost connection."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


def row_to_status(row: Mapping[str, Any]) -> Status:
    """The status that a database row holds."""
    return Status(
        action_id=row["action_id"],
        kind=row["kind"],
        actor=row["actor"],
        state=row["state"],
        performed=bool(row["performed"]),
        version=row["version"],
        cost=Money(row["cost"], row["currency"]),
        owed=row["owed"],
        due_at=as_time(row["due_at"]),
        deadline_at=as_time(row["deadline_at"]),
        attention=row["attention"],
        failure_reason=row["failure_reason"],
        tries=row["tries"],
        first_tried_at=as_time(row["first_tried_at"]),
        created_at=as_time(row["created_at"]),
        state_since=as_time(row["state_since"]),
    )


def as_time(value: Any) -> datetime | None:
    """A moment from a column; SQLite keeps text, PostgreSQL a time."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
