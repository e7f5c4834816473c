"""The statement of an account: its entries, the newest first, each with the balance after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from paidflow.errors import InvalidArguments
from paidflow.money import Money
from paidflow.store.contract import Transaction
from paidflow.store.records import as_time

LINES_MAX = 1000
_NUMBER_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line of the statement of an account.

    Args:
        at: when it was recorded, UTC.
        amount: what came in, or went out if it is less than zero.
        balance: of the account after this line.
        other: the account on the other side.
        source: the action or the grant that it belongs to.
        version: the event of that action, from 1.
        line: the number of the entry in that step, from 1.
    """

    at: datetime
    amount: Money
    balance: Money
    other: str
    source: str
    version: int
    line: int

    @property
    def cursor(self) -> str:
        """Where the lines before this one begin, as a text."""
        return str(_Place(self.at, self.source, self.version, self.line))


def statement(
    tx: Transaction, account: str, currency: str, limit: int, before: str | None
) -> list[StatementLine]:
    """The lines before a place; see ``PaidFlow.statement``."""
    place = _LATEST if before is None else _Place.parse(before)
    where: dict[str, Any] = {"at": place.at, "source": place.source, "version": place.version}
    rows = tx.query(
        "select_statement",
        account=account,
        currency=currency,
        line=place.line,
        limit=min(max(limit, 1), LINES_MAX),
        **where,
    ).fetchall()
    return [
        StatementLine(
            at=as_time(row["recorded_at"]) or _LATEST.at,
            amount=Money(row["amount"], currency),
            balance=Money(row["balance"], currency),
            other=row["other"],
            source=row["source"],
            version=row["version"],
            line=row["line"],
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class _Place:
    """A place between two lines; lines of the same moment are in the order of their sources."""

    at: datetime
    source: str
    version: int
    line: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}/{self.version}/{self.line}/{self.source}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The place that a text stands for.

        Raises:
            InvalidArguments: when it is none.
        """
        at, *numbers, source = [*text.split("/", 3), "", "", ""][:4]
        moment = _LATEST.at
        try:
            moment = datetime.fromisoformat(at)
            version, line = map(int, numbers)
        except ValueError:
            version, line = -1, -1
        if min(version, line) < 0 or max(version, line) > _NUMBER_MAX:
            raise InvalidArguments("this is no cursor of a statement")
        return cls(moment.replace(tzinfo=moment.tzinfo or UTC), source, version, line)


_LATEST = _Place(datetime(9999, 12, 31, tzinfo=UTC), "", 0, 0)
