"""Calls inside a transaction of the caller: with psycopg and with sqlite3."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from paidflow import Context, NextAction, PaidFlow, State, Worker, sats
from paidflow.errors import (
    ActionNotFound,
    Conflict,
    InsufficientFunds,
    InvalidArguments,
    InvalidConfiguration,
    MissingTables,
    NetworkInTransaction,
    RefundTooLarge,
    SecondPayer,
    TransactionMissing,
    TransactionOpen,
    UnsupportedIsolation,
)
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import again, expired, history, invoice_of, paid, snapshot, work
from tests.wall import SECRET, HeldNote, Note, effects

Connect = Callable[[], Any]
LIMIT_S = 30


@pytest.fixture
def connect(flow: PaidFlow, store_url: str) -> Iterator[Connect]:
    """Opens connections as the application would; they are closed at the end."""
    opened: list[Any] = []

    def connect() -> Any:
        if store_url.startswith("sqlite"):
            path = store_url.removeprefix("sqlite:///")
            opened.append(sqlite3.connect(path, timeout=0.05, check_same_thread=False))
        else:
            opened.append(psycopg.connect(store_url))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture
def tx(connect: Connect) -> Any:
    return connect()


def on_postgres(tx: Any) -> bool:
    return isinstance(tx, psycopg.Connection)


ON_POSTGRES = pytest.mark.parametrize("store_url", ["postgres"], indirect=True)


def test_a_transaction_sees_what_it_has_written(flow: PaidFlow, tx: Any) -> None:
    receipt = flow.perform(flow.prepare(Note(text="gm"), actor="ann"), tx=tx)
    seen = flow.get(receipt.action_id, actor="ann", tx=tx)
    assert (seen.state, seen.provisional) == (State.PENDING, True)
    events = [line.event for line in flow.history(receipt.action_id, actor="ann", tx=tx)]
    assert events == ["paid-action.requested", "paid-action.invoice-attached"]
    with pytest.raises(ActionNotFound):
        flow.get(receipt.action_id, actor="ann")
    with pytest.raises(ActionNotFound):
        flow.history(receipt.action_id, actor="bob", tx=tx)
    tx.rollback()
    with pytest.raises(ActionNotFound):
        flow.get(receipt.action_id, actor="ann", tx=tx)


@pytest.mark.parametrize("kind", [Note, HeldNote])
def test_perform(flow: PaidFlow, sandbox: SandboxGateway, tx: Any, kind: type[Note]) -> None:
    prepared = flow.prepare(kind(text="gm"), actor="ann")
    before = snapshot(flow)
    receipt = flow.perform(prepared, tx=tx)
    assert receipt.provisional
    assert receipt.next_action is NextAction.PAY_INVOICE
    assert snapshot(flow) == before
    tx.commit()
    found = again(flow, receipt)
    assert (found.provisional, found.state) == (False, receipt.state)
    sandbox.pay(invoice_of(receipt))
    Worker(flow).run_until_idle()
    assert again(flow, receipt).state is State.PAID
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_a_rollback_leaves_nothing(flow: PaidFlow, sandbox: SandboxGateway, tx: Any) -> None:
    prepared = flow.prepare(Note(text="gm", claim="one"), actor="ann", idempotency_key="k")
    before = snapshot(flow)
    receipt = flow.perform(prepared, tx=tx)
    tx.rollback()
    assert snapshot(flow) == before
    with pytest.raises(ActionNotFound):
        again(flow, receipt)
    assert sandbox.payable_invoices() == [invoice_of(receipt)]
    flow.discard(prepared)
    assert sandbox.payable_invoices() == []


def test_what_was_stored_is_not_discarded(flow: PaidFlow, sandbox: SandboxGateway, tx: Any) -> None:
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    flow.perform(prepared, tx=tx)
    tx.commit()
    flow.discard(prepared)
    assert len(sandbox.payable_invoices()) == 1


def test_no_call_of_a_gateway_inside(flow: PaidFlow, sandbox: SandboxGateway, tx: Any) -> None:
    """Neither for a conflict, nor for a hook that raises, nor to cancel or retry."""
    prepared = [
        flow.prepare(Note(text="first", claim="one"), actor="ann"),
        flow.prepare(Note(text="second", claim="one"), actor="ann"),
        flow.prepare(Note(text="raises", raises={"perform": -1}), actor="ann"),
    ]
    before = sandbox.calls()
    receipt = flow.perform(prepared[0], tx=tx)
    for late in prepared[1:]:
        with pytest.raises(Exception, match=r"first|perform of raises"):
            flow.perform(late, tx=tx)
    with pytest.raises(Conflict):
        flow.perform(prepared[0], tx=tx)
    flow.cancel(receipt.action_id, actor="ann", tx=tx)
    tx.commit()
    assert sandbox.calls() == before


def test_a_conflict_rolls_back_to_before_the_call(flow: PaidFlow, tx: Any) -> None:
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    tx.execute("insert into wall (id, text, undone) values ('own', 'own', 0)")
    flow.perform(prepared, tx=tx)
    with pytest.raises(Conflict) as raised:
        flow.perform(prepared, tx=tx)
    assert raised.value.retryable
    tx.execute("insert into wall (id, text, undone) values ('more', 'more', 0)")
    tx.commit()
    with flow.store.reading() as reading:
        rows = reading.execute("select text from wall order by text").fetchall()
    assert [row["text"] for row in rows] == ["gm", "more", "own"]


def test_an_empty_purse(flow: PaidFlow, tx: Any) -> None:
    """The purse that ``prepare`` has seen is gone when the transaction comes."""
    flow.grant("ann", sats(10), key="start")
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    flow.perform(Note(text="faster"), actor="ann")
    before = snapshot(flow)
    with pytest.raises(InsufficientFunds):
        flow.perform(prepared, tx=tx)
    tx.commit()
    assert snapshot(flow) == before


def test_the_same_key_twice(flow: PaidFlow, tx: Any) -> None:
    prepared = [
        flow.prepare(Note(text="gm"), actor="ann", idempotency_key="k"),
        flow.prepare(Note(text="gm"), actor="ann", idempotency_key="k"),
    ]
    receipts = [flow.perform(one, tx=tx) for one in prepared]
    tx.commit()
    assert receipts[0].action_id == receipts[1].action_id
    replayed = flow.prepare(Note(text="gm"), actor="ann", idempotency_key="k")
    assert flow.perform(replayed, tx=tx).action_id == receipts[0].action_id
    tx.commit()


def test_only_what_was_prepared(flow: PaidFlow, tx: Any) -> None:
    with pytest.raises(InvalidArguments, match="prepare"):
        flow.perform(Note(text="gm"), actor="ann", tx=tx)
    tx.rollback()


def test_cancel_is_an_intent(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, tx: Any
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    cancelled = flow.cancel(receipt.action_id, actor="ann", tx=tx)
    assert (cancelled.state, cancelled.provisional) == (State.CANCELLING, True)
    tx.rollback()
    assert again(flow, receipt).state is State.PENDING
    flow.cancel(receipt.action_id, actor="ann", tx=tx)
    tx.commit()
    assert again(flow, receipt).state is State.CANCELLING
    assert len(sandbox.payable_invoices()) == 1
    work(flow, clock)
    assert again(flow, receipt).state is State.FAILED
    assert sandbox.payable_invoices() == []


def test_refund_is_an_intent(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, tx: Any
) -> None:
    receipt = paid(flow, sandbox, Note(text="gm"))
    before = snapshot(flow)
    asked = flow.refund(receipt.action_id, operator="eve", why="broken", tx=tx)
    assert (asked.refunding, asked.provisional) == (sats(10), True)
    tx.rollback()
    assert snapshot(flow) == before
    for _ in range(2):
        key = "ticket 7"
        flow.refund(receipt.action_id, operator="eve", why="broken", idempotency_key=key, tx=tx)
    tx.commit()
    assert again(flow, receipt).refunding == sats(10)
    assert sandbox.total_reversed() == sats(0)
    work(flow, clock)
    after = again(flow, receipt)
    assert (after.state, after.refunded) == (State.REFUNDED, sats(10))
    assert sandbox.total_reversed() == sats(10)


def test_credits_are_given_back_inside(flow: PaidFlow, sandbox: SandboxGateway, tx: Any) -> None:
    flow.grant("ann", sats(10), key="start")
    receipt = flow.perform(Note(text="gm"), actor="ann")
    after = flow.refund(receipt.action_id, sats(4), operator="eve", why="broken", tx=tx)
    with pytest.raises(RefundTooLarge):
        flow.refund(receipt.action_id, sats(7), operator="eve", why="broken", tx=tx)
    assert (after.state, after.refunded, flow.balance("ann")) == (State.PAID, sats(4), sats(0))
    tx.commit()
    assert flow.balance("ann") == sats(4)


def test_perform_and_cancel_in_one_transaction(flow: PaidFlow, clock: ManualClock, tx: Any) -> None:
    """A call sees what the transaction has done before it."""
    receipt = flow.perform(flow.prepare(Note(text="gm"), actor="ann"), tx=tx)
    assert flow.cancel(receipt.action_id, actor="ann", tx=tx).state is State.CANCELLING
    tx.commit()
    work(flow, clock)
    assert again(flow, receipt).state is State.FAILED


def test_retry_is_an_intent(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, tx: Any
) -> None:
    receipt = expired(flow, sandbox, Note(text="gm"))
    retried = flow.retry(receipt.action_id, actor="ann", tx=tx)
    assert (retried.state, retried.provisional) == (State.RETRYING, True)
    tx.commit()
    assert sandbox.payable_invoices() == []
    work(flow, clock)
    found = again(flow, receipt)
    assert found.state is State.PENDING
    sandbox.pay(invoice_of(found))
    Worker(flow).run_until_idle()
    assert again(flow, receipt).state is State.PAID


def test_retry_from_the_purse(flow: PaidFlow, sandbox: SandboxGateway, tx: Any) -> None:
    receipt = expired(flow, sandbox, Note(text="gm"))
    flow.grant("ann", sats(10), key="start")
    assert flow.retry(receipt.action_id, actor="ann", tx=tx).state is State.PAID
    tx.rollback()
    assert flow.balance("ann") == sats(10)
    flow.retry(receipt.action_id, actor="ann", tx=tx)
    tx.commit()
    assert again(flow, receipt).state is State.PAID
    assert flow.balance("ann") == sats(0)


def test_apply_what_was_asked(flow: PaidFlow, sandbox: SandboxGateway, tx: Any) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    answer = flow.ask("sandbox", invoice_of(receipt))
    assert again(flow, receipt).state is State.PENDING
    applied = flow.apply(answer, tx=tx)
    assert applied is not None
    assert (applied.state, applied.provisional) == (State.PAID, True)
    tx.rollback()
    assert again(flow, receipt).state is State.PENDING
    flow.apply(answer, tx=tx)
    tx.commit()
    assert again(flow, receipt).state is State.PAID
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_apply_a_hold_leaves_the_rest_to_a_worker(
    flow: PaidFlow, sandbox: SandboxGateway, tx: Any
) -> None:
    receipt = flow.perform(HeldNote(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    applied = flow.apply(flow.ask("sandbox", invoice_of(receipt)), tx=tx)
    tx.commit()
    assert applied is not None
    assert applied.state is State.HELD
    Worker(flow).run_until_idle()
    assert again(flow, receipt).state is State.PAID


def test_apply_records_money_even_if_a_hook_raises(
    flow: PaidFlow, sandbox: SandboxGateway, tx: Any
) -> None:
    receipt = flow.perform(Note(text="gm", raises={"on_paid": -1}), actor="ann")
    sandbox.pay(invoice_of(receipt))
    tx.execute("insert into wall (id, text, undone) values ('own', 'own', 0)")
    applied = flow.apply(flow.ask("sandbox", invoice_of(receipt)), tx=tx)
    tx.commit()
    assert applied is not None
    assert applied.completing
    assert "payment-seen" in history(flow, receipt)
    assert effects(flow, receipt.action_id) == {"perform": 1}


def test_apply_alone(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(HeldNote(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    applied = flow.apply(flow.ask("sandbox", invoice_of(receipt)))
    assert applied is not None
    assert (applied.state, applied.provisional) == (State.PAID, False)


def test_an_old_answer_does_no_harm(flow: PaidFlow, sandbox: SandboxGateway, tx: Any) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    old = flow.ask("sandbox", invoice_of(receipt))
    sandbox.pay(invoice_of(receipt))
    flow.sync("sandbox", invoice_of(receipt))
    applied = flow.apply(old, tx=tx)
    tx.commit()
    assert applied is not None
    assert applied.state is again(flow, receipt).state is State.PAID


def test_an_answer_about_nothing(flow: PaidFlow, sandbox: SandboxGateway, tx: Any) -> None:
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    (invoice_id,) = sandbox.payable_invoices()
    assert flow.apply(flow.ask("sandbox", invoice_id), tx=tx) is None
    tx.rollback()
    flow.discard(prepared)


def test_nothing_asks_a_gateway_inside_a_hook(
    flow: PaidFlow, tx: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def perform(self: Note, ctx: Context) -> None:
        flow.ask("sandbox", "any")

    monkeypatch.setattr(Note, "perform", perform)
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    with pytest.raises(NetworkInTransaction):
        flow.perform(prepared, tx=tx)
    tx.rollback()


def test_no_call_inside_a_hook(flow: PaidFlow, tx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = flow.prepare(Note(text="inner"), actor="ann")

    def perform(self: Note, ctx: Context) -> None:
        flow.perform(inner, tx=tx)

    outer = flow.prepare(Note(text="outer"), actor="ann")
    monkeypatch.setattr(Note, "perform", perform)
    with pytest.raises(TransactionOpen):
        flow.perform(outer, tx=tx)
    tx.rollback()


# Payers.


def pays(flow: PaidFlow, actor: str) -> Any:
    flow.grant(actor, sats(10), key="start")
    return flow.prepare(Note(text=f"by {actor}"), actor=actor)


def test_a_second_payer_is_refused(flow: PaidFlow, tx: Any) -> None:
    ann, bob = pays(flow, "ann"), pays(flow, "bob")
    flow.perform(ann, tx=tx)
    with pytest.raises(SecondPayer):
        flow.perform(bob, tx=tx)
    tx.commit()
    assert (flow.balance("ann"), flow.balance("bob")) == (sats(0), sats(10))
    flow.perform(bob, tx=tx)  # a new transaction
    tx.commit()
    assert flow.balance("bob") == sats(0)


def test_several_actions_of_one_payer(flow: PaidFlow, tx: Any) -> None:
    flow.grant("ann", sats(20), key="start")
    prepared = [flow.prepare(Note(text=text), actor="ann") for text in ("one", "two")]
    assert [flow.perform(one, tx=tx).state for one in prepared] == [State.PAID] * 2
    tx.commit()
    assert flow.balance("ann") == sats(0)


def test_whose_call_was_taken_back_is_no_payer(flow: PaidFlow, tx: Any) -> None:
    flow.grant("ann", sats(10), key="more")
    poor = pays(flow, "ann")
    flow.perform(Note(text="spends it"), actor="ann")
    flow.perform(Note(text="spends it"), actor="ann")
    bob = pays(flow, "bob")
    with pytest.raises(InsufficientFunds):
        flow.perform(poor, tx=tx)
    assert flow.perform(bob, tx=tx).state is State.PAID
    tx.rollback()
    assert flow.perform(bob, tx=tx).state is State.PAID
    tx.commit()


def test_several_payers_who_are_locked(flow: PaidFlow, tx: Any) -> None:
    ann, bob, cid = (pays(flow, actor) for actor in ("ann", "bob", "cid"))
    flow.lock(["bob", "ann"], tx=tx)
    flow.perform(bob, tx=tx)
    with pytest.raises(SecondPayer):
        flow.perform(cid, tx=tx)
    flow.perform(ann, tx=tx)
    tx.commit()
    assert [flow.balance(actor) for actor in ("ann", "bob")] == [sats(0)] * 2
    flow.perform(cid, tx=tx)
    tx.commit()


def test_too_late_to_lock(flow: PaidFlow, tx: Any) -> None:
    bob = pays(flow, "bob")
    flow.perform(bob, tx=tx)
    with pytest.raises(SecondPayer):
        flow.lock(["ann"], tx=tx)
    tx.rollback()


@ON_POSTGRES
def test_locked_in_opposite_order_nobody_dies(flow: PaidFlow, connect: Connect) -> None:
    """Without the lock this is a deadlock: each holds what the other wants."""
    for actor in ("ann", "bob"):
        flow.grant(actor, sats(1000), key="start")

    def run(names: tuple[str, str]) -> None:
        for _ in range(20):
            prepared = [flow.prepare(Note(text="gm"), actor=name) for name in names]
            with connect() as connection:  # ends, whatever happens
                flow.lock(names, tx=connection)
                for one in prepared:
                    flow.perform(one, tx=connection)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, [("ann", "bob"), ("bob", "ann")]))
    assert [flow.balance(actor) for actor in ("ann", "bob")] == [sats(600)] * 2


@ON_POSTGRES
def test_a_deadlock_is_a_conflict(flow: PaidFlow, connect: Connect) -> None:
    """The application's own lock and a purse, in opposite order."""
    first, second = connect(), connect()
    ann = pays(flow, "ann")
    for connection, timeout in ((first, "10s"), (second, "2s")):
        connection.execute(f"set deadlock_timeout = '{timeout}'")  # who looks first gives way
        connection.commit()
    second.execute("select pg_advisory_xact_lock(1)")
    flow.lock(["ann"], tx=first)

    def take(connection: Any) -> str:
        try:
            flow.perform(ann, tx=connection)
        except Conflict as error:
            connection.rollback()  # it holds a lock from before the call
            return f"{type(error.__cause__).__name__}, retryable: {error.retryable}"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(take, second)
        while not (waiting.done() or _is_waiting(flow, second)):
            pass
        with_lock = pool.submit(_lock_and_commit, first)
        results = {waiting.result(LIMIT_S), with_lock.result(LIMIT_S)}
    given_way = {"DeadlockDetected, retryable: True", "done"}
    assert results in (given_way, {"done", "deadlock"})  # the other on a very slow machine
    second.rollback()


