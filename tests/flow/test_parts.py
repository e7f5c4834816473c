"""A post carries uploads: one payment, one fate, and each with an id and hooks of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, ClassVar, Self

import psycopg
import pytest

from paidflow import (
    CREDITS,
    INVOICE,
    AfterPaid,
    Context,
    FailureReason,
    Money,
    PaidAction,
    PaidFlow,
    Posting,
    Reader,
    Receipt,
    Refused,
    Row,
    State,
    Worker,
    msats,
    purse,
    sats,
    territory,
)
from paidflow.errors import (
    ClaimTaken,
    CurrencyMismatch,
    InvalidAmount,
    InvalidArguments,
    InvalidConfiguration,
    LoginRequired,
    UnbalancedPayouts,
    UnknownAction,
)
from paidflow.flow.members import members_of
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock, SeededIds
from tests.flow.support import again, expired, history, pay, snapshot, work
from tests.wall import SECRET, Note, open_wall

TABLES = (
    "create table posts (id text primary key, text text not null)",
    "create table uploads (id text primary key, post_id text not null references posts (id),"
    " name text not null check (name <> ''))",
    "create table ran (place integer primary key, id text not null, hook text not null,"
    " cost_msats bigint)",
)
TOLD: list[AfterPaid] = []


def note(ctx: Context, hook: str) -> None:
    """Write down that a hook has run, and in which order."""
    assert ctx.cost is not None
    ctx.tx.execute(
        "insert into ran (place, id, hook, cost_msats)"
        " values ((select count(*) from ran), :id, :hook, :cost)",
        id=ctx.action_id,
        hook=hook,
        cost=ctx.cost.amount,
    )


class Hooked(PaidAction):
    """Every hook leaves a trace."""

    def validate_request(self, ctx: Context) -> None:
        assert ctx.cost is not None

    def on_paid(self, ctx: Context) -> None:
        note(ctx, "on_paid")

    def on_failed(self, ctx: Context) -> None:
        note(ctx, "on_failed")

    def on_retry(self, ctx: Context) -> None:
        note(ctx, "on_retry")


class Upload(Hooked):
    """A file inside a post; one that is to fail says where in its name."""

    kind = "upload"
    optimistic = True
    anonymous = True
    funding: ClassVar[tuple[str, ...]] = (INVOICE,)
    name: str
    price_sats: int = 5

    def cost(self, ctx: Context) -> Money:
        return sats(self.price_sats)

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        assert ctx.cost is not None
        host = Posting(purse("host"), ctx.cost)
        return () if self.name == "gives too little" else (host,)

    def validate_request(self, ctx: Context) -> None:
        super().validate_request(ctx)
        if self.name == "refused":
            raise Refused("no such files")

    def claims(self, ctx: Context) -> Sequence[str]:
        return [self.name]

    def perform(self, ctx: Context) -> Any:
        ctx.tx.execute(
            "insert into uploads (id, post_id, name) values (:id, :post, :name)",
            id=ctx.action_id,
            post=ctx.carried_by,
            name=self.name,
        )
        note(ctx, "perform")
        if self.name == "broken":
            raise Refused("the file is broken")
        return {"upload": ctx.action_id}

    def on_paid(self, ctx: Context) -> None:
        super().on_paid(ctx)
        if self.name == "not welcome":
            raise Refused("not welcome")

    def still_valid(self, ctx: Context) -> bool:
        return self.name != "short-lived"

    def after_paid(self, paid: AfterPaid) -> None:
        TOLD.append(paid)


class Thumbnail(PaidAction):
    """A small picture; its work is one row."""

    kind = "thumbnail"
    anonymous = True
    name: str

    def cost(self, ctx: Context) -> Money:
        return sats(1)

    def row(self, ctx: Context) -> Row:
        values = {"id": ctx.action_id, "post_id": ctx.carried_by, "name": self.name}
        return Row("uploads", values)


class Post(Hooked):
    """A post with what it carries."""

    kind = "post"
    optimistic = True
    anonymous = True
    funding = (CREDITS, INVOICE)
    text: str = "gm"
    uploads: tuple[str, ...] = ()
    thumbnails: tuple[str, ...] = ()

    def cost(self, ctx: Context) -> Money:
        return sats(10)

    def parts(self) -> Sequence[PaidAction]:
        uploads = [Upload(name=name) for name in self.uploads]
        return [*uploads, *(Thumbnail(name=name) for name in self.thumbnails)]

    def perform(self, ctx: Context) -> Any:
        ctx.tx.execute("insert into posts values (:id, :text)", id=ctx.action_id, text=self.text)
        note(ctx, "perform")
        return {"post": ctx.action_id}


class HeldPost(Post):
    kind = "held-post"
    optimistic = False


class RowPost(Post):
    """A post whose own work is a row."""

    kind = "row-post"
    perform = PaidAction.perform

    def row(self, ctx: Context) -> Row:
        return Row("posts", {"id": ctx.action_id, "text": self.text})


class SharedPost(Post):
    """A post of which a territory gets a part."""

    kind = "shared-post"

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return Posting(territory("art"), sats(3)), Posting(purse("writer"), sats(7))


class ManyPost(Post):
    """A post that does a backlog at once."""

    kind = "many-post"

    @classmethod
    def on_paid_many(cls, paid: Sequence[tuple[Self, Context]]) -> None:
        for post, ctx in paid:
            post.on_paid(ctx)


KINDS = (Post, HeldPost, RowPost, SharedPost, ManyPost, Upload, Thumbnail)


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    with open_posts(store_url, sandbox, clock) as opened:
        with opened.transaction() as tx:
            for table in TABLES:
                tx.execute(table)
        TOLD.clear()
        yield opened


def open_posts(url: str, sandbox: SandboxGateway, clock: ManualClock, **settings: Any) -> PaidFlow:
    settings = {"actions": KINDS, "gateways": {"sandbox": sandbox}, **settings}
    return PaidFlow.open(url, secret=SECRET, create=True, clock=clock, **settings)


def ran(flow: PaidFlow, receipt: Receipt) -> list[tuple[str, str]]:
    """Which hooks have run: what follows the id of the post, and the hook."""
    with flow.store.reading() as tx:
        rows = tx.execute("select id, hook from ran order by place").fetchall()
    return [(row["id"].removeprefix(receipt.action_id), row["hook"]) for row in rows]


def seen(flow: PaidFlow, viewer: str | None, rule: str = "visible_part") -> list[str]:
    sql = f"select name from uploads where {rule}(uploads.id) order by name"
    return [row["name"] for row in Reader(flow).select(sql, viewer=viewer)]


def balances(flow: PaidFlow) -> dict[str, Money]:
    return {line.account: line.amount for line in Reader(flow).accounts() if line.amount.amount}


def test_one_payment_for_all_of_it(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Post(uploads=("a.png", "b.png")), actor="ann")
    assert (receipt.state, receipt.cost, receipt.amount_due) == (State.PENDING, sats(20), sats(20))
    assert receipt.result == {"post": receipt.action_id}
    assert ran(flow, receipt) == [("", "perform"), (".1", "perform"), (".2", "perform")]
    assert (seen(flow, "ann"), seen(flow, "bob"), seen(flow, None)) == (["a.png", "b.png"], [], [])
    assert pay(flow, sandbox, receipt).state is State.PAID
    assert ran(flow, receipt)[3:] == [("", "on_paid"), (".1", "on_paid"), (".2", "on_paid")]
    assert seen(flow, "bob") == seen(flow, None) == ["a.png", "b.png"]
    assert balances(flow) == {
        "clearing:sandbox": sats(-20),
        "purse:host": sats(10),
        "revenue:post": sats(10),
    }
    assert again(flow, receipt).result == {"post": receipt.action_id}
    with flow.store.reading() as tx:
        rows = tx.execute("select id, post_id from uploads order by id").fetchall()
    assert [(row["id"], row["post_id"]) for row in rows] == [
        (f"{receipt.action_id}.{number}", receipt.action_id) for number in (1, 2)
    ]


def test_each_is_told_what_it_costs_itself(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Post(uploads=("a.png",), thumbnails=("a",)), actor="ann")
    pay(flow, sandbox, receipt)
    with flow.store.reading() as tx:
        rows = tx.execute("select cost_msats from ran order by place").fetchall()
    assert [row["cost_msats"] for row in rows] == [10_000, 5_000, 10_000, 5_000]


def test_payouts_of_each(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(SharedPost(uploads=("a.png",), thumbnails=("a",)), actor="ann")
    assert pay(flow, sandbox, receipt).state is State.PAID
    assert balances(flow) == {
        "clearing:sandbox": sats(-16),
        "purse:host": sats(5),
        "purse:writer": sats(7),
        "revenue:thumbnail": sats(1),
        "territory:art": sats(3),
    }


def test_from_purses(flow: PaidFlow) -> None:
    flow.grant("ann", sats(15), key="g")
    receipt = flow.perform(Post(uploads=("a.png",)), actor="ann")
    assert (receipt.state, flow.balance("ann")) == (State.PAID, sats(0))
    assert flow.balance("host") == sats(5)
    assert ran(flow, receipt)[2:] == [("", "on_paid"), (".1", "on_paid")]


def test_purses_and_an_invoice(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    flow.grant("ann", msats(8_500), key="g")
    receipt = flow.perform(Post(uploads=("a.png",)), actor="ann")
    assert (receipt.cost, receipt.amount_due) == (sats(15), sats(7))
    assert pay(flow, sandbox, receipt).state is State.PAID
    assert balances(flow) == {
        "issued": msats(-8_500),
        "clearing:sandbox": sats(-7),
        "purse:ann": msats(500),
        "purse:host": sats(5),
        "revenue:post": sats(10),
    }


def test_they_fail_and_come_back_together(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Post(uploads=("a.png",)))
    assert ran(flow, receipt)[2:] == [("", "on_failed"), (".1", "on_failed")]
    # The claim is free again.
    other = flow.perform(Post(uploads=("a.png",)), actor="bob")
    with pytest.raises(ClaimTaken):
        flow.retry(receipt.action_id, actor="ann")
    assert sandbox.expire(other.invoice_id or "")
    flow.sync("sandbox", other.invoice_id or "")
    retried = flow.retry(receipt.action_id, actor="ann")
    assert pay(flow, sandbox, retried).state is State.PAID
    came_back = [line for line in ran(flow, receipt) if line[0] in ("", ".1")]
    assert came_back[4:] == [
        ("", "on_retry"),
        (".1", "on_retry"),
        ("", "on_paid"),
        (".1", "on_paid"),
    ]


def test_a_claim_of_a_part(flow: PaidFlow) -> None:
    flow.perform(Post(uploads=("a.png",)), actor="ann")
    before = snapshot(flow)
    with pytest.raises(ClaimTaken):
        flow.perform(Post(uploads=("b.png", "a.png")), actor="bob")
    assert snapshot(flow) == before


def test_a_part_that_is_refused(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    before = snapshot(flow)
    for name, error in (("refused", Refused), ("gives too little", UnbalancedPayouts)):
        with pytest.raises(error):
            flow.perform(Post(uploads=("a.png", name)), actor="ann")
    assert (snapshot(flow), sandbox.books()) == (before, [])


def test_a_part_that_cannot_be_done(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    before = snapshot(flow)
    with pytest.raises(Refused, match="broken"):
        flow.perform(Post(uploads=("broken",)), actor="ann")
    assert snapshot(flow) == before
    receipt = flow.perform(HeldPost(uploads=("broken",)), actor="ann")
    failed = pay(flow, sandbox, receipt)
    assert (failed.state, failed.failure_reason) == (State.FAILED, FailureReason.EXECUTION_FAILED)
    assert failed.error is not None
    assert "broken" in failed.error
    assert sandbox.total_received() == sats(0)
    with flow.store.reading() as tx:
        assert tx.execute("select id from posts").fetchall() == []


def test_a_part_that_raises_when_it_is_paid(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    """The money is a fact; the hooks of all run again, and a person is asked at last."""
    receipt = flow.perform(Post(uploads=("not welcome",)), actor="ann")
    paid = pay(flow, sandbox, receipt)
    assert (paid.state, paid.completing, paid.unclaimed) == (State.PENDING, True, sats(15))
    work(flow, clock, times=30, seconds=3600)
    assert [waiting.reason for waiting in Reader(flow).attention()] == ["hook_fails"]
    assert ("", "on_paid") not in ran(flow, receipt)


def test_held_first(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(HeldPost(uploads=("a.png",), thumbnails=("a",)), actor=None)
    assert ran(flow, receipt) == []
    assert pay(flow, sandbox, receipt).state is State.PAID
    assert ran(flow, receipt) == [
        ("", "perform"),
        (".1", "perform"),
        ("", "on_paid"),
        (".1", "on_paid"),
    ]
    assert seen(flow, None) == ["a", "a.png"]


@pytest.mark.parametrize("kind", [Post, RowPost])
def test_rows_come_in_their_order(
    flow: PaidFlow, sandbox: SandboxGateway, kind: type[Post]
) -> None:
    """An upload refers to its post, so a row must not come before the work that it builds on."""
    for number, uploads in enumerate([(), ("a.png",), ("b.png", "c.png")]):
        post = kind(uploads=uploads, thumbnails=(f"x{number}", f"y{number}"))
        assert pay(flow, sandbox, flow.perform(post, actor="ann")).state is State.PAID
    assert seen(flow, "bob") == ["a.png", "b.png", "c.png", "x0", "x1", "x2", "y0", "y1", "y2"]


@pytest.mark.parametrize("kind", [Post, RowPost])
def test_a_row_of_a_part_that_is_refused(flow: PaidFlow, kind: type[Post]) -> None:
    before = snapshot(flow)
    with pytest.raises(Exception, match=r"(?i)check"):
        flow.perform(kind(thumbnails=("a", "")), actor="ann")
    assert (snapshot(flow), seen(flow, "ann")) == (before, [])


def test_late_money_needs_all_of_them_to_be_valid(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    gone = expired(flow, sandbox, Post(uploads=("short-lived",)))
    assert pay(flow, sandbox, gone, late=True).state is State.FAILED
    assert flow.balance("ann") == sats(15)
    still = expired(flow, sandbox, Post(uploads=("a.png",)), "bob")
    assert pay(flow, sandbox, still, late=True).state is State.PAID


def test_after_paid_of_each_with_its_own_key(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Post(uploads=("a.png", "b.png")), actor="ann")
    pay(flow, sandbox, receipt)
    assert TOLD == []
    Worker(flow).run_until_idle()
    first, second = (f"{receipt.action_id}.{number}" for number in (1, 2))
    assert [
        AfterPaid(first, "ann", f"{first}:after_paid", None, receipt.action_id),
        AfterPaid(second, "ann", f"{second}:after_paid", None, receipt.action_id),
    ] == TOLD
    Worker(flow).run_until_idle()
    assert len(TOLD) == 2
    assert history(flow, receipt)[-1] == "hook-done"


def test_in_a_transaction_of_the_application(
    flow: PaidFlow, sandbox: SandboxGateway, store_url: str
) -> None:
    post = Post(uploads=("a.png",), thumbnails=("a",))
    prepared, refused = (
        flow.prepare(each, actor="ann") for each in (post, Post(thumbnails=("b", "")))
    )
    if store_url.startswith("sqlite"):
        tx: Any = sqlite3.connect(store_url.removeprefix("sqlite:///"))
    else:
        tx = psycopg.connect(store_url)
    with closing(tx):
        receipt = flow.perform(prepared, tx=tx)
        with pytest.raises(Exception, match=r"(?i)check"):
            flow.perform(refused, tx=tx)
        tx.commit()
    flow.discard(refused)
    assert seen(flow, "ann") == ["a", "a.png"]
    assert pay(flow, sandbox, receipt).state is State.PAID


def test_a_backlog(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    posts = [ManyPost(uploads=(f"{n}.png",) if n % 2 else ()) for n in range(6)]
    receipts = [flow.perform(post, actor="ann") for post in posts]
    for receipt in receipts:
        assert sandbox.pay(receipt.invoice_id or "")
    assert flow.sync_many("sandbox", [receipt.invoice_id or "" for receipt in receipts]) == []
    assert {again(flow, receipt).state for receipt in receipts} == {State.PAID}
    for number, receipt in enumerate(receipts):
        mine = [line for line in ran(flow, receipt) if line[0] in ("", ".1")]
        paid = [("", "on_paid"), (".1", "on_paid")]
        assert [line for line in mine if line[1] == "on_paid"] == paid[: 1 + number % 2]


def test_the_same_key_gives_the_same_post(flow: PaidFlow) -> None:
    post = Post(uploads=("a.png",))
    first = flow.perform(post, actor="ann", idempotency_key="k")
    assert flow.perform(post, actor="ann", idempotency_key="k").action_id == first.action_id
    assert seen(flow, "ann") == ["a.png"]


# What cannot be carried.


class Album(PaidAction):
    """Carries whatever a test puts into it."""

    kind = "album"
    optimistic = True
    anonymous = True
    CARRIED: ClassVar[list[PaidAction]] = []

    def cost(self, ctx: Context) -> Money:
        return sats(1)

    def parts(self) -> Sequence[PaidAction]:
        return self.CARRIED


class Dollars(Upload):
    kind = "dollars"

    def cost(self, ctx: Context) -> Money:
        return Money(5, "USD")


class Costly(Upload):
    kind = "costly"

    def cost(self, ctx: Context) -> Money:
        return "5 sats"  # pyright: ignore


class Members(Upload):
    kind = "members"
    anonymous = False


class Unregistered(Upload):
    kind = "unregistered"


@pytest.mark.parametrize(
    ("part", "error"),
    [
        (Post(uploads=("a",)), InvalidConfiguration),
        (Unregistered(name="a"), UnknownAction),
        (Dollars(name="a"), CurrencyMismatch),
        (Costly(name="a"), InvalidAmount),
        (Members(name="a"), LoginRequired),
    ],
    ids=["parts of parts", "not registered", "other currency", "no money", "logged out"],
)
def test_what_cannot_be_carried(
    store_url: str,
    sandbox: SandboxGateway,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    part: PaidAction,
    error: type[Exception],
) -> None:
    monkeypatch.setattr(Album, "CARRIED", [part])
    kinds = (*KINDS, Album, Dollars, Costly, Members)
    with open_posts(store_url, sandbox, clock, actions=kinds) as flow:
        with pytest.raises(error):
            flow.perform(Album(), actor=None)
        assert sandbox.books() == []


def test_an_id_that_is_too_short(store_url: str, sandbox: SandboxGateway) -> None:
    class Short:
        def new_id(self) -> str:
            return "short"

        def new_nonce(self) -> str:
            return "0" * 32

    clock = ManualClock()
    opened = open_posts(store_url, sandbox, clock, ids=Short())
    with opened as flow, pytest.raises(InvalidConfiguration, match="36"):
        flow.perform(Post(uploads=("a",)), actor="ann")


def test_what_it_carries_must_not_change(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that would do something else than was paid for does nothing, and says so."""
    monkeypatch.setattr(Album, "CARRIED", [Thumbnail(name="a")])
    with open_posts(store_url, sandbox, clock, actions=(*KINDS, Album)) as flow:
        with flow.transaction() as tx:
            for table in TABLES:
                tx.execute(table.replace(" not null references posts (id)", ""))
        receipt = flow.perform(Album(), actor=None)
        for carried in ([], [Post()], [Thumbnail(name="a"), Thumbnail(name="b")]):
            monkeypatch.setattr(Album, "CARRIED", carried)
            loaded = flow.steps.load(receipt.action_id)
            assert loaded is not None
            with pytest.raises(InvalidArguments, match="something else"):
                members_of(Album(), receipt.action_id, loaded.aggregate.parts)
        failed = pay(flow, sandbox, receipt)
        assert (failed.state, sandbox.total_received()) == (State.FAILED, sats(0))


