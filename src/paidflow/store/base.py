"""What both stores share: the transaction that writes one step of one action."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from paidflow import checkpoints
from paidflow.actions.contract import Rows
from paidflow.errors import ClaimTaken, CommitUnknown, Conflict, InsufficientFunds, PaidflowError
from paidflow.ledger.entries import Entry, purse
from paidflow.store.contract import Transaction, Write
from paidflow.store.queries import queries


class DuplicateRequest(PaidflowError):
    """This idempotency key is already in use."""


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

    def write(self, write: Write, new_ids: Sequence[str]) -> None:
        """Write one step: events, claims, status, entries and debit, in this order."""
        with self._rules():
            self.append(self._rows(write, new_ids))
            self._claim(write)
            self._set_status(write)
            self._write_beside(write)
            self._post(write)

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
        except PaidflowError:
            raise
        except Exception as error:
            rule = self.broken_rule(error) or ""
            for table, kind in _ERROR_OF_TABLE:
                if table in rule:
                    raise kind from error
            raise

    def _rows(self, write: Write, new_ids: Sequence[str]) -> list[dict[str, Any]]:
        return [
            {
                "action_id": write.status.action_id,
                "version": write.before + index,
                "topic": topic,
                "state": state,
                "event_id": event_id,
                "command_id": write.command_id,
                "correlation_id": write.correlation_id,
                "now": write.now,
            }
            for index, ((topic, state), event_id) in enumerate(
                zip(write.events, new_ids, strict=True), start=1
            )
        ]

    def _claim(self, write: Write) -> None:
        action_id = write.status.action_id
        if write.release_claims:
            self.query("release_claims", action_id=action_id)
        for claim in sorted(write.claims):
            self.query("insert_claim", claim=claim, action_id=action_id)

    def _set_status(self, write: Write) -> None:
        s = write.status
        shared = {
            "action_id": s.action_id,
            "state": s.state,
            "performed": s.performed,
            "version": s.version,
            "owed": s.owed,
            "due_at": s.due_at,
            "deadline_at": s.deadline_at,
            "attention": s.attention,
            "failure_reason": s.failure_reason,
            "now": write.now,
        }
        if write.before:
            if self.query("update_status", before=write.before, **shared).rowcount != 1:
                raise Conflict
            return
        cost = {"cost": s.cost.amount, "currency": s.cost.currency}
        self.query("insert_status", kind=s.kind, actor=s.actor, **cost, **shared)

    def _write_beside(self, write: Write) -> None:
        action_id = write.status.action_id
        if not write.before:
            empty = {"result": None, "error": None}
            self.query("insert_payload", action_id=action_id, arguments=write.arguments, **empty)
        if write.request is not None:
            r = write.request
            keys = {"actor": r.actor, "kind": r.kind, "key_hash": r.key_hash}
            self.query("insert_request", fingerprint=r.fingerprint, action_id=action_id, **keys)
        for attempt in write.attempts:
            self.query(
                "insert_attempt",
                action_id=action_id,
                number=attempt.number,
                gateway=attempt.gateway,
                nonce=attempt.nonce,
                invoice_id=attempt.invoice_id,
                payment_request=attempt.payment_request,
            )
        if write.attachment is not None:
            self.query(
                "attach_invoice",
                action_id=action_id,
                number=write.attachment.number,
                invoice_id=write.attachment.invoice_id,
                payment_request=write.attachment.payment_request,
            )

    def _post(self, write: Write) -> None:
        source = write.status.action_id
        for line, (version, entry) in enumerate(write.entries, start=1):
            if not self.post(entry, source=source, version=version, line=line, now=write.now):
                raise Conflict

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


class SqlStore(ABC):
    """What both stores share: when a transaction begins, ends, and is told to have ended."""

    @abstractmethod
    def _begin(self, *, writes: bool) -> Any:
        """Take a connection and begin; returns the driver's connection."""

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
        connection = self._begin(writes=True)
        broken: Exception | None = None
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
                    broken = error
        finally:
            self._give_back(connection)
        # Only now: whoever looks needs another connection, and there may be no more than this.
        if broken is not None and not (command_id and self._was_committed(command_id)):
            raise CommitUnknown from broken
        checkpoints.reach(step, "after")

    @contextmanager
    def reading(self) -> Generator[Transaction]:
        """A transaction for reading; nothing is announced and nothing is written."""
        checkpoints.refuse_second("reading")
        with self._snapshot() as tx:
            yield tx

    @contextmanager
    def _snapshot(self) -> Generator[SqlTransaction]:
        connection = self._begin(writes=False)
        try:
            with checkpoints.transaction_open():
                yield self._wrap(connection)
        finally:
            self._rollback(connection)
            self._give_back(connection)

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
