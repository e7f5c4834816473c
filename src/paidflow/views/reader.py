"""The default way to read: nothing that a viewer must not see comes out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from paidflow.errors import InvalidArguments
from paidflow.flow.paid_flow import PaidFlow
from paidflow.money import Money
from paidflow.states.events import AttentionReason, FailureReason
from paidflow.states.machine import State
from paidflow.store.contract import as_time
from paidflow.store.visibility import visible

_RULE = re.compile(r"\bvisible\(\s*([^)]*?)\s*\)")
_NO_SQL = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FailedPayment:
    """A payment of an actor that failed and can be retried."""

    action_id: str
    kind: str
    reason: FailureReason
    since: datetime
    unread: bool


@dataclass(frozen=True, slots=True)
class Attention:
    """An action that waits for a person."""

    action_id: str
    kind: str
    state: State
    reason: AttentionReason
    since: datetime


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """What has gone into an account less what has gone out, in one currency."""

    account: str
    amount: Money


class Reader:
    """Reads for one viewer at a time.

    Args:
        flow: whose actions.
    """

    def __init__(self, flow: PaidFlow) -> None:
        self._flow = flow

    def select(self, sql: str, *, viewer: str | None, **params: Any) -> list[Mapping[str, Any]]:
        """Read one's own tables under the visibility rule.

        Args:
            sql: a query with ``visible(table.id)`` among its conditions, once for each table
                whose rows are created by paid actions.
            viewer: who looks; ``None`` for a logged-out person.
            params: the query's own ``:name`` parameters.

        Raises:
            InvalidArguments: when the query does not ask what is visible.
        """
        ruled = _RULE.sub(lambda match: visible(match.group(1)), sql)
        if not _RULE.search(_NO_SQL.sub("", sql)):
            raise InvalidArguments("the query has no visible(table.id), so it shows everything")
        with self._flow.store.reading() as tx:
            return tx.execute(ruled, viewer=viewer, **params).fetchall()

    def accounts(self, prefix: str = "") -> list[AccountBalance]:
        """What has gone into each account less what has gone out; for operators.

        Args:
            prefix: only accounts whose name begins with it, such as ``revenue:``.
        """
        with self._flow.store.reading() as tx:
            rows = tx.query("sum_accounts", prefix=prefix).fetchall()
        return [
            AccountBalance(row["account"], Money(int(row["total"]), row["currency"]))
            for row in rows
        ]

    def failed(self, actor: str, *, limit: int = 50) -> list[FailedPayment]:
        """The failed payments of an actor, newest first."""
        with self._flow.store.reading() as tx:
            rows = tx.query(
                "select_failed", actor=actor, beginning=_BEGINNING, limit=limit
            ).fetchall()
        return [
            FailedPayment(
                action_id=row["action_id"],
                kind=row["kind"],
                reason=FailureReason(row["failure_reason"]),
                since=as_time(row["state_since"]) or _BEGINNING,
                unread=bool(row["unread"]),
            )
            for row in rows
        ]

    def mark_read(self, actor: str) -> None:
        """Take the failed payments so far as read."""
        with self._flow.store.transaction("mark_read") as tx:
            tx.query("upsert_read_mark", actor=actor, now=self._flow.clock.now())

    def pending(self, actor: str) -> list[Money]:
        """What the actor has done but not yet paid, one sum per currency; for the actor only."""
        with self._flow.store.reading() as tx:
            rows = tx.query("sum_pending", actor=actor).fetchall()
        return [Money(int(row["total"]), row["currency"]) for row in rows]

    def attention(self, *, limit: int = 50) -> list[Attention]:
        """The actions that wait for a person, oldest first; for operators."""
        with self._flow.store.reading() as tx:
            rows = tx.query("select_attention", limit=limit).fetchall()
        return [
            Attention(
                action_id=row["action_id"],
                kind=row["kind"],
                state=State(row["state"]),
                reason=AttentionReason(row["attention"]),
                since=as_time(row["state_since"]) or _BEGINNING,
            )
            for row in rows
        ]
