"""The lines of an account with the balance after each; on both stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paidflow import (
    POOL,
    PaidFlow,
    StatementLine,
    Worker,
    msats,
    purse,
    revenue,
    sats,
    withdrawable,
)
from paidflow.errors import InvalidArguments
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import expired, pay
from tests.wall import Note, open_wall
from tests.zaps import ZAPS, Earning, Zap, fund, left

ANN, BOB = purse("ann"), purse("bob")


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    with open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=ZAPS) as opened:
        yield opened


def numbers(lines: list[StatementLine]) -> list[tuple[str, int, int]]:
    return [(line.other, line.amount.amount, line.balance.amount) for line in lines]


def everything(flow: PaidFlow, account: str, limit: int) -> list[StatementLine]:
    """All lines, read page by page."""
    lines: list[StatementLine] = []
    before = None
    while page := flow.statement(account, limit=limit, before=before):
        assert len(page) <= limit
        lines += page
        before = page[-1].cursor
    return lines


def busy(flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock) -> None:
    """Money in and out of Ann's purse, also several times at the same moment."""
    for number in range(4):
        flow.grant("ann", sats(10 + number), key=str(number))
        flow.perform(Zap(text="gm", price_sats=3), actor="ann")
        flow.perform(Zap(text="me", price_sats=2, author="ann"), actor="ann")
        clock.tick(number % 2)
    expired(flow, sandbox, Zap(text="split", price_sats=60))
    pay(flow, sandbox, flow.perform(Zap(text="split", price_sats=60), actor="ann"))
    flow.perform(Zap(text="back", author="ann"), actor="bob")


def test_the_newest_line_first_with_the_balance_after_it(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    flow.grant("ann", sats(25), key="k")
    clock.tick(1)
    zap = flow.perform(Zap(text="gm"), actor="ann")
    clock.tick(1)
    failed = flow.perform(Zap(text="split", price_sats=20), actor="ann")
    clock.tick(1)
    flow.cancel(failed.action_id, actor="ann")
    lines = flow.statement(ANN)
    assert numbers(lines) == [
        (f"reserved:{failed.action_id}", 15_000, 15_000),
        (f"reserved:{failed.action_id}", -15_000, 0),
        # One action may have several lines; here the author, the territory and the pool.
        (POOL, -900, 15_000),
        ("territory:bitcoin", -2_100, 15_900),
        (BOB, -7_000, 18_000),
        ("issued", 25_000, 25_000),
    ]
    assert [line.source for line in lines[1:5]] == [failed.action_id, *[zap.action_id] * 3]
    assert lines[0].at == clock.now()
    assert numbers(flow.statement(BOB)) == [(ANN, 7_000, 7_000)]


@pytest.mark.parametrize("swept", [False, True])
def test_the_balance_after_the_newest_line_is_what_can_be_spent(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, swept: bool
) -> None:
    busy(flow, sandbox, clock)
    if swept:
        Worker(flow).run_once()
    for account in (ANN, BOB, withdrawable("ann"), "territory:bitcoin", POOL):
        lines = flow.statement(account)
        assert bool(lines) == (account != withdrawable("ann"))
        newest = lines[0].balance if lines else sats(0)
        assert newest == flow.balance_of(account)


@pytest.mark.parametrize("limit", [1, 2, 5, 1000])
def test_page_by_page(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, limit: int
) -> None:
    busy(flow, sandbox, clock)
    whole = flow.statement(ANN, limit=1000)
    assert len(whole) > 15
    assert everything(flow, ANN, limit) == whole
    balance = 0
    for line in reversed(whole):
        balance += line.amount.amount
        assert line.balance.amount == balance
    assert len({line.cursor for line in whole}) == len(whole)


def test_what_comes_in_meanwhile_moves_no_line(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    busy(flow, sandbox, clock)
    whole = flow.statement(ANN)
    first = flow.statement(ANN, limit=4)
    clock.tick(1)
    flow.grant("ann", sats(1), key="later")
    rest = flow.statement(ANN, before=first[-1].cursor)
    assert first + rest == whole


def test_accounts_that_nobody_spends_from(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    pay(flow, sandbox, flow.perform(Note(text="gm"), actor="ann"))
    assert [line.balance for line in flow.statement(revenue("note"))] == [sats(10)]
    assert [line.balance for line in flow.statement("clearing:sandbox")] == [msats(-10_000)]
    assert flow.statement(revenue("note"), "EUR") == []
    assert flow.statement("purse:nobody") == []


def test_what_is_no_statement(flow: PaidFlow) -> None:
    fund(flow, ANN, 1_000)
    (line,) = flow.statement(ANN)
    assert left(flow, ANN) == (1_000,)
    for cursor in ("", "x", "2030-01-01", "2030-01-01/1", "2030-01-01/a/b/c", "2030-01-01/-1/1/x"):
        with pytest.raises(InvalidArguments):
            flow.statement(ANN, before=cursor)
    with pytest.raises(InvalidArguments):
        flow.statement(ANN, before=f"2030-01-01/{2**63}/1/x")
    with pytest.raises(InvalidArguments):
        flow.statement(ANN, before=f"{line.cursor}\0")
    with pytest.raises(InvalidArguments):
        flow.statement("")
    for limit in (0, -5):
        assert flow.statement(ANN, limit=limit) == [line]
    assert flow.statement(ANN, before=line.cursor) == []


def test_a_source_with_slashes(flow: PaidFlow) -> None:
    """A grant's key is part of its source, and of the cursor."""
    for number in range(3):
        flow.grant("ann", sats(1), key=f"a/b/{number}/")
    assert len(everything(flow, ANN, 1)) == 3
    assert flow.perform(Earning(text="gm", price_sats=3), actor="ann").state == "PAID"
    assert flow.statement(withdrawable("bob"))[0].other == ANN
