"""Actions that an account of the application pays for, such as the pool; on both stores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from paidflow import (
    ACCOUNT,
    CREDITS,
    POOL,
    Context,
    PaidFlow,
    Posting,
    State,
    msats,
    purse,
    sats,
    territory,
)
from paidflow import errors as err
from paidflow.flow.registry import Registry
from paidflow.ledger.accounts import FEES, revenue, withdrawable
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import snapshot
from tests.wall import Note, open_wall
from tests.zaps import ZAPS, differences, fund, left


class Prize(Note):
    """A note that an account pays bob for."""

    kind = "prize"
    anonymous = False
    funding = (ACCOUNT,)

    source: str = POOL

    def paying_account(self, ctx: Context) -> str:
        return self.source

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return [Posting(purse("bob"), self.cost(ctx))]


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    """A flow whose books are right at the end of every test."""
    gateways = {"sandbox": sandbox}
    with open_wall(store_url, gateways, clock=clock, actions=[*ZAPS, Prize]) as opened:
        yield opened
        assert differences(opened) == []


@pytest.mark.parametrize("source", [POOL, territory("bitcoin")])
def test_the_account_pays(flow: PaidFlow, source: str) -> None:
    fund(flow, source, 12_000)
    receipt = flow.perform(Prize(text="first", source=source), actor="jury")
    assert receipt.state is State.PAID
    assert receipt.invoice_id is None
    assert left(flow, source, purse("bob"), purse("jury")) == (2_000, 10_000, 0)


def test_it_pays_all_or_nothing_and_no_invoice_asks_for_the_rest(flow: PaidFlow) -> None:
    fund(flow, POOL, 9_999)
    flow.grant("jury", sats(100), key="rich")
    before = snapshot(flow)
    with pytest.raises(err.InsufficientFunds):
        flow.perform(Prize(text="first"), actor="jury")
    assert snapshot(flow) == before


@pytest.mark.parametrize(
    "source", [purse("ann"), withdrawable("ann"), revenue("zap"), FEES, "issued", "nobody"]
)
def test_what_is_not_the_application_s_to_spend(flow: PaidFlow, source: str) -> None:
    fund(flow, purse("ann"), 20_000)
    fund(flow, withdrawable("ann"), 20_000)
    before = snapshot(flow)
    with pytest.raises(err.InvalidArguments, match="cannot be paid from"):
        flow.perform(Prize(text="first", source=source), actor="jury")
    assert snapshot(flow) == before


def test_nobody_who_is_logged_out(flow: PaidFlow) -> None:
    fund(flow, POOL, 20_000)
    with pytest.raises(err.LoginRequired):
        flow.perform(Prize(text="first"))


def test_nothing_costs_nothing(flow: PaidFlow) -> None:
    assert flow.perform(Prize(text="thanks", price_sats=0), actor="jury").state is State.PAID


def test_a_refund_takes_it_back(flow: PaidFlow) -> None:
    fund(flow, POOL, 10_000)
    prize = flow.perform(Prize(text="first"), actor="jury")
    assert flow.refund(prize.action_id, operator="carol", why="by mistake").refunded == sats(10)
    assert left(flow, POOL, purse("bob")) == (10_000, 0)


def test_two_at_once_do_not_overdraw_it(flow: PaidFlow) -> None:
    fund(flow, POOL, 15_000)

    def prize(number: int) -> bool:
        try:
            flow.perform(Prize(text=str(number)), actor=f"jury-{number}")
        except err.InsufficientFunds:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(prize, range(4))) == 1
    assert flow.balance_of(POOL) == msats(5_000)


class TwoWays(Prize):
    """Two ways to pay, of which one is an account."""

    funding = (CREDITS, ACCOUNT)


class Silent(Note):
    """It does not say which account."""

    funding = (ACCOUNT,)
    anonymous = False


class Talkative(Note):
    """It names an account, and is paid by others."""

    anonymous = False

    def paying_account(self, ctx: Any) -> str:
        return POOL


@pytest.mark.parametrize("action", [TwoWays, Silent, Talkative])
def test_what_does_not_fit(action: type[Note]) -> None:
    with pytest.raises(err.InvalidConfiguration, match="paying_account"):
        Registry([action])
