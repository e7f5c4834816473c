"""A connection that breaks around a COMMIT: done but not acknowledged, or never done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from paidflow import (
    Context,
    Money,
    PaidAction,
    PaidFlow,
    Row,
    State,
    Worker,
    checkpoints,
    sats,
)
from paidflow.errors import CommitUnknown, Conflict
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states import events as e
from paidflow.store.postgres import PostgresStore
from paidflow.testing import ManualClock
from tests.commit_proxy import CommitProxy, Cut
from tests.wall import NOTES, SECRET, HeldNote, Note, effects, open_wall

SECONDS_MAX = 60


@pytest.fixture
def proxy(postgres_dsn: str) -> Iterator[CommitProxy]:
    with CommitProxy(postgres_dsn) as started:
        yield started


@pytest.fixture
def flow(proxy: CommitProxy, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    opened = open_wall(proxy.dsn, {"sandbox": sandbox}, clock=clock)
    yield opened
    opened.close()


@contextmanager
def cutting(proxy: CommitProxy, point: str, cut: Cut) -> Iterator[None]:
    """Cut the connection around the commit of one step; it must come to that."""

    def observe(name: str) -> None:
        if name == point:
            checkpoints.observe(None)
            proxy.cut_next_commit(cut)

    before = proxy.cuts
    checkpoints.observe(observe)
    try:
        yield
    finally:
        checkpoints.observe(None)
    assert proxy.cuts == before + 1


def rows(flow: PaidFlow, table: str) -> int:
    with flow.store.reading() as tx:
        row = tx.execute(f"select count(*) as total from {table}").fetchone()
    assert row is not None
    return row["total"]


@pytest.mark.parametrize(
    "note", [Note(text="gm"), HeldNote(text="gm"), Note(text="", price_sats=0)]
)
def test_a_request_is_found_again(flow: PaidFlow, proxy: CommitProxy, note: Note) -> None:
    with cutting(proxy, "perform.request.before", "after"):
        receipt = flow.perform(note, actor="ann", idempotency_key="k")
    assert receipt == flow.get(receipt.action_id, actor="ann").model_copy(
        update={"changed": True, "proof": receipt.proof}
    )
    assert flow.perform(note, actor="ann", idempotency_key="k").action_id == receipt.action_id
    assert rows(flow, "paidflow_actions") == 1
    assert effects(flow, receipt.action_id)["perform"] == int(receipt.performed)


def _paid(flow: PaidFlow, sandbox: SandboxGateway) -> tuple[str, Callable[[], Any]]:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    assert receipt.invoice_id is not None
    sandbox.pay(receipt.invoice_id)
    return receipt.action_id, lambda: flow.sync("sandbox", receipt.invoice_id or "")


def _failed(flow: PaidFlow, clock: ManualClock) -> str:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    clock.tick(602)
    flow.sync("sandbox", receipt.invoice_id or "")
    return receipt.action_id


def test_a_settlement_is_found_again(
    flow: PaidFlow, proxy: CommitProxy, sandbox: SandboxGateway
) -> None:
    action_id, settle = _paid(flow, sandbox)
    with cutting(proxy, "sync.answer.before", "after"):
        assert settle().state is State.PAID
    assert effects(flow, action_id) == {"perform": 1, "on_paid": 1}
    assert rows(flow, "paidflow_entries") == 2


def test_a_retry_by_invoice_is_found_again(
    flow: PaidFlow, proxy: CommitProxy, clock: ManualClock
) -> None:
    action_id = _failed(flow, clock)
    with cutting(proxy, "retry.retry.before", "after"):
        receipt = flow.retry(action_id, actor="ann")
    assert (receipt.state, receipt.changed) == (State.PENDING, True)
    assert rows(flow, "paidflow_attempts") == 2


def test_a_retry_from_the_purse_is_found_again(
    flow: PaidFlow, proxy: CommitProxy, clock: ManualClock
) -> None:
    action_id = _failed(flow, clock)
    flow.grant("ann", sats(25), key="welcome")
    with cutting(proxy, "retry.retry.before", "after"):
        receipt = flow.retry(action_id, actor="ann")
    assert (receipt.state, receipt.changed) == (State.PAID, True)
    assert flow.balance("ann") == sats(15)


def test_a_commit_that_was_never_sent_leaves_nothing(flow: PaidFlow, proxy: CommitProxy) -> None:
    note = Note(text="gm", price_sats=0)
    with (
        cutting(proxy, "perform.request.before", "before"),
        pytest.raises(CommitUnknown) as raised,
    ):
        flow.perform(note, actor="ann", idempotency_key="k")
    assert raised.value.retryable
    assert (rows(flow, "paidflow_actions"), rows(flow, "wall")) == (0, 0)
    receipt = flow.perform(note, actor="ann", idempotency_key="k")
    assert receipt.state is State.PAID
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_a_settlement_that_was_never_sent_is_done_again(
    flow: PaidFlow, proxy: CommitProxy, sandbox: SandboxGateway
) -> None:
    action_id, settle = _paid(flow, sandbox)
    with cutting(proxy, "sync.answer.before", "before"), pytest.raises(CommitUnknown):
        settle()
    assert flow.get(action_id, actor="ann").state is State.PENDING
    assert settle().state is State.PAID
    assert effects(flow, action_id) == {"perform": 1, "on_paid": 1}


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_grant_may_simply_be_repeated(flow: PaidFlow, proxy: CommitProxy, cut: Cut) -> None:
    """It has no events, so its commit cannot be found; its key makes that harmless."""
    with cutting(proxy, "grant.grant.before", cut), pytest.raises(CommitUnknown):
        flow.grant("ann", sats(25), key="welcome")
    flow.grant("ann", sats(25), key="welcome")
    assert flow.balance("ann") == sats(25)


@contextmanager
def narrow(proxy: CommitProxy, sandbox: SandboxGateway) -> Iterator[PaidFlow]:
    """A flow with one connection only."""
    store = PostgresStore(proxy.dsn, connections_max=1)
    flow = PaidFlow(store, actions=NOTES, gateways={"sandbox": sandbox}, secret=SECRET)
    yield flow
    flow.close()


def test_one_connection_is_enough(
    flow: PaidFlow, proxy: CommitProxy, sandbox: SandboxGateway
) -> None:
    """The broken connection is given back before another one is asked for."""
    with narrow(proxy, sandbox) as one:
        with cutting(proxy, "perform.request.before", "after"):
            receipt = one.perform(Note(text="gm", price_sats=0), actor="ann")
        assert receipt.state is State.PAID


def test_the_commit_stays_unknown_when_nobody_can_be_asked(
    flow: PaidFlow, proxy: CommitProxy, sandbox: SandboxGateway
) -> None:
    note = Note(text="gm", price_sats=0)
    with narrow(proxy, sandbox) as one:
        one.store._pool.timeout = 2.0
        with cutting(proxy, "perform.request.before", "after"):
            proxy.refuse()
            with pytest.raises(CommitUnknown):
                one.perform(note, actor="ann", idempotency_key="k")
        proxy.admit()
        receipt = flow.perform(note, actor="ann", idempotency_key="k")
    assert receipt.state is State.PAID
    assert rows(flow, "paidflow_actions") == 1


@pytest.mark.parametrize("step", ["lease", "release", "cursor"])
@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_worker_goes_on(
    flow: PaidFlow, proxy: CommitProxy, sandbox: SandboxGateway, step: str, cut: Cut
) -> None:
    action_id, _ = _paid(flow, sandbox)
    worker = Worker(flow, poll_s=0.01)
    with cutting(proxy, f"worker.{step}.before", cut):
        thread = threading.Thread(target=worker.run_forever)
        thread.start()
        deadline = threading.Event()
        for _ in range(SECONDS_MAX * 20):
            if proxy.cuts and flow.get(action_id, actor="ann").state is State.PAID:
                break
            deadline.wait(0.05)
        worker.stop()
        thread.join(SECONDS_MAX)
    assert not thread.is_alive()
    assert effects(flow, action_id) == {"perform": 1, "on_paid": 1}


def test_idle_connections_that_were_cut_are_replaced(flow: PaidFlow, proxy: CommitProxy) -> None:
    flow.perform(Note(text="gm", price_sats=0), actor="ann")
    proxy.drop_all()
    flow.perform(Note(text="gm", price_sats=0), actor="ann")
    assert rows(flow, "paidflow_actions") == 2


class Line(PaidAction):
    """Work that is one row, so each of its steps is one statement."""

    kind = "line"
    optimistic = True
    text: str

    def cost(self, ctx: Context) -> Money:
        return sats(10)

    def row(self, ctx: Context) -> Row:
        return Row("lines", {"id": ctx.action_id, "text": self.text})


@pytest.fixture(params=[False, True], ids=["alone", "group"])
def lines(
    request: pytest.FixtureRequest, proxy: CommitProxy, sandbox: SandboxGateway
) -> Iterator[PaidFlow]:
    store = PostgresStore(proxy.dsn, connections_max=1, group_commit=request.param)
    store.create()
    flow = PaidFlow(store, actions=[Line], gateways={"sandbox": sandbox}, secret=SECRET)
    with flow.transaction() as tx:
        tx.execute("create table lines (id text primary key, text text)")
    yield flow
    flow.close()


@pytest.mark.parametrize("cut", ["before", "after"])
def test_one_statement_is_sent_again(
    lines: PaidFlow, proxy: CommitProxy, sandbox: SandboxGateway, cut: Cut
) -> None:
    """If the first one came through, the second finds its own events there."""
    with cutting(proxy, "perform.request.before", cut):
        receipt = lines.perform(Line(text="gm"), actor="ann", idempotency_key="k")
    assert receipt.state is State.PENDING
    assert [rows(lines, f"paidflow_{name}") for name in ("actions", "events")] == [1, 2]
    assert rows(lines, "lines") == 1
    assert receipt.invoice_id is not None
    sandbox.pay(receipt.invoice_id)
    with cutting(proxy, "sync.answer.before", cut):
        lines.sync("sandbox", receipt.invoice_id)
    assert lines.get(receipt.action_id, actor="ann").state is State.PAID
    assert rows(lines, "paidflow_entries") == 2


def test_who_was_faster_is_not_taken_for_oneself(lines: PaidFlow, proxy: CommitProxy) -> None:
    """The statement that is sent again finds somebody else's events, which is a conflict."""
    receipt = lines.perform(Line(text="gm"), actor="ann")
    loaded = lines.steps.load(receipt.action_id)
    assert loaded is not None
    seen = e.PaymentSeen(number=1, gateway="sandbox", amount=sats(1))
    record = lines.steps.tools.recorder.record
    record(receipt.action_id, loaded, [seen], "answer")
    with cutting(proxy, "embedder.answer.before", "before"), pytest.raises(Conflict):
        record(receipt.action_id, loaded, [seen], "answer")
    assert rows(lines, "paidflow_events") == 3


def test_one_statement_stays_unknown_when_nobody_can_be_asked(
    lines: PaidFlow, proxy: CommitProxy
) -> None:
    lines.store._pool.timeout = 2.0
    with cutting(proxy, "perform.request.before", "after"):
        proxy.refuse()
        with pytest.raises(CommitUnknown):
            lines.perform(Line(text="gm"), actor="ann", idempotency_key="k")
    proxy.admit()
    lines.store._pool.timeout = SECONDS_MAX
    assert lines.perform(Line(text="gm"), actor="ann", idempotency_key="k").state is State.PENDING
    assert (rows(lines, "paidflow_actions"), rows(lines, "lines")) == (1, 1)