def _is_waiting(flow: PaidFlow, connection: Any) -> bool:
    sql = "select count(*) as n from pg_locks where pid = :pid and not granted"
    with flow.store.reading() as tx:
        row = tx.execute(sql, pid=connection.info.backend_pid).fetchone()
    assert row is not None
    return bool(row["n"])


def _lock_and_commit(connection: Any) -> str:
    try:
        connection.execute("select pg_advisory_xact_lock(1)")
        connection.commit()
    except psycopg.errors.DeadlockDetected:
        connection.rollback()
        return "deadlock"
    return "done"


@ON_POSTGRES
@pytest.mark.parametrize("call", ["perform", "cancel", "retry"])
def test_two_at_once_one_wins(flow: PaidFlow, connect: Connect, call: str) -> None:
    """The second waits for the first, and then finds the action changed."""
    first, second = connect(), connect()
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    if call == "perform":
        flow.perform(prepared, tx=first)
    else:
        receipt = flow.perform(prepared)
        flow.cancel(receipt.action_id, actor="ann", tx=first)
    with ThreadPoolExecutor(1) as pool:
        if call == "perform":
            waiting = pool.submit(flow.perform, prepared, tx=second)
        else:
            waiting = pool.submit(flow.cancel, prepared.action_id, actor="ann", tx=second)
        while not (waiting.done() or _is_waiting(flow, second)):
            pass
        first.commit()
        if call == "perform":
            with pytest.raises(Conflict):
                waiting.result()
        else:
            assert waiting.result().changed is False
    second.commit()
    Worker(flow).run_until_idle()


