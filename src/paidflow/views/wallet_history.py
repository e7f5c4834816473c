"""One's own money: what came and went, and what waits for its payment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from paidflow.flow.paid_flow import PaidFlow
from paidflow.flow.statement import StatementLine
from paidflow.ledger.accounts import purse, withdrawable
from paidflow.money import Money
from paidflow.states.machine import State
from paidflow.store.queries import named
from paidflow.store.records import as_time
from paidflow.views.cursor import limited
from paidflow.views.reader import Reader
from paidflow.views.sql import read_sql

_SQL = named(read_sql("people"))
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class WalletLine:
    """A line of the statement of a purse.

    Args:
        line: what came or went, the balance after it, and its cursor.
        kind: the kind of the action that it belongs to; ``None`` for a grant.
    """

    line: StatementLine
    kind: str | None


@dataclass(frozen=True, slots=True)
class PendingPayment:
    """Something that its actor has done and not paid yet.

    Args:
        action_id: the action.
        kind: its kind.
        state: where it stands.
        amount: what it costs.
        since: when it was requested, UTC.
    """

    action_id: str
    kind: str
    state: State
    amount: Money
    since: datetime


class WalletHistory:
    """Reads for an actor what is his own; nobody else may ask.

    Args:
        flow: whose ledger.
        reader: what keeps the rule of who sees what.
    """

    def __init__(self, flow: PaidFlow, reader: Reader) -> None:
        self._flow = flow
        self._reader = reader

    def credits(
        self, actor: str, *, before: str | None = None, limit: int = 50
    ) -> list[WalletLine]:
        """The statement of the actor's credits, the newest line first.

        Args:
            actor: whose.
            before: ``line.cursor`` of the last line of the page before.
            limit: how many lines at most.

        Raises:
            InvalidArguments: when the cursor is none.
        """
        return self._lines(actor, purse(actor), before, limit)

    def withdrawable(
        self, actor: str, *, before: str | None = None, limit: int = 50
    ) -> list[WalletLine]:
        """The statement of what the actor could withdraw, the newest line first.

        Args:
            actor: whose.
            before: ``line.cursor`` of the last line of the page before.
            limit: how many lines at most.

        Raises:
            InvalidArguments: when the cursor is none.
        """
        return self._lines(actor, withdrawable(actor), before, limit)

    def pending(self, actor: str, *, limit: int = 100) -> list[PendingPayment]:
        """What the actor has done and not paid yet, the newest first."""
        rows = self._reader.select(_SQL["pending"], viewer=actor, limit=limited(limit))
        return [
            PendingPayment(
                action_id=row["action_id"],
                kind=row["kind"],
                state=State(row["state"]),
                amount=Money(row["cost"], row["currency"]),
                since=as_time(row["created_at"]) or _BEGINNING,
            )
            for row in rows
        ]

    def _lines(self, actor: str, account: str, before: str | None, limit: int) -> list[WalletLine]:
        lines = self._flow.statement(account, limit=limited(limit), before=before)
        ids = sorted({line.source for line in lines})
        rows = self._reader.select(_SQL["kinds"], viewer=actor, ids=ids)
        kinds = {row["action_id"]: row["kind"] for row in rows}
        return [WalletLine(line, kinds.get(line.source)) for line in lines]
