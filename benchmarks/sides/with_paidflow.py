"""The job with paidflow, as its README shows it; all settings are the defaults."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import psycopg

from benchmarks.copies import Original, copy
from benchmarks.gateway import PRICE
from benchmarks.sides.base import COPIED_ACTORS, PAGE_ROWS, PURSE, Counts, Side, actor
from benchmarks.sides.spent import EVENTS, Spent
from benchmarks.sides.tables import vacuum
from paidflow import (
    CREDITS,
    INVOICE,
    Context,
    Money,
    PaidAction,
    PaidFlow,
    Posting,
    Reader,
    Worker,
    purse,
)
from paidflow.views.folding import Folding
from paidflow.views.pages import SIZE
from paidflow.views.rebuild import rebuild

_TABLES = (
    "create table posts (id text primary key, text text not null)",
    "create table items (id bigint primary key)",
    "create table zaps (id text primary key, item bigint not null references items)",
)

_PAGE = (
    "select posts.id, posts.text from posts where posts.id > :after"
    " {rule} order by posts.id limit :rows"
)
_RULED = _PAGE.format(rule="and visible(posts.id)")
_ALL = _PAGE.format(rule="")
# No page after one of these reaches the end of the view.
_SAMPLE = (
    "select id from posts where id < (select id from posts order by id desc offset :end limit 1)"
    " order by md5(id) limit :count"
)
# Unpaid actions are not looked at while a benchmark runs.
_LATER = "update paidflow_actions set due_at = due_at + interval '30 days' where owed is not null"

_WANTED = "from paidflow_events where topic = any(%s)"
_SCAN = (
    "select notification_id, originator_id, originator_version, topic, state, recorded_at"
    f" {_WANTED} order by notification_id"
)
_TO_FOLD = f"select count(*) {_WANTED}"
_TOPICS = [f"{event.name}@{event.version}" for event in EVENTS]
UNPAID_SHARE = 20
"""One of so many payments in a full log is unpaid, so that the visibility rule hides something."""

_COPIED = "the one who is copied"


class Post(PaidAction):
    """One row of the view."""

    kind = "post"
    funding = (INVOICE,)
    optimistic = True

    text: str

    def cost(self, ctx: Context) -> Money:
        return PRICE

    def perform(self, ctx: Context) -> Any:
        add = "insert into posts (id, text) values (:id, :text)"
        ctx.tx.execute(add, id=ctx.action_id, text=self.text)


class Zap(Post):
    """A post that refers to an item once it is paid."""

    kind = "zap"

    item: int

    def on_paid(self, ctx: Context) -> None:
        add = "insert into zaps (id, item) values (:id, :item)"
        ctx.tx.execute(add, id=ctx.action_id, item=self.item)

    @classmethod
    def on_paid_many(cls, paid: Sequence[tuple[Self, Context]]) -> None:
        rows = [{"id": ctx.action_id, "item": zap.item} for zap, ctx in paid]
        add = (
            "insert into zaps (id, item) select id, item"
            " from jsonb_to_recordset(:rows::jsonb) as r(id text, item bigint)"
        )
        paid[0][1].tx.execute(add, rows=json.dumps(rows))


class Tip(Post):
    """A post whose money goes to an author."""

    kind = "tip"

    author: int

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return (Posting(purse(f"author-{self.author}"), PRICE),)


class CreditPost(Post):
    """A post paid from the purse."""

    kind = "credit-post"
    funding = (CREDITS,)


class WithPaidflow(Side):
    """``perform`` and ``sync``; the visibility rule shows the row when it is paid."""

    loads: ClassVar[frozenset[str]] = frozenset(
        {
            "lifecycle",
            "settle",
            "zap",
            "payout",
            "credits",
            "backlog",
            "zap_backlog",
            "full_log",
            "read",
            "read_all",
            "fold",
            "rebuild",
            "scan",
            "memory",
            "loop",
            "hot",
            "tree",
            "profile",
            "notifications",
            "fold_zaps",
        }
    )

    def __init__(self, dsn: str, threads: int) -> None:
        super().__init__(dsn, threads)
        self._opened: PaidFlow | None = None
        self._worker: Worker | None = None

    @property
    def flow(self) -> PaidFlow:
        """The flow, opened when it is first used, for the tables have to be there."""
        if self._opened is None:
            self._opened = self._open(create=False)
        return self._opened

    def create(self, *, items: int, purses: int) -> None:
        self._opened = self._open(create=True)
        with self._opened.transaction() as tx:
            for table in _TABLES:
                tx.execute(table)
            tx.execute("insert into items select generate_series(0, :last)", last=items - 1)
        for n in range(purses):
            self._opened.grant(actor(n), Money(PURSE, PRICE.currency), key="start")

    def perform(self, n: int) -> str:
        return self._request(Post(text=f"post {n}"), n)

    async def perform_in_loop(self, n: int) -> str:
        """The same as ``perform``, for a coroutine."""
        receipt = await self.flow.aio.perform(Post(text=f"post {n}"), actor=actor(n))
        assert receipt.invoice_id is not None
        return receipt.invoice_id

    def settle(self, invoice_id: str) -> None:
        self.flow.sync("noop", invoice_id)

    def zap(self, n: int, item: int) -> None:
        self.settle(self._request(Zap(text=f"zap {n}", item=item), n))

    def pay_out(self, n: int, author: int) -> None:
        self.settle(self._request(Tip(text=f"tip {n}", author=author), n))

    def perform_from_credits(self, n: int) -> None:
        self.flow.perform(CreditPost(text=f"post {n}"), actor=actor(n))

    def fill_backlog(self, count: int, *, items: int) -> None:
        unpaid: list[PaidAction] = [Zap(text="zap", item=item) for item in range(items)]
        originals = [self._original(action) for action in unpaid or [Post(text="post")]]
        with psycopg.connect(self.dsn) as connection:
            connection.execute(_LATER)  # a long run is not to look at them by itself
            copy(connection, originals, count, actors=COPIED_ACTORS)
        vacuum(self.dsn)

    def settle_backlog(self, first: int, last: int) -> None:
        # One worker does it all, as after an outage: the stream tells of every invoice.
        self.gateway.told = last
        self.catch_up()

    def fill_log(self, *, events: int, rows: int, actors: int) -> None:
        originals = [self._original(Post(text="post")) for _ in range(UNPAID_SHARE)]
        for original in originals[1:]:
            self.settle(original.invoice_id)
        with psycopg.connect(self.dsn) as connection:
            log = connection.execute("select count(*) from paidflow_events").fetchone()
            assert log is not None
            count = max(rows, events * len(originals) // log[0])
            copy(connection, originals, count, actors=actors)
            connection.execute(_LATER)
        vacuum(self.dsn)

    def rows_to_read(self, count: int) -> list[str]:
        with self.flow.store.reading() as tx:
            rows = tx.execute(_SAMPLE, end=PAGE_ROWS * 2, count=count).fetchall()
        return [row["id"] for row in rows]

    def read_page(self, after: str, *, ruled: bool) -> int:
        if ruled:
            found = Reader(self.flow).select(_RULED, viewer=actor(1), after=after, rows=PAGE_ROWS)
        else:
            with self.flow.store.reading() as tx:
                found = tx.execute(_ALL, after=after, rows=PAGE_ROWS).fetchall()
        return len(found)

    def fold(self, view: str) -> None:
        Folding(self.flow, [Spent(view, 1)]).run_until_idle()

    def rebuild(self, view: str) -> None:
        rebuild(Folding(self.flow, [Spent(view, 2)]), view)

    def folded(self, view: str) -> int:
        with self.flow.store.reading() as tx:
            found = tx.execute(f"select sum(requested + paid) as events from {view}").fetchall()
        return int(found[0]["events"])

    def scan(self) -> int:
        # A cursor of the server, which hands out as much at once as a page of folding.
        with psycopg.connect(self.dsn) as connection, connection.cursor("scan") as cursor:
            cursor.itersize = SIZE
            return sum(1 for _ in cursor.execute(_SCAN, [_TOPICS], binary=True))

    def events_to_fold(self) -> int:
        with psycopg.connect(self.dsn) as connection:
            found = connection.execute(_TO_FOLD, [_TOPICS]).fetchone()
        assert found is not None
        return found[0]

    def catch_up(self) -> None:
        if self._worker is None:
            self._worker = Worker(self.flow)
        while self._worker.run_once():
            pass

    def counts(self) -> Counts:
        seen = "select count(*) as n from posts where visible(posts.id)"
        visible = Reader(self.flow).select(seen, viewer=None)[0]["n"]
        with self.flow.transaction() as tx:
            paid = tx.execute("select count(*) as n from paidflow_actions where state = 'PAID'")
            zaps = tx.execute("select count(*) as n from zaps")
            return Counts(paid.fetchall()[0]["n"], visible, zaps.fetchall()[0]["n"])

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def _request(self, action: PaidAction, n: int) -> str:
        invoice_id = self.flow.perform(action, actor=actor(n)).invoice_id
        assert invoice_id is not None
        return invoice_id

    def _original(self, action: PaidAction) -> Original:
        receipt = self.flow.perform(action, actor=_COPIED)
        assert receipt.invoice_id is not None
        return Original(receipt.action_id, receipt.invoice_id, _COPIED)

    def _open(self, *, create: bool) -> PaidFlow:
        return PaidFlow.open(
            self.dsn,
            actions=[Post, Zap, Tip, CreditPost],
            gateways={"noop": self.gateway},
            secret="a secret only for benchmarks",
            create=create,
            # A backlog of unpaid invoices is what some loads are about.
            open_invoices_max=10**9,
        )
