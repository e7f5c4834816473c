"""An action may offer its row as data; it joins the statement that records the step."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from paidflow import INVOICE, Context, Money, PaidAction, PaidFlow, Reader, Row, State, sats
from paidflow.actions.contract import check_action
from paidflow.errors import InvalidArguments, InvalidConfiguration
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import again, history, pay
from tests.wall import SECRET

TABLE = (
    "create table posts (id text primary key, text text not null unique, rating integer not null,"
    " price numeric, at text, tag text)"
)
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TAG = UUID(int=7)


class Post(PaidAction):
    """A post whose work is one row."""

    kind = "post"
    optimistic = True
    table: str = "posts"
    text: str
    rating: int = 3

    def cost(self, ctx: Context) -> Money:
        return sats(10)

    def row(self, ctx: Context) -> Row:
        values = {"id": ctx.action_id, "text": self.text, "rating": self.rating}
        values |= {"price": Decimal("1.5"), "at": MOMENT, "tag": TAG}
        return Row(self.table, values)


class HeldPost(Post):
    kind = "held-post"
    optimistic = False
    funding = (INVOICE,)


class CuriousPost(Post):
    """Asks the database, which a row must not."""

    kind = "curious-post"

    def row(self, ctx: Context) -> Row:
        ctx.tx.execute("select 1")
        return super().row(ctx)


class OddPost(Post):
    """Offers what is no JSON."""

    kind = "odd-post"

    def row(self, ctx: Context) -> Row:
        return Row("posts", {"id": ctx.action_id, "text": object()})


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    opened = PaidFlow.open(
        store_url,
        actions=[Post, HeldPost, CuriousPost, OddPost],
        gateways={"sandbox": sandbox},
        secret=SECRET,
        create=True,
        clock=clock,
    )
    with opened.transaction() as tx:
        tx.execute(TABLE)
    yield opened
    opened.close()


def posts(flow: PaidFlow, viewer: str | None) -> list[str]:
    seen = "select text from posts where visible(posts.id) order by text"
    return [row["text"] for row in Reader(flow).select(seen, viewer=viewer)]


def test_the_row_is_there_with_the_step(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Post(text='it\'s "ünï" 🌩 \\ $1 :x', rating=-2), actor="ann")
    assert receipt.state is State.PENDING
    assert (len(posts(flow, "ann")), len(posts(flow, None))) == (1, 0)
    assert pay(flow, sandbox, receipt).state is State.PAID
    with flow.store.reading() as tx:
        row: Any = tx.execute("select * from posts").fetchone()
    assert row["id"] == receipt.action_id
    assert (row["text"], row["rating"]) == ('it\'s "ünï" 🌩 \\ $1 :x', -2)
    assert float(row["price"]) == 1.5
    assert datetime.fromisoformat(row["at"]) == MOMENT
    assert row["tag"] == str(TAG)


def test_from_the_purse_and_after_a_hold(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    flow.grant("ann", sats(10), key="g")
    assert flow.perform(Post(text="a"), actor="ann").state is State.PAID
    held = flow.perform(HeldPost(text="b"), actor="ann")
    assert posts(flow, "ann") == ["a"]
    assert pay(flow, sandbox, held).state is State.PAID
    assert posts(flow, None) == ["a", "b"]


def test_the_rows_of_a_backlog(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    made = [flow.perform(HeldPost(text=str(n)), actor="ann") for n in range(5)]
    for receipt in made:
        assert receipt.invoice_id is not None
        sandbox.pay(receipt.invoice_id)
    assert flow.sync_many("sandbox", [receipt.invoice_id or "" for receipt in made]) == []
    assert {again(flow, receipt).state for receipt in made} == {State.PAID}
    assert posts(flow, None) == ["0", "1", "2", "3", "4"]


def test_a_row_that_is_refused(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """As if ``perform`` had raised what the database said."""
    flow.perform(Post(text="twice"), actor="ann")
    with pytest.raises(Exception, match=r"(?i)unique"):
        flow.perform(Post(text="twice"), actor="ann")
    with pytest.raises(Exception, match=r"(?i)no_such_table"):
        flow.perform(Post(text="x", table="no_such_table"), actor="ann")
    with pytest.raises(TypeError):
        flow.perform(OddPost(text="odd"), actor="ann")
    held = flow.perform(HeldPost(text="twice"), actor="ann")
    paid = pay(flow, sandbox, held)
    assert paid.state is State.FAILED
    assert paid.error == "Something went wrong in this action."
    assert history(flow, held)[-1] == "failed"
    assert posts(flow, "ann") == ["twice"]
    with flow.store.reading() as tx:
        row: Any = tx.execute("select count(*) as n from paidflow_actions").fetchone()
    assert row["n"] == 2


@pytest.mark.parametrize("table", ["posts; drop table posts", "po sts", "a.b.c", '"posts"', ""])
def test_a_name_is_a_name(flow: PaidFlow, table: str) -> None:
    with pytest.raises(InvalidArguments, match="no name"):
        flow.perform(Post(text="x", table=table), actor="ann")


def test_a_row_has_no_transaction(flow: PaidFlow) -> None:
    with pytest.raises(InvalidConfiguration, match="row has no transaction"):
        flow.perform(CuriousPost(text="x"), actor="ann")


def test_row_or_perform() -> None:
    class Both(Post):
        kind = "both"

        def perform(self, ctx: Context) -> None: ...

    with pytest.raises(InvalidConfiguration, match="only one of them"):
        check_action(Both)


def test_a_row_in_a_transaction_of_the_application(flow: PaidFlow, store_url: str) -> None:
    text = 'it\'s 100% "ünï" :rows_0 :steps'
    good, twice, odd = (
        flow.prepare(Post(text=text), actor="ann"),
        flow.prepare(Post(text=text), actor="ann"),
        flow.prepare(Post(text="gm", table="no_such_table"), actor="ann"),
    )
    if store_url.startswith("sqlite"):
        tx: Any = sqlite3.connect(store_url.removeprefix("sqlite:///"))
    else:
        tx = psycopg.connect(store_url)
    flow.perform(good, tx=tx)
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
        flow.perform(twice, tx=tx)
    with pytest.raises((sqlite3.OperationalError, psycopg.ProgrammingError)):
        flow.perform(odd, tx=tx)
    tx.commit()
    tx.close()
    assert posts(flow, "ann") == [text]
    assert flow.get(good.action_id, actor="ann").state is State.PENDING