class NamedIds(SeededIds):
    """Ids as an application may have them; longer and shorter than usual."""

    def __init__(self, characters: int) -> None:
        super().__init__(7)
        self._characters = characters

    def new_id(self) -> str:
        return f"{super().new_id()}-of-a-shop-with-a-name"[-self._characters :]


def test_whoever_forgets_the_parts_shows_none(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Post(uploads=("a.png",)), actor="ann")
    assert (seen(flow, "ann"), seen(flow, "ann", "visible")) == (["a.png"], [])
    pay(flow, sandbox, receipt)
    assert (seen(flow, "bob"), seen(flow, "bob", "visible")) == (["a.png"], [])


@pytest.mark.parametrize("rule", ["visible", "visible_part"])
@pytest.mark.parametrize("characters", [30, 36, 45])
def test_ids_of_any_length_are_seen(
    store_url: str, sandbox: SandboxGateway, characters: int, rule: str
) -> None:
    with open_wall(store_url, {"sandbox": sandbox}, ids=NamedIds(characters)) as flow:
        receipt = flow.perform(Note(text="gm"), actor="ann")
        assert len(receipt.action_id) == characters
        pay(flow, sandbox, receipt)
        rows = Reader(flow).select(f"select id from wall where {rule}(wall.id)", viewer=None)
        assert [row["id"] for row in rows] == [receipt.action_id]
