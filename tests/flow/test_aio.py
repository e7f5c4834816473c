"""The same calls as coroutines."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import pytest

from paidflow import Context, PaidFlow, State, sats
from paidflow.errors import InvalidConfiguration, LoginRequired, TransactionOpen
from paidflow.flow.aio import AIO_THREADS_MAX, AsyncPaidFlow
from paidflow.payments.sandbox import SandboxGateway
from tests.flow.support import invoice_of
from tests.wall import Note, open_wall

PUBLIC = [name for name, _ in inspect.getmembers(PaidFlow, callable) if not name.startswith("_")]
NO_COROUTINE = {"open", "decode"}
"""A constructor, ``flow.aio`` is what it has opened; and what waits for nobody."""

LIMIT_S = 60
who: ContextVar[str] = ContextVar("who", default="nobody")


def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(asyncio.wait_for(work(), LIMIT_S))


class Gate:
    """A hook that waits until it is let through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.inside = threading.Event()
        self.opened = threading.Event()
        self.at_once = self.most = 0
        self._lock = threading.Lock()
        gate = self

        def perform(self: Note, ctx: Context) -> None:
            gate.wait()

        monkeypatch.setattr(Note, "perform", perform)

    def wait(self) -> None:
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.inside.set()
        assert self.opened.wait(LIMIT_S)
        with self._lock:
            self.at_once -= 1


@pytest.mark.parametrize("name", sorted(set(PUBLIC) - NO_COROUTINE))
def test_every_method_has_its_coroutine(name: str) -> None:
    method, coroutine = getattr(PaidFlow, name), getattr(AsyncPaidFlow, name)
    ours, theirs = inspect.signature(coroutine), inspect.signature(method)
    assert list(ours.parameters.values()) == list(theirs.parameters.values())
    if name == "transaction":  # a block; what it yields has coroutines, too
        assert not inspect.iscoroutinefunction(coroutine)
    else:
        assert inspect.iscoroutinefunction(coroutine)
        assert ours.return_annotation == theirs.return_annotation


def test_there_are_methods_to_compare() -> None:
    assert {"perform", "prepare", "ask", "apply", "retry", "cancel", "transaction"} <= set(PUBLIC)
    assert set(PUBLIC) >= NO_COROUTINE


def test_a_life(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """Each coroutine does what its method does, with the same arguments."""
    aio = flow.aio

    async def live() -> None:
        await aio.grant("bob", sats(7), key="k")
        assert await aio.balance("bob") == sats(7)
        prepared = await aio.prepare(Note(text="lost"), actor="ann")
        await aio.discard(prepared)
        assert sandbox.payable_invoices() == []
        receipt = await aio.perform(Note(text="gm"), actor="ann", idempotency_key="k")
        replayed = await aio.perform(Note(text="gm"), actor="ann", idempotency_key="k")
        assert replayed.action_id == receipt.action_id
        cancelled = await aio.cancel(receipt.action_id, proof=receipt.proof)
        assert cancelled.state is State.FAILED
        retried = await aio.retry(receipt.action_id, actor="ann")
        invoice_id = invoice_of(retried)
        assert await aio.apply(await aio.ask("sandbox", invoice_id)) is not None
        sandbox.pay(invoice_id)
        assert await aio.sync_many("sandbox", [invoice_id]) == []
        found = await aio.sync("sandbox", invoice_id)
        assert found is not None
        assert (await aio.get(receipt.action_id, actor="ann")).state is found.state is State.PAID
        assert await aio.history(receipt.action_id, actor="ann") == flow.history(
            receipt.action_id, actor="ann"
        )

    run(live)


def test_errors_are_raised(flow: PaidFlow) -> None:
    with pytest.raises(LoginRequired):
        run(lambda: flow.aio.perform(_Private(text="gm")))


class _Private(Note):
    kind = "note"
    anonymous = False


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: Any, request: Any) -> Any:
    actions = [_Private] if "errors" in request.node.name else [Note]
    opened = open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=actions)
    yield opened
    opened.close()


