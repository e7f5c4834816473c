"""The worker sweeps accounts whose owners pay nothing; on both stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paidflow import POOL, PaidFlow, Worker, checkpoints, purse, territory
from paidflow.flow import sweeping
from paidflow.flow.sweeping import Sweeping
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.wall import open_wall
from tests.zaps import ZAPS, Zap, differences, fund, left

BOB = purse("bob")


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    with open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=ZAPS) as opened:
        yield opened
        assert differences(opened) == []


def waiting(flow: PaidFlow) -> dict[str, int]:
    """How many entries wait beside each account."""
    with flow.store.reading() as tx:
        rows = tx.query("select_unswept", limit=1_000).fetchall()
    return {row["account"]: row["entries"] for row in rows}


def zaps(flow: PaidFlow, count: int) -> None:
    fund(flow, purse("ann"), count * 10_000)
    for _ in range(count):
        flow.perform(Zap(text="gm"), actor="ann")


def test_shared_accounts_are_swept_and_single_entries_wait(flow: PaidFlow) -> None:
    zaps(flow, 3)
    fund(flow, purse("cat"), 1_000)
    before = left(flow, BOB, territory("bitcoin"), POOL, purse("cat"))
    assert waiting(flow) == {BOB: 3, territory("bitcoin"): 3, POOL: 3, purse("cat"): 1}
    assert Sweeping(flow.store, flow.clock).run_once() == 3
    assert waiting(flow) == {purse("cat"): 1}
    assert left(flow, BOB, territory("bitcoin"), POOL, purse("cat")) == before
    assert before == (21_000, 6_300, 2_700, 1_000)


def test_once_a_minute(flow: PaidFlow, clock: ManualClock) -> None:
    sweeper = Sweeping(flow.store, clock)
    zaps(flow, 2)
    assert sweeper.run_once() == 3
    fund(flow, BOB, 1_000, "a")
    fund(flow, BOB, 1_000, "b")
    clock.tick(59)
    assert sweeper.run_once() == 0
    clock.tick(1)
    assert sweeper.run_once() == 1
    clock.tick(-3_600)  # a clock that was set back does not stop it
    fund(flow, BOB, 1_000, "c")
    fund(flow, BOB, 1_000, "d")
    assert sweeper.run_once() == 1


def test_a_worker_does_it(flow: PaidFlow) -> None:
    zaps(flow, 2)
    Worker(flow).run_once()
    assert waiting(flow) == {}


def test_so_many_at_once_those_with_the_most_first(
    flow: PaidFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "ACCOUNTS_MAX", 2)
    for number, name in enumerate(("ann", "bob", "cat"), start=2):
        for entry in range(number):
            fund(flow, purse(name), 1_000, str(entry))
    assert Sweeping(flow.store, flow.clock).run_once() == 2
    assert waiting(flow) == {purse("ann"): 2}


def test_each_account_in_a_transaction_of_its_own(flow: PaidFlow) -> None:
    """So whoever pays from one waits for that one only."""
    zaps(flow, 2)
    reached: list[str] = []
    checkpoints.observe(reached.append)
    try:
        assert Sweeping(flow.store, flow.clock).run_once() == 3
    finally:
        checkpoints.observe(None)
    assert reached == ["embedder.sweep.before", "embedder.sweep.after"] * 3
