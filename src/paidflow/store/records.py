"""What the store keeps, as records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from paidflow.actions.contract import Row
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
    deadline_height: int | None = None
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
class NewPayment:
    """The row of a payment to somebody else that is planned.

    Args:
        number: 1 for the first.
        gateway: the gateway's name.
        payment_id: its id, which is used once.
        destination: where it goes, as the receiver gave it.
    """

    number: int
    gateway: str
    payment_id: str
    destination: str = field(repr=False)


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
        payments: payments to somebody else that are planned.
        unsent: the numbers of those that certainly were never sent, so that their ids are free.
        error: what the actor may read about a hook that raised.
        rows: rows of the application that belong to the step.
        open_invoices_max: how many unpaid invoices the actor of a new action may have with it.
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
    payments: tuple[NewPayment, ...] = ()
    unsent: tuple[int, ...] = ()
    error: str | None = None
    rows: tuple[Row, ...] = ()
    open_invoices_max: int | None = None


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
        deadline_height=row["deadline_height"],
        tries=row["tries"],
        first_tried_at=as_time(row["first_tried_at"]),
        created_at=as_time(row["created_at"]),
        state_since=as_time(row["state_since"]),
    )


def as_time(value: Any) -> datetime | None:
    """A moment from a column; SQLite keeps text, PostgreSQL a time."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def as_text(moment: datetime) -> str:
    """A moment as text, UTC; so written that texts sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
