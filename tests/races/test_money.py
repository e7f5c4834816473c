"""Many payments between the same people at the same moment: no deadlock, and exact sums."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from paidflow import (
    POOL,
    Context,
    PaidFlow,
    Posting,
    Receipt,
    State,
    purse,
    territory,
    withdrawable,
)
from paidflow.errors import InsufficientFunds
from paidflow.flow.sweeping import Sweeping
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.postgres import PostgresStore
from paidflow.testing import ManualClock
from tests.flow.support import invoice_of
from tests.races.arena import Result, together
from tests.wall import SECRET, create_tables
from tests.zaps import ZAPS, Bill, Zap, differences, fund, left

ZAPS_EACH = 100
FORWARDS = {"f1": 10, "f2": 20, "f3": 33, "f4": 1, "f5": 30}
CROWD = 50
CAN_PAY = 20


@pytest.fixture
def bank(clock: ManualClock) -> SandboxGateway:
    return SandboxGateway(":memory:", sandbox=True, clock=clock)


@pytest.fixture
def flow(postgres_dsn: str, bank: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    store = PostgresStore(postgres_dsn, connections_max=60)
    store.create()
    opened = PaidFlow(
        store, actions=[*ZAPS, Bounce], gateways={"sandbox": bank}, secret=SECRET, clock=clock
    )
    create_tables(opened)
    yield opened
    assert differences(opened) == []
    opened.close()


@pytest.fixture(params=["alone", "while it is swept"])
def sweeping(request: pytest.FixtureRequest, flow: PaidFlow) -> Iterator[None]:
    """A sweeper that never rests, or none."""
    if request.param == "alone":
        yield
        return
    with swept(flow) as times:
        yield
    assert times


@contextmanager
def swept(flow: PaidFlow) -> Generator[list[int]]:
    stop, times = threading.Event(), list[int]()

    def work() -> None:
        while not stop.is_set():
            times.append(Sweeping(flow.store, flow.clock).run_once())

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        try:
            yield times
        finally:
            stop.set()
            done.result(60)


class Bounce(Bill):
    """A bill that another actor gets."""

    kind = "bounce"
    payee: str

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        assert ctx.cost is not None
        return (Posting(purse(self.payee), ctx.cost),)


def at_once(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return together(pool, calls)


def paid(results: list[Result]) -> bool:
    return all(isinstance(one, Receipt) and one.state is State.PAID for one in results)


@pytest.mark.usefixtures("sweeping")
def test_two_people_zap_each_other(flow: PaidFlow) -> None:
    """What one of them receives the other has spent; neither waits for the other's row."""
    for name in ("ann", "bob"):
        fund(flow, purse(name), ZAPS_EACH * 10_000)

    def zap(payer: str, payee: str) -> Result:
        return flow.perform(Zap(text="gm", author=payee), actor=payer)

    pairs = [("ann", "bob"), ("bob", "ann")] * ZAPS_EACH
    results = at_once([lambda a=a, b=b: zap(a, b) for a, b in pairs])
    assert paid(results), Counter(map(str, results))
    assert left(flow, purse("ann"), purse("bob")) == (ZAPS_EACH * 7_000,) * 2
    assert left(flow, territory("bitcoin"), POOL) == (2 * ZAPS_EACH * 2_100, 2 * ZAPS_EACH * 900)


@pytest.mark.usefixtures("sweeping")
def test_they_live_on_what_they_receive(flow: PaidFlow) -> None:
    """Each zap takes more than is in the row of its payer."""
    fund(flow, purse("ann"), 10_000)
    fund(flow, purse("bob"), 10_000)

    def zap(payer: str, payee: str) -> Result:
        return flow.perform(Bounce(text="gm", payee=payee), actor=payer)

    pairs = [("ann", "bob"), ("bob", "ann")] * ZAPS_EACH
    results = at_once([lambda a=a, b=b: zap(a, b) for a, b in pairs])
    kinds = Counter(type(one) for one in results)
    assert set(kinds) <= {Receipt, InsufficientFunds}, results
    assert kinds[Receipt] > 0
    assert sum(left(flow, purse("ann"), purse("bob"))) == 20_000


@pytest.mark.usefixtures("sweeping")
@pytest.mark.parametrize("by_invoice", [False, True])
def test_fifty_people_zap_a_post_with_five_forwards(
    flow: PaidFlow, bank: SandboxGateway, by_invoice: bool
) -> None:
    def zap(name: str) -> Result:
        receipt = flow.perform(Zap(text="gm", author="author", forwards=FORWARDS), actor=name)
        if by_invoice:
            bank.pay(invoice_of(receipt))
            return flow.sync("sandbox", invoice_of(receipt))
        return receipt

    people = [f"payer-{number}" for number in range(CROWD)]
    if not by_invoice:
        for name in people:
            fund(flow, purse(name), 10_000)
    results = at_once([lambda name=name: zap(name) for name in people])
    assert paid(results), Counter(map(str, results))
    shares = {name: 7_000 * percent // 100 for name, percent in FORWARDS.items()}
    shares["author"] = 7_000 - sum(shares.values())
    assert left(flow, *map(purse, shares)) == tuple(CROWD * one for one in shares.values())
    assert left(flow, *map(purse, people)) == (0,) * CROWD


# The purses that can pay for twenty, in millisatoshis: how much, in how many pieces.
PURSES = {
    "credits in one piece": {purse("ann"): (CAN_PAY * 10_000 + 9_999, 1)},
    "credits in pieces": {purse("ann"): (CAN_PAY * 10_000, CAN_PAY * 4)},
    "money in pieces": {withdrawable("ann"): (CAN_PAY * 10_000, CAN_PAY)},
    "both": {purse("ann"): (105_000, 3), withdrawable("ann"): (95_000, 5)},
}


@pytest.mark.usefixtures("sweeping")
@pytest.mark.parametrize("purses", PURSES)
def test_fifty_spend_what_can_pay_for_twenty(flow: PaidFlow, purses: str) -> None:
    for account, (amount, pieces) in PURSES[purses].items():
        for number in range(pieces):
            fund(flow, account, amount // pieces, str(number))
    before = sum(left(flow, *PURSES[purses]))
    results = at_once([lambda: flow.perform(Bill(text="gm"), actor="ann")] * CROWD)
    kinds = Counter(type(one) for one in results)
    assert kinds == {Receipt: CAN_PAY, InsufficientFunds: CROWD - CAN_PAY}, results
    assert sum(left(flow, *PURSES[purses])) == before - CAN_PAY * 10_000