def test_a_busy_database_is_a_conflict(flow: PaidFlow, connect: Connect) -> None:
    first, second = connect(), connect()
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    if on_postgres(first):
        second.execute("set lock_timeout = '50ms'")
        second.commit()
        flow.perform(prepared, tx=first)
    else:
        first.execute("begin immediate")
    with pytest.raises(Conflict) as raised:
        flow.perform(prepared, tx=second)
    assert raised.value.retryable
    first.rollback()
    second.rollback()
    flow.perform(prepared, tx=second)
    second.commit()


# What cannot be joined.


@ON_POSTGRES
@pytest.mark.parametrize("level", ["REPEATABLE_READ", "SERIALIZABLE"])
def test_only_read_committed(flow: PaidFlow, tx: Any, level: str) -> None:
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    tx.isolation_level = psycopg.IsolationLevel[level]
    with pytest.raises(UnsupportedIsolation, match=level.replace("_", " ")):
        flow.perform(prepared, tx=tx)
    tx.rollback()


@ON_POSTGRES
def test_a_transaction_that_has_failed(flow: PaidFlow, tx: Any) -> None:
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    with pytest.raises(psycopg.Error):
        tx.execute("select * from no_such_table")
    with pytest.raises(TransactionMissing, match="rolled back"):
        flow.perform(prepared, tx=tx)


