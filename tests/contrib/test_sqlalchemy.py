"""paidflow in an application on SQLAlchemy: sessions, connections, models, both stores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, delete, func, literal, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    mapped_column,
    scoped_session,
    sessionmaker,
)

from paidflow import Context, Money, PaidAction, PaidFlow, Reader, Receipt, State, Worker, sats
from paidflow.contrib.sqlalchemy import (
    SqlAlchemy,
    Visible,
    VisiblePart,
    session_of,
    visible,
    visible_part,
)
from paidflow.errors import (
    ApplicationRowsRefused,
    CommitUnknown,
    Conflict,
    InvalidConfiguration,
    TransactionMissing,
    TransactionOpen,
    UnsupportedIsolation,
)
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.names import Names
from paidflow.testing import ManualClock
from tests.examples.cases import as_url
from tests.flow.support import again, invoice_of, work

TRIES = 500
SECRET = "a secret only for tests"
TOLD: list[str] = []
"""What hooks were given as ``ctx.tx``."""


class Base(DeclarativeBase): ...


class Post(Visible, Base):
    __tablename__ = "posts"
    id: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(unique=True)


class Comment(Base):
    __tablename__ = "comments"
    number: Mapped[int] = mapped_column(primary_key=True)
    made_by: Mapped[str]


class Write(PaidAction):
    """A post; a text "bad ..." breaks a rule of the table in that hook."""

    kind = "write"
    optimistic = True

    text: str

    def cost(self, ctx: Context) -> Money:
        session_of(ctx).scalar(select(func.count()).select_from(Post))
        return sats(10)

    def validate_request(self, ctx: Context) -> None:
        TOLD.append(type(ctx.tx).__mro__[1].__name__)

    def describe(self, ctx: Context) -> str:
        session_of(ctx).execute(select(1))
        return self.text

    def perform(self, ctx: Context) -> None:
        TOLD.append(type(ctx.tx).__mro__[1].__name__)
        session_of(ctx).add(Post(id=ctx.action_id, text=self.text))
        self._spoil(ctx, "perform")

    def on_paid(self, ctx: Context) -> None:
        post = session_of(ctx).get_one(Post, ctx.action_id)
        post.text += ", paid"
        self._spoil(ctx, "on_paid")

    def on_failed(self, ctx: Context) -> None:
        session_of(ctx).get_one(Post, ctx.action_id).text += ", failed"

    def on_retry(self, ctx: Context) -> None:
        session_of(ctx).get_one(Post, ctx.action_id).text += ", again"

    def _spoil(self, ctx: Context, hook: str) -> None:
        if self.text == f"bad {hook}":
            session_of(ctx).add(Post(id=f"{ctx.action_id}-2", text="taken"))


class HeldWrite(Write):
    kind = "held-write"
    optimistic = False


@dataclass
class App:
    """An application on SQLAlchemy."""

    flow: PaidFlow
    engine: Engine
    sessions: sessionmaker[Session]
    url: str

    def texts(self) -> list[str]:
        with self.sessions() as session:
            return list(session.scalars(select(Post.text).order_by(Post.text)))

    def prepare(self, text: str = "gm", actor: str = "ann") -> Any:
        return self.flow.prepare(Write(text=text), actor=actor)


@pytest.fixture
def app(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[App]:
    TOLD.clear()
    url = as_url(store_url)
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    sessions = sessionmaker(engine)
    flow = PaidFlow.open(
        url,
        actions=[Write, HeldWrite],
        gateways={"sandbox": sandbox},
        secret=SECRET,
        create=True,
        clock=clock,
        embedder=SqlAlchemy(sessions),
    )
    Base.metadata.create_all(engine)
    yield App(flow, engine, sessions, url)
    flow.close()
    engine.dispose()


def test_a_session(app: App, sandbox: SandboxGateway) -> None:
    prepared = app.prepare()
    with app.sessions.begin() as session:
        session.add(Comment(made_by="ann"))
        receipt = app.flow.perform(prepared, tx=session)
        assert session.get_one(Post, receipt.action_id).text == "gm"
    sandbox.pay(invoice_of(receipt))
    Worker(app.flow).run_until_idle()
    assert again(app.flow, receipt).state is State.PAID
    assert app.texts() == ["gm, paid"]
    assert TOLD == ["Session"] * 2


def test_a_connection(app: App, sandbox: SandboxGateway) -> None:
    """Hooks get a session on it, which writes in the same transaction."""
    prepared = app.prepare()
    with app.engine.begin() as connection:
        connection.execute(text("insert into comments (number, made_by) values (1, 'ann')"))
        receipt = app.flow.perform(prepared, tx=connection)
        found = connection.scalar(text("select text from posts"))
        assert found == "gm"
        assert app.texts() == []
    assert app.texts() == ["gm"]
    assert again(app.flow, receipt).state is State.PENDING
    with app.engine.connect() as connection:
        app.flow.cancel(receipt.action_id, actor="ann", tx=connection)
        connection.rollback()
    assert again(app.flow, receipt).state is State.PENDING


def test_without_tx_the_flow_opens_a_session(app: App) -> None:
    receipt = app.flow.perform(Write(text="gm"), actor="ann")
    assert app.texts() == ["gm"]
    assert app.flow.cancel(receipt.action_id, actor="ann").state is State.FAILED
    assert app.texts() == ["gm, failed"]
    assert app.flow.retry(receipt.action_id, actor="ann").state is State.PENDING
    assert app.texts() == ["gm, failed, again"]
    app.flow.cancel(receipt.action_id, actor="ann")
    app.flow.erase(receipt.action_id)
    assert app.flow.get(receipt.action_id, actor="ann").arguments is None


def test_performed_by_the_worker(app: App, sandbox: SandboxGateway) -> None:
    receipt = app.flow.perform(HeldWrite(text="gm"), actor="ann")
    assert app.texts() == []
    sandbox.pay(invoice_of(receipt))
    Worker(app.flow).run_until_idle()
    assert again(app.flow, receipt).state is State.PAID
    assert app.texts() == ["gm, paid"]


def test_a_backlog_in_the_worker(app: App, sandbox: SandboxGateway) -> None:
    """Many payers in one transaction of the worker are no second payers."""
    receipts = [app.flow.perform(Write(text=name), actor=name) for name in ("ann", "bob", "cid")]
    for receipt in receipts:
        sandbox.pay(invoice_of(receipt))
    Worker(app.flow).run_until_idle()
    assert app.texts() == ["ann, paid", "bob, paid", "cid, paid"]


# Errors of the application stay its own.


def take(app: App) -> None:
    with app.sessions.begin() as session:
        session.add(Post(id="0", text="taken"))


def test_rows_that_wait_in_the_session(app: App) -> None:
    take(app)
    prepared = app.prepare()
    with app.sessions() as session:
        session.add(Post(id="1", text="taken"))
        with pytest.raises(ApplicationRowsRefused, match="IntegrityError") as raised:
            app.flow.perform(prepared, tx=session)
        session.rollback()
        assert not isinstance(raised.value, Conflict)
        assert isinstance(raised.value.__cause__, IntegrityError)
        app.flow.perform(prepared, tx=session)
        session.commit()
    assert app.texts() == ["gm", "taken"]


@pytest.mark.parametrize("by", ["session", "connection"])
def test_rows_that_a_hook_has_added(app: App, by: str) -> None:
    """They are sent before the hook is over, so it is the hook that raises."""
    take(app)
    prepared = app.prepare("bad perform")
    opened: Any = app.sessions() if by == "session" else app.engine.connect()
    with opened as tx:
        tx.execute(text("insert into comments (number, made_by) values (1, 'ann')"))
        with pytest.raises(IntegrityError):
            app.flow.perform(prepared, tx=tx)
        tx.commit()
    assert app.texts() == ["taken"]
    with app.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Comment)) == 1


def test_money_is_recorded_when_rows_of_a_hook_are_refused(
    app: App, sandbox: SandboxGateway
) -> None:
    take(app)
    receipt = app.flow.perform(Write(text="bad on_paid"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    Worker(app.flow).run_until_idle()
    found = again(app.flow, receipt)
    assert (found.state, found.completing) == (State.PENDING, True)
    assert app.texts() == ["bad on_paid", "taken"]


def test_held_money_goes_back_when_rows_of_a_hook_are_refused(
    app: App, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    take(app)
    receipt = app.flow.perform(HeldWrite(text="bad perform"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    Worker(app.flow).run_until_idle()
    work(app.flow, clock)
    assert again(app.flow, receipt).state is State.FAILED
    assert app.texts() == ["taken"]


def test_the_session_forgets_what_was_rolled_back(app: App) -> None:
    take(app)
    prepared = app.prepare("bad perform")
    with app.sessions() as session:
        with pytest.raises(IntegrityError):
            app.flow.perform(prepared, tx=session)
        assert list(session.new) == []
        assert session.get(Post, prepared.action_id) is None
        session.rollback()


# Open transactions.


CALLS: dict[str, Callable[[PaidFlow], Any]] = {
    "prepare": lambda flow: flow.prepare(Write(text="gm"), actor="ann"),
    "perform": lambda flow: flow.perform(Write(text="gm"), actor="ann"),
    "cancel": lambda flow: flow.cancel("any", actor="ann"),
    "retry": lambda flow: flow.retry("any", actor="ann"),
    "sync": lambda flow: flow.sync("sandbox", "any"),
    "ask": lambda flow: flow.ask("sandbox", "any"),
    "grant": lambda flow: flow.grant("ann", sats(1), key="k"),
}


@pytest.mark.parametrize("call", CALLS)
def test_an_open_session_must_be_passed(app: App, call: str, sandbox: SandboxGateway) -> None:
    before = sandbox.calls()
    with app.sessions() as session:
        session.scalar(select(func.count()).select_from(Post))
        with pytest.raises(TransactionOpen):
            CALLS[call](app.flow)
        assert app.flow.balance("ann") == sats(0)  # reading is no harm
        session.commit()
        assert sandbox.calls() == before
        if call in ("prepare", "perform", "grant"):
            CALLS[call](app.flow)


def test_other_sessions_are_none_of_our_business(app: App) -> None:
    other = sessionmaker(create_engine("sqlite://"))
    with other() as session:
        session.execute(select(1))
        app.prepare()


def test_a_session_of_another_thread_or_task(app: App) -> None:
    async def open_and_wait(opened: asyncio.Event, done: asyncio.Event) -> None:
        with app.sessions() as session:
            session.scalar(select(func.count()).select_from(Post))
            opened.set()
            await done.wait()

    async def both() -> None:
        opened, done = asyncio.Event(), asyncio.Event()
        other = asyncio.ensure_future(open_and_wait(opened, done))
        await opened.wait()
        await app.flow.aio.prepare(Write(text="gm"), actor="ann")
        done.set()
        await other

    asyncio.run(both())


def test_a_scoped_session(app: App) -> None:
    prepared = app.prepare()
    scoped = scoped_session(app.sessions)
    app.flow.perform(prepared, tx=scoped())
    scoped.commit()
    scoped.remove()
    assert app.texts() == ["gm"]


def test_what_cannot_be_joined(app: App, store_url: str) -> None:
    prepared = app.prepare()
    with pytest.raises(InvalidConfiguration, match="a Session or a Connection"):
        app.flow.perform(prepared, tx="a text")
    asynchronous = AsyncSession()
    with pytest.raises(InvalidConfiguration, match=r"flow\.aio"):
        app.flow.perform(prepared, tx=asynchronous)
    alone = app.engine.execution_options(isolation_level="AUTOCOMMIT")
    with Session(alone) as session, pytest.raises(TransactionMissing):
        app.flow.perform(prepared, tx=session)
    if not store_url.startswith("sqlite"):
        strict = app.engine.execution_options(isolation_level="SERIALIZABLE")
        with Session(strict) as session, pytest.raises(UnsupportedIsolation):
            app.flow.perform(prepared, tx=session)
    assert app.texts() == []


def test_a_hook_without_a_session() -> None:
    ctx: Any = type("Ctx", (), {"tx": object()})
    with pytest.raises(InvalidConfiguration, match="embedder"):
        session_of(ctx)


# A commit that raises.


def test_a_commit_whose_acknowledgement_is_lost(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked for, and found."""
    commit = Connection._commit_impl

    def lose(self: Connection) -> None:
        commit(self)
        raise _lost(app)

    monkeypatch.setattr(Connection, "_commit_impl", lose)
    receipt = app.flow.perform(Write(text="gm"), actor="ann")
    monkeypatch.undo()
    assert app.texts() == ["gm"]
    assert again(app.flow, receipt).state is State.PENDING


