"""Territories as people see them: what is posted in them, and what that brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from paidflow.actions.territories import status_at
from paidflow.actions.territory_bills import Billing
from paidflow.flow.paid_flow import PaidFlow
from paidflow.ledger.accounts import territory
from paidflow.money import Money, msats
from paidflow.store.queries import named
from paidflow.store.records import as_time
from paidflow.views.cursor import HIGHEST, Cursor, cursor_of, limited
from paidflow.views.reader import Reader
from paidflow.views.sql import read_sql

_SQL = named(read_sql("territories"))


@dataclass(frozen=True, slots=True)
class TerritoryLine:
    """A territory; everybody sees the same of it.

    Args:
        name: what it is called.
        owner: who pays for it and earns from it.
        description: what it is about.
        base_cost: of a post in it.
        reply_cost: of a comment in it; ``None`` is what it costs elsewhere.
        post_kinds: what can be posted in it.
        free_posts: whether freebies are allowed.
        rewards_percent: how much of its fees goes to the pool.
        billing: how often it is paid for: ``monthly``, ``yearly`` or ``once``.
        billing_cost: what the next bill is about.
        auto_renew: whether the owner's purses pay the bills by themselves.
        version: how often it was changed; who changes it says which one he has seen.
        status: ``active``, ``grace`` when a bill is due, or ``stopped``.
        paid_until: when the next bill is due, UTC; ``None`` is never.
        posts: how many paid posts are in it, without those that were deleted.
        stacked: what was zapped on them and on the comments below them.
        cursor: where the page after it begins.
    """

    name: str
    owner: str
    description: str
    base_cost: Money
    reply_cost: Money | None
    post_kinds: tuple[str, ...]
    free_posts: bool
    rewards_percent: int
    billing: Billing
    billing_cost: Money
    auto_renew: bool
    version: int
    status: str
    paid_until: datetime | None
    posts: int
    stacked: Money
    cursor: str


class Territories:
    """Reads territories.

    The lists have those that go on, whether paid or in grace. ``before`` is the cursor of the last
    line of the page before; ``limit`` is how many lines there are at most.

    Args:
        flow: whose ledger.
        reader: what keeps the rule of who sees what.
    """

    def __init__(self, flow: PaidFlow, reader: Reader) -> None:
        self._flow = flow
        self._reader = reader

    def one(self, name: str) -> TerritoryLine | None:
        """A territory, even a stopped one; ``None`` if there is none. Capitals do not matter."""
        found = self._select("one", name=name)
        return found[0] if found else None

    def revenue(self, name: str) -> Money:
        """What a territory has earned and its owner was not paid yet; nothing if there is none."""
        found = self.one(name)
        return self._flow.balance_of(territory(found.name)) if found else msats(0)

    def by_name(self, *, before: str | None = None, limit: int = 20) -> list[TerritoryLine]:
        """Territories in the order of their names.

        Raises:
            InvalidArguments: when the cursor is none of such a list.
        """
        after = Cursor.parse(before, HIGHEST).id
        return self._select("by_name", after=after, limit=limited(limit))

    def by_posts(self, *, before: str | None = None, limit: int = 20) -> list[TerritoryLine]:
        """Territories, those first that have most posts.

        Raises:
            InvalidArguments: when the cursor is none of such a list.
        """
        return self._page("by_posts", before, limit)

    def by_stacked(self, *, before: str | None = None, limit: int = 20) -> list[TerritoryLine]:
        """Territories, those first in which most was zapped.

        Raises:
            InvalidArguments: when the cursor is none of such a list.
        """
        return self._page("by_stacked", before, limit)

    def _page(self, name: str, before: str | None, limit: int) -> list[TerritoryLine]:
        begin = Cursor.parse(before, HIGHEST)
        return self._select(name, place=begin.place, id=begin.id, limit=limited(limit))

    def _select(self, query: str, **params: Any) -> list[TerritoryLine]:
        sql = _SQL[query].format(counted=_SQL["counted"])
        # Nobody's unpaid posts count, so it does not matter who looks.
        return [self._line(row) for row in self._reader.select(sql, viewer=None, **params)]

    def _line(self, row: Mapping[str, Any]) -> TerritoryLine:
        paid_until, reply_cost_msats = as_time(row["paid_until"]), row["reply_cost_msats"]
        stopped = row["status"] == "stopped"
        return TerritoryLine(
            name=row["name"],
            owner=row["owner"],
            description=row["description"],
            base_cost=msats(row["base_cost_msats"]),
            reply_cost=None if reply_cost_msats is None else msats(reply_cost_msats),
            post_kinds=tuple(row["post_kinds"].split()),
            free_posts=bool(row["free_posts"]),
            rewards_percent=row["rewards_percent"],
            billing=row["billing"],
            billing_cost=msats(row["billing_cost_msats"]),
            auto_renew=bool(row["auto_renew"]),
            version=row["version"],
            status=status_at(self._reader.now(), paid_until, stopped=stopped),
            paid_until=paid_until,
            posts=row["posts"],
            stacked=msats(row["stacked_msats"]),
            cursor=cursor_of(row["place"], row["name"]),
        )