def test_a_connection_that_commits_by_itself(flow: PaidFlow, tx: Any) -> None:
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    before = snapshot(flow)
    if on_postgres(tx):
        tx.autocommit = True
    else:
        tx.isolation_level = None
    with pytest.raises(TransactionMissing):
        flow.perform(prepared, tx=tx)
    assert snapshot(flow) == before


def test_another_database(flow: PaidFlow) -> None:
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    memory = sqlite3.connect(":memory:")
    with pytest.raises(InvalidConfiguration):  # MissingTables is one
        flow.perform(prepared, tx=memory)
    assert issubclass(MissingTables, InvalidConfiguration)
    memory.close()


@pytest.mark.parametrize("tx", ["a text", object(), 1])
def test_no_transaction_at_all(flow: PaidFlow, tx: Any) -> None:
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    with pytest.raises(InvalidConfiguration, match="embedder"):
        flow.perform(prepared, tx=tx)


def test_rows_and_cursors_of_the_application(flow: PaidFlow, tx: Any) -> None:
    """A connection may be told to make other rows and cursors."""
    if on_postgres(tx):
        tx.row_factory = psycopg.rows.namedtuple_row
        tx.cursor_factory = psycopg.RawCursor
    else:
        tx.row_factory = lambda cursor, row: None
    receipt = flow.perform(flow.prepare(Note(text="gm"), actor="ann"), tx=tx)
    assert receipt.result == {"wall": receipt.action_id}
    assert flow.cancel(receipt.action_id, actor="ann", tx=tx).state is State.CANCELLING
    tx.commit()


def test_tables_with_other_names(
    store_url: str, connect: Connect, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    """Beside those of another flow in the same database, which are left alone."""
    settings = {} if store_url.startswith("sqlite") else {"schema": "till"}
    other = PaidFlow.open(
        store_url,
        actions=[Note],
        gateways={"sandbox": sandbox},
        secret=SECRET,
        create=True,
        clock=clock,
        prefix="shop_",
        **settings,
    )
    for actor in ("ann", "bob"):
        other.grant(actor, sats(10), key="start")
    prepared = [other.prepare(Note(text=actor), actor=actor) for actor in ("ann", "bob")]
    tx = connect()
    other.lock(["ann", "bob"], tx=tx)
    assert [other.perform(one, tx=tx).state for one in prepared] == [State.PAID] * 2
    tx.commit()
    assert other.get(prepared[0].action_id, actor="ann").state is State.PAID
    assert other.balance("bob") == sats(0)
    tx.execute("select * from wall")
    table = "shop_payers" if store_url.startswith("sqlite") else "till.shop_actions"
    assert tx.execute(f"select count(*) from {table}").fetchone()[0] > 0
    other.close()