def test_a_commit_that_does_not_arrive(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(self: Connection) -> None:
        raise _lost(app)

    monkeypatch.setattr(Connection, "_commit_impl", lose)
    wanted = CommitUnknown if app.engine.name == "postgresql" else ConnectionError
    with pytest.raises(wanted):
        app.flow.perform(Write(text="gm"), actor="ann")
    monkeypatch.undo()
    assert app.texts() == []


def _lost(app: App) -> Exception:
    if app.engine.name == "postgresql":
        import psycopg

        return psycopg.OperationalError("the server closed the connection")
    return ConnectionError("no more")


# Who sees what.


def test_a_model_knows_who_sees_it(app: App, sandbox: SandboxGateway) -> None:
    paid = app.flow.perform(Write(text="paid one"), actor="ann")
    sandbox.pay(invoice_of(paid))
    Worker(app.flow).run_until_idle()
    app.flow.perform(Write(text="open one"), actor="ann")
    app.flow.perform(Write(text="of bob"), actor="bob")
    with app.sessions.begin() as session:
        session.add(Post(id="of nobody", text="no action"))
    for viewer in ("ann", "bob", "o'hara %s :x", None):
        rows = Reader(app.flow).select(
            "select text from posts where visible(posts.id) order by text", viewer=viewer
        )
        with app.sessions() as session:
            mine = select(Post.text).where(Post.visible_to(viewer)).order_by(Post.text)
            assert list(session.scalars(mine)) == [row["text"] for row in rows]
            other = aliased(Post, name="other")
            hidden = select(other.text).where(~visible(other.id, viewer))
            everything = {*session.scalars(mine), *session.scalars(hidden)}
            assert everything == {"paid one, paid", "open one", "of bob", "no action"}
            counted = select(func.count()).where(visible(literal("of nobody"), viewer))
            assert session.scalar(counted) == 0


def test_the_rule_is_cached_with_its_viewer(app: App) -> None:
    app.flow.perform(Write(text="of ann"), actor="ann")
    with app.sessions() as session:
        found = [
            session.scalar(select(func.count()).select_from(Post).where(Post.visible_to(viewer)))
            for viewer in ("ann", "bob", "ann", None)
        ]
    assert found == [1, 0, 1, 0]


def test_a_part_is_seen_by_whoever_sees_its_action(app: App, sandbox: SandboxGateway) -> None:
    paid = app.flow.perform(Write(text="paid one"), actor="ann")
    sandbox.pay(invoice_of(paid))
    Worker(app.flow).run_until_idle()
    open_one = app.flow.perform(Write(text="open one"), actor="ann")
    with app.sessions.begin() as session:
        session.execute(delete(Post))
        session.add(Post(id=f"{paid.action_id}.1", text="of the paid one"))
        session.add(Post(id=f"{open_one.action_id}.1", text="of the open one"))
    with app.sessions() as session:
        texts = select(Post.text).order_by(Post.text)
        for viewer, wanted in (("ann", ["open", "paid"]), ("bob", ["paid"]), (None, ["paid"])):
            for column in (Post.id, Post.id + literal("")):
                shown = session.scalars(texts.where(visible_part(column, viewer)))
                assert list(shown) == [f"of the {state} one" for state in wanted]
                assert list(session.scalars(texts.where(visible(column, viewer)))) == []


def test_a_model_of_parts_knows_it() -> None:
    class Base(DeclarativeBase):
        pass

    class Upload(VisiblePart, Base):
        __tablename__ = "uploads"
        id: Mapped[str] = mapped_column(primary_key=True)

    assert str(Upload.visible_to("ann")) == str(visible_part(Upload.id, "ann"))
    assert str(Upload.visible_to("ann")) != str(visible(Upload.id, "ann"))


def test_the_rule_asks_the_tables_of_its_flow(app: App) -> None:
    class Named(Visible, DeclarativeBase):
        __abstract__ = True
        paidflow_names = Names("shop_", "till")

    class Line(Named):
        __tablename__ = "lines"
        viewer: Mapped[str] = mapped_column(":viewer", primary_key=True)

    rule = str(select(Line).where(Line.visible_to("ann")))
    assert "from till.shop_actions paidflow_seen" in rule
    assert 'where paidflow_seen.action_id = lines.":viewer")' in rule
    assert "paidflow_actions" not in rule


# Asynchronous sessions.


@pytest.fixture
def async_sessions(app: App) -> Any:
    url = app.url.replace("sqlite:", "sqlite+aiosqlite:")
    engine = create_async_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    return async_sessionmaker(engine, sync_session_class=app.sessions)


def run(async_sessions: Any, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    async def whole() -> Any:
        try:
            return await work()
        finally:
            await async_sessions.kw["bind"].dispose()

    return asyncio.run(whole())


def test_an_asynchronous_life(app: App, async_sessions: Any, sandbox: SandboxGateway) -> None:
    aio = app.flow.aio

    async def live() -> str:
        prepared = await aio.prepare(Write(text="gm"), actor="ann")
        async with async_sessions.begin() as session:
            receipt = await aio.perform(prepared, tx=session)
        async with async_sessions.begin() as session:
            await aio.cancel(receipt.action_id, actor="ann", tx=session)
            await session.rollback()
        sandbox.pay(invoice_of(receipt))
        answer = await aio.ask("sandbox", invoice_of(receipt))
        async with async_sessions.begin() as session:
            applied = await aio.apply(answer, tx=session)
            assert applied.state is State.PAID
        return receipt.action_id

    action_id = run(async_sessions, live)
    assert app.flow.get(action_id, actor="ann").state is State.PAID
    assert app.texts() == ["gm, paid"]


def test_an_open_asynchronous_session_must_be_passed(app: App, async_sessions: Any) -> None:
    async def forget() -> None:
        async with async_sessions() as session:
            await session.scalar(select(func.count()).select_from(Post))
            with pytest.raises(TransactionOpen):
                await app.flow.aio.perform(Write(text="gm"), actor="ann")
            await session.rollback()
            await app.flow.aio.perform(Write(text="gm"), actor="ann")

    run(async_sessions, forget)


def test_a_cancelled_call_inside_ends_with_its_transaction(app: App, async_sessions: Any) -> None:
    """It is a statement of the caller's transaction, so nothing of it goes on alone."""

    async def cancel() -> None:
        prepared = await app.flow.aio.prepare(Write(text="gm"), actor="ann")
        async with async_sessions() as session:
            call = asyncio.ensure_future(app.flow.aio.perform(prepared, tx=session))
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await session.rollback()
        async with async_sessions.begin() as session:
            await app.flow.aio.perform(prepared, tx=session)

    run(async_sessions, cancel)
    assert app.texts() == ["gm"]


def test_many_tasks_with_one_purse(app: App, async_sessions: Any) -> None:
    """Each waits for the purse without keeping the loop from the others."""
    app.flow.grant("ann", sats(200), key="start")

    async def act(number: int) -> State:
        prepared = await app.flow.aio.prepare(Write(text=f"{number:02}"), actor="ann")
        for _ in range(TRIES):
            try:
                async with async_sessions.begin() as session:
                    return (await app.flow.aio.perform(prepared, tx=session)).state
            except Conflict:  # SQLite was busy
                await asyncio.sleep(0.01)
        raise AssertionError("never its turn")

    async def crowd() -> None:
        states = await asyncio.gather(*(act(number) for number in range(15)))
        assert states == [State.PAID] * 15

    run(async_sessions, crowd)
    assert app.flow.balance("ann") == sats(50)
    assert app.texts() == [f"{number:02}, paid" for number in range(15)]


def test_many_threads_and_a_worker(app: App, sandbox: SandboxGateway) -> None:
    """Some by a session of their own, some without, while a worker settles."""
    receipts: list[Receipt] = []

    def act(number: int) -> None:
        if number % 2:
            receipts.append(app.flow.perform(Write(text=f"{number:02}"), actor="ann"))
            return
        prepared = app.prepare(f"{number:02}", actor="bob")
        with app.sessions.begin() as session:
            receipt = app.flow.perform(prepared, tx=session)
        receipts.append(receipt)  # nobody pays before it is committed

    with ThreadPoolExecutor(4) as pool:
        acting = [pool.submit(act, number) for number in range(16)]
        while not all(one.done() for one in acting):
            for receipt in list(receipts):
                sandbox.pay(invoice_of(receipt))
            Worker(app.flow).run_once()
        for one in acting:
            one.result()
    for receipt in receipts:
        sandbox.pay(invoice_of(receipt))
    Worker(app.flow).run_until_idle()
    assert app.texts() == [f"{number:02}, paid" for number in range(16)]


def test_an_asynchronous_connection(app: App, async_sessions: Any) -> None:
    async def act() -> None:
        prepared = await app.flow.aio.prepare(Write(text="gm"), actor="ann")
        async with async_sessions.kw["bind"].begin() as connection:
            await connection.execute(text("insert into comments values (1, 'ann')"))
            receipt = await app.flow.aio.perform(prepared, tx=connection)
            with pytest.raises(Conflict):
                await app.flow.aio.perform(prepared, tx=connection)
            assert receipt.provisional

    run(async_sessions, act)
    assert app.texts() == ["gm"]
