"""One open transaction: what is read and written through it is the same on both stores."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from paidflow.actions.contract import Row, Rows
from paidflow.errors import (
    ClaimTaken,
    Conflict,
    InsufficientFunds,
    InvalidArguments,
    PaidflowError,
    PaymentUsed,
    RefundTooLarge,
    TooManyOpenInvoices,
)
from paidflow.ledger.entries import Entry
from paidflow.store.names import Names
from paidflow.store.queries import queries
from paidflow.store.records import Write


class DuplicateRequest(PaidflowError):
    """This idempotency key is already in use."""


class RowRefused(Exception):
    """The database does not take a row that an action offered; what it said is in ``error``."""

    def __init__(self, error: Exception) -> None:
        super().__init__(type(error).__name__)
        self.error = error


class CommitRefused(Exception):
    """A rule that is checked at the commit is broken, by a hook; what was said is in ``error``."""

    def __init__(self, error: Exception) -> None:
        super().__init__(type(error).__name__)
        self.error = error


_ERROR_OF_TABLE: tuple[tuple[str, type[PaidflowError]], ...] = (
    ("requests", DuplicateRequest),
    ("claims", ClaimTaken),
    ("events", Conflict),
    ("actions", Conflict),
    ("attempts", Conflict),
    ("payments", PaymentUsed),
    ("entries", Conflict),
    ("no_overdraft", InsufficientFunds),
    ("no_over_refund", RefundTooLarge),
    ("open_invoices", TooManyOpenInvoices),
)


class SqlTransaction(ABC):
    """One open transaction on either store."""

    dialect: str

    def __init__(self, names: Names) -> None:
        self.names = names
        self._queries = queries(self.dialect, names)
        self._lent: Any = None

    @property
    def for_hooks(self) -> Any:
        """What hooks find in ``ctx.tx``."""
        return self if self._lent is None else self._lent

    def lend(self, handle: Any) -> None:
        """Let hooks work with something else than this."""
        self._lent = handle

    def flush(self) -> None:
        """Send to the database what hooks have only noted so far."""
        return  # here they note nothing

    @property
    @abstractmethod
    def raw(self) -> Any:
        """The driver's own connection."""

    @abstractmethod
    def execute(self, sql: str, **params: Any) -> Rows:
        """Run one statement with ``:name`` parameters."""

    @abstractmethod
    def fetch(self, name: str, **params: Any) -> list[tuple[Any, ...]]:
        """The rows of a named statement as plain tuples; for many rows."""

    @abstractmethod
    def run_script(self, sql: str) -> None:
        """Run statements without parameters, one after the other."""

    @abstractmethod
    def execute_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run one statement for each row of parameters."""

    @abstractmethod
    def broken_rule(self, error: Exception) -> str | None:
        """What a constraint violation says about the rule; ``None`` for another error."""

    def query(self, name: str, **params: Any) -> Rows:
        """Run one of the store's named statements."""
        return self.execute(self._queries[name], **params)

    @abstractmethod
    def write(self, writes: Sequence[Write]) -> None:
        """Write steps of different actions, sorted by action, with one command id."""

    @abstractmethod
    def insert(self, row: Row) -> None:
        """Insert a row of the application after the step was written.

        Raises:
            RowRefused: when the database does not take it.
        """

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append events to the log."""
        with self._rules():
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
                if f"{self.names.prefix}{table}" in rule:
                    raise kind from error
            raise

    def post(self, entry: Entry, *, source: str, version: int, line: int, now: datetime) -> bool:
        """Post one ledger entry and change the purses that it touches.

        Returns:
            Whether it was posted; false when this line of this source was posted before.

        Raises:
            InsufficientFunds: when the debited purse has not enough.
        """
        amount, currency = entry.amount.amount, entry.amount.currency
        if entry.recovers:
            with self._rules():
                self.recover(entry, source=source, version=version, line=line, now=now)
        else:
            posted = self.query(
                "insert_entry",
                source=source,
                version=version,
                line=line,
                debit=entry.debit,
                credit=entry.credit,
                amount=amount,
                currency=currency,
                now=now,
            )
            if posted.rowcount != 1:
                return False
        if entry.takes:
            with self._rules():
                self.debit(entry.debit, currency, amount, now)
        if entry.gives:
            account = {"account": entry.credit, "currency": currency, "amount": amount}
            self.query("insert_unswept", source=source, version=version, line=line, **account)
        return True

    @abstractmethod
    def sweep(self, account: str, currency: str, now: datetime) -> int:
        """Bring what has come in on an account into its balance, and return that.

        What the account's owner owes is repaid first.
        """

    @abstractmethod
    def debit(self, account: str, currency: str, amount: int, now: datetime) -> None:
        """Take from an account, after what has come in was swept.

        Raises:
            InsufficientFunds: when it has not enough.
        """

    @abstractmethod
    def recover(self, entry: Entry, *, source: str, version: int, line: int, now: datetime) -> None:
        """Take back what is there of an entry, as ``line``; what the owner owes is the next."""


_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?", re.ASCII)


def checked_names(table: str, columns: Sequence[str]) -> Sequence[str]:
    """The columns of a row of the application, which become part of a statement.

    Raises:
        InvalidArguments: when a name is none that SQL takes without quotes.
    """
    for name in (table, *columns):
        if not _NAME.fullmatch(name):
            raise InvalidArguments(f"{name!r} is no name of a table or column")
    return columns


def plain_value(value: object) -> str:
    """How a row says what JSON cannot say: a time, a Decimal, a UUID.

    Raises:
        TypeError: when it is none of these.
    """
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} in a row")
