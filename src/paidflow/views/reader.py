"""The default way to read: nothing that a viewer must not see comes out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from paidflow.automatic_retry import AutomaticRetry, parameters
from paidflow.errors import InvalidArguments, InvalidConfiguration
from paidflow.flow.paid_flow import PaidFlow
from paidflow.money import Money
from paidflow.states.events import AttentionReason, FailureReason
from paidflow.states.machine import State
from paidflow.store.names import Names
from paidflow.store.queries import filled, written_out
from paidflow.store.records import as_time
from paidflow.store.visibility import visible, visible_part

_RULE = re.compile(r"\b(visible|visible_part)\(\s*([^)]*?)\s*\)")
_RULES = {"visible": visible, "visible_part": visible_part}
_OURS = re.compile(r"(?<![.\w])paidflow_\w+")
_LOG = re.compile(r"(?<![.\w])paidflow_log\b")
_NO_SQL = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(9999, 12, 31, tzinfo=UTC)


@lru_cache(maxsize=1024)
def _ruled(sql: str, names: Names, log: str) -> str:
    """A query with its rule written out; programs have few queries and ask them often."""
    if not _RULE.search(_NO_SQL.sub("", sql)):
        raise InvalidArguments("the query has no visible(table.id), so it shows everything")
    written = _LOG.sub(log, written_out(sql))
    filled_in = _OURS.sub(lambda match: names.fill(match.group()), written)
    return _RULE.sub(lambda match: _RULES[match[1]](match[2], names), filled_in)


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
class PaymentInDoubt:
    """A payment to somebody else of which it is not known whether it has arrived."""

    action_id: str
    kind: str
    actor: str | None
    gateway: str
    payment_id: str
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
        role: on PostgreSQL, the role that it reads as, for which the database keeps the rule too;
            see ``paidflow.store.row_security.protect``.

    Raises:
        InvalidConfiguration: when the store has no roles.
    """

    def __init__(self, flow: PaidFlow, *, role: str | None = None) -> None:
        self._flow = flow
        self._role = role
        if role is not None and self.dialect != "postgres":
            raise InvalidConfiguration("SQLite has no roles")

    @property
    def dialect(self) -> str:
        """Of which store the SQL is: ``sqlite`` or ``postgres``."""
        return self._flow.store.dialect

    def now(self) -> datetime:
        """The time, UTC."""
        return self._flow.clock.now()

    def select(self, sql: str, *, viewer: str | None, **params: Any) -> list[Mapping[str, Any]]:
        """Read one's own tables under the visibility rule.

        Args:
            sql: a query with ``visible(table.id)`` among its conditions, once for each table
                whose rows are created by paid actions, or ``visible_part(table.id)`` for one whose
                rows may be created by parts of them. Tables of paidflow have their plain names,
                such as ``paidflow_actions``, whatever they are called in the database. Of an alias
                of that one, ``tried_again(alias)`` says whether it is tried again by itself; its
                parameters come from ``paidflow.automatic_retry.parameters``.
            viewer: who looks; ``None`` for a logged-out person.
            params: the query's own ``:name`` parameters; a list of texts fits ``in (:name)``.

        Raises:
            InvalidArguments: when the query does not ask what is visible.
        """
        return self._read(self._ruled(sql), viewer=viewer, **params)

    def sums(self, sql: str, **params: Any) -> list[Mapping[str, Any]]:
        """Read a view that was folded and has nothing but sums, which everybody may see.

        For all else there is ``select``: a row that stands for one thing has to be visible.

        Args:
            sql: a query of such a view.
            params: the query's own ``:name`` parameters; a list of texts fits ``in (:name)``.
        """
        return self._read(sql, **params)

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

    def failed(
        self, actor: str, *, limit: int = 50, automatic: AutomaticRetry | None = None
    ) -> list[FailedPayment]:
        """The failed payments of an actor, newest first.

        Args:
            actor: whose.
            limit: how many at most.
            automatic: what is tried again by itself; nobody has to be told about that.
        """
        others = {"again": False, **parameters(automatic, self.now())}
        window = {"since": _BEGINNING, "until": _END, "beginning": _BEGINNING, "limit": limit}
        with self._flow.store.reading() as tx:
            rows = tx.query("select_failed", actor=actor, **window, **others).fetchall()
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

    def payments_in_doubt(self, *, limit: int = 50) -> list[PaymentInDoubt]:
        """The payments to others that are on their way, or may be, oldest first; for operators."""
        with self._flow.store.reading() as tx:
            rows = tx.query("select_payments_in_doubt", limit=limit).fetchall()
        return [
            PaymentInDoubt(
                action_id=row["action_id"],
                kind=row["kind"],
                actor=row["actor"],
                gateway=row["gateway"],
                payment_id=row["payment_id"],
                since=as_time(row["state_since"]) or _BEGINNING,
            )
            for row in rows
        ]

    def _ruled(self, sql: str) -> str:
        log = "paidflow_log" if self._role is None else "paidflow_seen_log"
        return _ruled(sql, self._flow.store.names, log)

    def _read(self, sql: str, **params: Any) -> list[Mapping[str, Any]]:
        with self._flow.store.reading() as tx:
            if self._role is not None:
                tx.execute(
                    filled("postgres", "read_as"),
                    reader=self._role,
                    viewer=params.get("viewer") or "",
                )
            for name, value in params.items():
                if isinstance(value, list):
                    listed = filled(tx.dialect, "listed").replace(":actions", f":{name}")
                    sql = re.sub(rf":{name}\b", lambda _, text=listed: text, sql)
                    params[name] = json.dumps(value)
            return tx.execute(sql, **params).fetchall()
