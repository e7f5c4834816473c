"""A forum in a database, and its pages: as people see them, and as the bare queries behind them."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from benchmarks.forum.plan import ACTIONS, BEGAN, Plan, Shape
from benchmarks.forum.rows import Rows
from benchmarks.forum.views import write_views
from benchmarks.forum.writing import write_forum
from benchmarks.gateway import NoopGateway
from benchmarks.sides.tables import vacuum
from paidflow import Folding, PaidFlow, Reader
from paidflow.automatic_retry import parameters
from paidflow.forum import Items, Notifications, Profiles, Threads, projections
from paidflow.keyring import Keyring
from paidflow.store.queries import named, written_out
from paidflow.views.cursor import HIGHEST, LATEST
from paidflow.views.daily_totals import POSTS
from paidflow.views.ranking import HotRanking, Standing
from paidflow.views.sql import read_sql
from paidflow.views.threads import Branch

PAGE_ITEMS = 20
"""How many items are on a page, as many as if nobody says otherwise."""

_SECRET = "a secret only for benchmarks"
_RULE = re.compile(r"\bvisible\([^)]*\)")
_ITEMS, _NOTIFICATIONS, _PEOPLE, _THREADS = (
    named(read_sql(name)) for name in ("items", "notifications", "people", "threads")
)


def _bare(query: str) -> str:
    """A query that shows everything."""
    return _RULE.sub("true", written_out(query))


_TREE = _bare(_ITEMS["shown"].format(page=_THREADS["tree"]))
_HOT = _bare(_ITEMS["shown"].format(page=_ITEMS["hot"]))
_BY_AUTHOR = _bare(_ITEMS["shown"].format(page=_ITEMS["by_author"]))
_NOTIFICATIONS_PAGE = _bare(_NOTIFICATIONS["all"])
_TOTALS, _FIRST_ITEM = _bare(_PEOPLE["totals"]), _bare(_PEOPLE["first_item"])


class Site:
    """A forum in a database of its own.

    Args:
        dsn: the database.
        shape: how large the forum is.
    """

    def __init__(self, dsn: str, shape: Shape) -> None:
        self.dsn = dsn
        self._shape = shape
        self._opened: PaidFlow | None = None

    @property
    def flow(self) -> PaidFlow:
        """The flow, opened when it is first used."""
        if self._opened is None:
            self._opened = self._open(create=False)
        return self._opened

    def create(self) -> None:
        """Create the tables, and write everything into them but the views."""
        self._opened = self._open(create=True)
        write_forum(self.dsn, self._shape, Rows(Keyring.of(_SECRET).current, "noop"))
        vacuum(self.dsn)

    def fold(self) -> None:
        """Bring all views up to date, by folding the log."""
        Folding(self.flow, projections()).run_until_idle()

    def write_views(self) -> None:
        """Write all views by SQL, which takes minutes where folding takes an hour."""
        write_views(self.dsn, self.flow)
        vacuum(self.dsn)

    def close(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            self._opened.close()

    def hot(self, n: int) -> int:
        """Read the hot list; returns how many posts are on it."""
        return len(Items(self._reader).hot(viewer=self._actor(n), limit=PAGE_ITEMS))

    def bare_hot(self, n: int) -> int:
        """The same by a bare query."""
        newest = HotRanking().score(Standing(paid_at=self._reader.now()))
        return self._ask(_HOT, n, place=HIGHEST, id="", limit=PAGE_ITEMS, newest=newest)

    def tree(self, n: int) -> int:
        """Read the tree below the first post; returns how many items it has."""
        top, limit = self._top, self._shape.tree + 1
        found = Threads(self._reader).tree(top, viewer=self._actor(n), limit=limit)
        assert found is not None
        return _size(found)

    def bare_tree(self, n: int) -> int:
        """The same by a bare query."""
        return self._ask(_TREE, n, top=self._top, limit=self._shape.tree + 1)

    def profile(self, n: int) -> int:
        """Read a person's profile, and what he wrote last; returns how many items that is."""
        author, viewer = self._actor(n), self._actor(n + 1)
        profile = Profiles(self._reader).one(author, viewer=viewer)
        assert profile.since is not None
        return len(Items(self._reader).by_author(author, viewer=viewer, limit=PAGE_ITEMS))

    def bare_profile(self, n: int) -> int:
        """The same by bare queries."""
        author = self._actor(n)
        self._ask(_TOTALS, n + 1, actor=author, posts=list(POSTS))
        self._ask(_FIRST_ITEM, n + 1, author=author)
        return self._ask(_BY_AUTHOR, n + 1, author=author, place=LATEST, id="", limit=PAGE_ITEMS)

    def notifications(self, n: int) -> int:
        """Read what a person is told; returns how many lines that is."""
        return len(Notifications(self._reader).page(self._actor(n), limit=PAGE_ITEMS))

    def bare_notifications(self, n: int) -> int:
        """The same by a bare query."""
        now = self._reader.now()
        page = {"place": LATEST, "id": "", "limit": PAGE_ITEMS}
        params = {"now": now, "beginning": BEGAN, **page, **parameters(None, now)}
        return self._ask(_NOTIFICATIONS_PAGE, n, **params)

    def acted_msats(self) -> int:
        """What all acts have cost."""
        (row,) = self._reader.sums("select sum(amount_msats) as msats from forum_acts")
        return int(row["msats"])

    def counted_msats(self) -> int:
        """What of that is in the views."""
        (row,) = self._reader.sums(
            "select sum(zapped_msats + downzapped_msats + boosted_msats) as msats"
            " from forum_item_totals"
        )
        return int(row["msats"])

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.flow)

    @property
    def _top(self) -> str:
        return next(Plan(self._shape).steps()).action_id

    def _ask(self, query: str, n: int, **params: Any) -> int:
        """Ask a bare query; returns how many rows it has."""
        return len(self._reader.sums(query, viewer=self._actor(n), **params))

    def _actor(self, n: int) -> str:
        return f"actor-{n % self._shape.actors}"

    def _open(self, *, create: bool) -> PaidFlow:
        return PaidFlow.open(
            self.dsn,
            actions=ACTIONS,
            gateways={"noop": NoopGateway()},
            secret=_SECRET,
            create=create,
        )


def _size(branch: Branch) -> int:
    return 1 + sum(_size(answer) for answer in branch.answers)
