"""Scripts in which the application opens the transaction, and commits it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from paidflow import PaidAction, Receipt, checkpoints
from tests.crash.script import FAILED, PAID, script
from tests.crash.scripts_refunds import REFUNDED
from tests.crash.world import KEY, World
from tests.wall import HeldNote, Note


@contextmanager
def own(w: World) -> Iterator[Any]:
    """A transaction of the application; it can die before and after its commit."""
    if w.url.startswith("sqlite"):
        opened: Any = sqlite3.connect(w.url.removeprefix("sqlite:///"))
    else:
        opened = psycopg.connect(w.url)
    with closing(opened):
        yield opened
        checkpoints.reach("own", "before")
        opened.commit()
        checkpoints.reach("own", "after")


def request(w: World, note: PaidAction) -> Receipt:
    prepared = w.flow.prepare(note, actor="ann", idempotency_key=KEY)
    with own(w) as tx:
        return w.flow.perform(prepared, tx=tx)


@script(Note(text="stored by the application"))
def joined_optimistic(w: World, note: PaidAction) -> None:
    receipt = request(w, note)
    w.pay(receipt)
    answer = w.flow.ask("sandbox", receipt.invoice_id or "")
    with own(w) as tx:
        w.flow.apply(answer, tx=tx)
    w.work()


@script(Note(text="from the purse"), grants=True)
def joined_credits(w: World, note: PaidAction) -> None:
    w.grant()
    prepared = w.flow.prepare(note, actor="ann", idempotency_key=KEY)
    with own(w) as tx:
        w.flow.lock(["ann", "bob"], tx=tx)
        w.flow.perform(prepared, tx=tx)
    w.work()


@script(HeldNote(text="held"))
def joined_pessimistic(w: World, note: PaidAction) -> None:
    receipt = request(w, note)
    w.pay(receipt)
    answer = w.flow.ask("sandbox", receipt.invoice_id or "")
    with own(w) as tx:
        w.flow.apply(answer, tx=tx)
    w.work()


@script(Note(text="cancelled, and tried again"), ends=PAID | FAILED)
def joined_cancel_and_retry(w: World, note: PaidAction) -> None:
    action_id = request(w, note).action_id
    with own(w) as tx:
        w.flow.cancel(action_id, actor="ann", tx=tx)
    w.clock.tick(6)
    w.work()
    with own(w) as tx:
        w.flow.retry(action_id, actor="ann", tx=tx)
    w.clock.tick(6)
    w.work()
    w.pay(w.flow.get(action_id, actor="ann"))
    w.work()


@script(Note(text="given back"), ends=PAID | REFUNDED)
def joined_refund(w: World, note: PaidAction) -> None:
    receipt = request(w, note)
    w.pay(receipt)
    w.work()
    for _ in range(2):
        with own(w) as tx:
            w.flow.refund(
                receipt.action_id, operator="olga", why="broken", idempotency_key=KEY, tx=tx
            )
    w.clock.tick(6)
    w.work()
