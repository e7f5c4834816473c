"""The job with paidflow, as its README shows it; all settings are the defaults."""

from __future__ import annotations

from typing import Any, ClassVar

from benchmarks.gateway import PRICE
from benchmarks.sides.base import PURSE, Counts, Side, actor
from paidflow import CREDITS, INVOICE, Context, Money, PaidAction, PaidFlow, Reader, Worker

_TABLES = (
    "create table posts (id text primary key, text text not null)",
    "create table items (id bigint primary key)",
    "create table zaps (id text primary key, item bigint not null references items)",
)


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


class CreditPost(Post):
    """A post paid from the purse."""

    kind = "credit-post"
    funding = (CREDITS,)


class WithPaidflow(Side):
    """``perform`` and ``sync``; the visibility rule shows the row when it is paid."""

    loads: ClassVar[frozenset[str]] = frozenset({"lifecycle", "settle", "zap", "credits"})

    def __init__(self, dsn: str, threads: int) -> None:
        super().__init__(dsn, threads)
        self._opened: PaidFlow | None = None

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

    def settle(self, invoice_id: str) -> None:
        self.flow.sync("noop", invoice_id)

    def zap(self, n: int, item: int) -> None:
        self.settle(self._request(Zap(text=f"zap {n}", item=item), n))

    def perform_from_credits(self, n: int) -> None:
        self.flow.perform(CreditPost(text=f"post {n}"), actor=actor(n))

    def catch_up(self) -> None:
        Worker(self.flow).run_until_idle()

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

    def _open(self, *, create: bool) -> PaidFlow:
        return PaidFlow.open(
            self.dsn,
            actions=[Post, Zap, CreditPost],
            gateways={"noop": self.gateway},
            secret="a secret only for benchmarks",
            create=create,
            # A backlog of unpaid invoices is what some loads are about.
            open_invoices_max=10**9,
        )
