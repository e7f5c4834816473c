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

from paidflow.actions.contract import Rows
from paidflow.errors import (
    ClaimTaken,
    Conflict,
    InsufficientFunds,
    InvalidArguments,
    PaidflowError,
)
from paidflow.ledger.entries import Entry, purse
from paidflow.store.contract import Write
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
    def fetch(self, name: str, **params: Any) -> list[tuple[Any, ...]]:
        """The rows of a named statement as plain tuples; for many rows."""

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