@pytest.mark.parametrize("after", [0, 1])
def test_cancelling_ends_the_waiting_and_not_the_work(
    flow: PaidFlow, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Also of work that has not begun, because all threads were busy."""
    gate = Gate(monkeypatch)
    flow.aio = AsyncPaidFlow(flow, 1)

    async def cancel() -> None:
        calls = [
            asyncio.ensure_future(flow.aio.perform(Note(text=str(number)), actor="ann"))
            for number in range(2)
        ]
        await asyncio.to_thread(gate.inside.wait, LIMIT_S)
        calls[after].cancel()
        with pytest.raises(asyncio.CancelledError):
            await calls[after]
        assert not gate.opened.is_set()
        gate.opened.set()
        await asyncio.gather(*calls, return_exceptions=True)
        await flow.aio.balance("ann")  # behind both of them in the only thread

    run(cancel)
    with flow.store.reading() as tx:
        rows = tx.execute("select state from paidflow_actions").fetchall()
    assert [row["state"] for row in rows] == [State.PENDING] * 2


def test_so_many_threads_and_no_more(flow: PaidFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    flow.aio = AsyncPaidFlow(flow, 3)
    monkeypatch.setattr(flow, "get", lambda *_, **__: gate.wait())

    async def crowd() -> None:
        calls = [asyncio.ensure_future(flow.aio.get("any")) for _ in range(12)]
        while gate.at_once < 3:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        gate.opened.set()
        await asyncio.gather(*calls)

    run(crowd)
    assert gate.most == 3


@pytest.mark.parametrize("threads", [0, -1, 101])
def test_a_silly_number_of_threads(store_url: str, sandbox: SandboxGateway, threads: int) -> None:
    with pytest.raises(InvalidConfiguration, match="aio_threads_max"):
        open_wall(store_url, {"sandbox": sandbox}, actions=[Note], aio_threads_max=threads)
    assert 1 <= AIO_THREADS_MAX <= 100


def test_context_variables_are_there(flow: PaidFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def perform(self: Note, ctx: Context) -> None:
        seen.append(who.get())

    monkeypatch.setattr(Note, "perform", perform)

    async def act(name: str) -> None:
        who.set(name)
        await flow.aio.perform(Note(text=name), actor=name)

    async def both() -> None:
        await asyncio.gather(act("ann"), act("bob"))

    run(both)
    assert sorted(seen) == ["ann", "bob"]
    assert who.get() == "nobody"


def test_a_transaction_for_own_tables(flow: PaidFlow) -> None:
    add = "insert into wall (id, text, undone) values (:id, :text, 0)"

    async def write() -> None:
        async with flow.aio.transaction() as tx:
            await tx.execute(add, id="1", text="kept")
            rows = await tx.execute("select text from wall")
            assert rows.fetchall() == [{"text": "kept"}]

    async def fail() -> None:
        async with flow.aio.transaction() as tx:
            await tx.execute(add, id="2", text="lost")
            raise ZeroDivisionError

    run(write)
    with pytest.raises(ZeroDivisionError):
        run(fail)
    with flow.store.reading() as tx:
        assert tx.execute("select text from wall").fetchall() == [{"text": "kept"}]


def test_a_cancelled_transaction_is_rolled_back(flow: PaidFlow) -> None:
    add = "insert into wall (id, text, undone) values (:id, :text, 0)"

    async def write(inside: asyncio.Event) -> None:
        async with flow.aio.transaction() as tx:
            await tx.execute(add, id="1", text="lost")
            inside.set()
            await asyncio.sleep(LIMIT_S)

    async def cancel() -> None:
        inside = asyncio.Event()
        writing = asyncio.ensure_future(write(inside))
        await inside.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        # Nobody holds a lock any more.
        async with flow.aio.transaction() as tx:
            await tx.execute(add, id="1", text="kept")

    run(cancel)
    with flow.store.reading() as tx:
        assert tx.execute("select text from wall").fetchall() == [{"text": "kept"}]


def test_a_hook_knows_that_a_transaction_is_open(
    flow: PaidFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def perform(self: Note, ctx: Context) -> None:
        flow.balance("ann")

    monkeypatch.setattr(Note, "perform", perform)
    with pytest.raises(TransactionOpen):
        run(lambda: flow.aio.perform(Note(text="gm"), actor="ann"))


def test_a_synchronous_transaction_belongs_to_its_thread(flow: PaidFlow) -> None:
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    with pytest.raises(InvalidConfiguration, match="not asynchronous"):
        run(lambda: flow.aio.perform(prepared, tx=object()))


def test_closing_waits_for_what_is_at_work(
    flow: PaidFlow, monkeypatch: pytest.MonkeyPatch, store_url: str, sandbox: SandboxGateway
) -> None:
    gate = Gate(monkeypatch)

    async def close() -> str:
        call = asyncio.ensure_future(flow.aio.perform(Note(text="gm"), actor="ann"))
        await asyncio.to_thread(gate.inside.wait, LIMIT_S)
        closing = asyncio.ensure_future(flow.aio.close())
        await asyncio.sleep(0.02)
        assert not closing.done()
        gate.opened.set()
        await closing
        return (await call).action_id

    action_id = run(close)
    again_open = open_wall(store_url, {"sandbox": sandbox}, create=False)
    assert again_open.get(action_id, actor="ann").state is State.PENDING
    again_open.close()
