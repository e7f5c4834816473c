"""The same acts, settled in any order, one by one or together, give the same views."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from paidflow import Folding, Receipt, State
from paidflow.forum import projections
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from paidflow.testing.ids import SeededIds
from paidflow.testing.payer import invoice_of, pay
from paidflow.views.rebuild import rebuild
from tests.forum import Forum, open_forum
from tests.histories import History
from tests.postgres_server import Server

STEPS = 120
Views = Mapping[str, list[str]]


def unpaid_acts(forum: Forum, seed: int) -> list[Receipt]:
    """Acts of people who have not paid for them yet, on items that are paid."""
    history = History(forum, seed)
    for _ in range(STEPS):
        forum.clock.tick(5)
        receipt = history.act(history.chance.choice(("carol", "dave", "erin")))
        if receipt is not None and receipt.invoice_id and history.chance.random() < 0.3:
            pay(forum.flow, forum.sandbox, receipt)
    waiting = [
        receipt
        for receipt in history.receipts
        if forum.flow.get(receipt.action_id, proof=receipt.proof).state is State.PENDING
    ]
    assert len(waiting) > 10, seed
    return waiting


def one_by_one(forum: Forum, receipts: Sequence[Receipt]) -> None:
    for receipt in receipts:
        pay(forum.flow, forum.sandbox, receipt)
        forum.folding.run_once()


def together(forum: Forum, receipts: Sequence[Receipt]) -> None:
    for receipt in receipts:
        assert forum.sandbox.pay(invoice_of(receipt))
    assert forum.flow.sync_many("sandbox", [invoice_of(receipt) for receipt in receipts]) == []


WAYS: Mapping[str, Callable[[Forum, list[Receipt], int], None]] = {
    "in their order": lambda forum, receipts, seed: one_by_one(forum, receipts),
    "backwards": lambda forum, receipts, seed: one_by_one(forum, receipts[::-1]),
    "shuffled": lambda forum, receipts, seed: one_by_one(
        forum, random.Random(seed).sample(receipts, len(receipts))
    ),
    "together": lambda forum, receipts, seed: together(forum, receipts),
}


def views(forum: Forum) -> Views:
    """The rows of every view."""
    found: dict[str, list[str]] = {}
    with forum.flow.store.reading() as tx:
        for projection in projections():
            for name in (projection.name, *projection.beside):
                rows = tx.execute(f"select * from {projection.table_of(name)}").fetchall()
                found[name] = sorted(repr(sorted(row.items())) for row in rows)
    assert sum(map(len, found.values())) > 20
    return found


def settled(url: str, folder: Path, seed: int, way: str) -> tuple[Views, Views]:
    """The views of a forum in which all is settled this way; and again, after a rebuild."""
    clock = ManualClock()
    bank = SandboxGateway(str(folder / f"bank {way}.db"), sandbox=True, clock=clock)
    with open_forum(url, bank, clock, ids=SeededIds(seed)) as forum:
        WAYS[way](forum, unpaid_acts(forum, seed), seed)
        forum.worker.run_until_idle()
        return views(forum), rebuilt(forum)


def rebuilt(forum: Forum) -> Views:
    """The views when everything is folded anew, into their next versions."""
    kinds = [type(projection) for projection in projections()]
    with pytest.MonkeyPatch.context() as patch:
        for kind in kinds:
            patch.setattr(kind, "version", kind.version + 1)
        folding = Folding(forum.flow, projections())
        for kind in kinds:
            rebuild(folding, kind.name)
        return views(forum)


@pytest.mark.parametrize("seed", [1, 2])
def test_on_sqlite(tmp_path: Path, seed: int) -> None:
    first: Any = None
    for way in WAYS:
        live, again = settled(f"sqlite:///{tmp_path / way}.db", tmp_path, seed, way)
        assert again == live, way
        first = first or live
        assert live == first, way


def test_on_postgres(postgres_server: Server, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    first: Any = None
    for way in ("in their order", "together"):
        database = postgres_server.create_database()
        live, again = settled(database, tmp_path, seed, way)
        postgres_server.drop_database(database)
        assert again == live, (way, seed)
        first = first or live
        assert live == first, (way, seed)
