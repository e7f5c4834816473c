"""Who gets what an action costs, as it is declared on the action; on both stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest

from paidflow import (
    POOL,
    Context,
    Money,
    PaidFlow,
    Posting,
    State,
    msats,
    purse,
    revenue,
    sats,
    territory,
    withdrawable,
)
from paidflow.errors import InvalidArguments, UnbalancedPayouts
from paidflow.ledger.accounts import FEES
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import expired, pay, snapshot
from tests.wall import Note, open_wall
from tests.zaps import ZAPS, Earning, HeldZap, Zap, differences, fund, left

Lines = tuple[tuple[str, int, str], ...]


class Free(Note):
    """A note that pays out what it is told: account, amount, currency."""

    kind = "free-hand"
    lines: Lines

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return [
            Posting(account, Money(amount, currency)) for account, amount, currency in self.lines
        ]


class Wrong(Note):
    """A note whose payouts are no postings."""

    kind = "wrong"

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return [("purse:bob", ctx.cost)]  # type: ignore[list-item]  # pyright: ignore


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    """A flow whose books are right at the end of every test."""
    actions = [*ZAPS, Free, Wrong]
    with open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=actions) as opened:
        yield opened
        assert differences(opened) == []


def earned(flow: PaidFlow) -> Mapping[str, int]:
    """What every account has according to its entries, but for those without anything."""
    with flow.store.reading() as tx:
        rows = tx.query("sum_accounts", prefix="").fetchall()
    return {row["account"]: int(row["total"]) for row in rows if row["total"]}


def from_credits(flow: PaidFlow, zap: Note, actor: str = "ann") -> None:
    fund(flow, purse(actor), zap.price_sats * 1_000)
    assert flow.perform(zap, actor=actor).state is State.PAID


# Worked examples: what everybody gets, in millisatoshis.
SPLITS: tuple[tuple[Zap, dict[str, int]], ...] = (
    (
        Zap(text="an author, a territory, the pool", price_sats=100),
        {purse("bob"): 70_000, territory("bitcoin"): 21_000, POOL: 9_000},
    ),
    (
        Zap(text="two forwards", price_sats=100, forwards={"cat": 50, "dan": 25}),
        {
            purse("bob"): 17_500,
            purse("cat"): 35_000,
            purse("dan"): 17_500,
            territory("bitcoin"): 21_000,
            POOL: 9_000,
        },
    ),
    (
        Zap(text="forwards are rounded down", price_sats=1, forwards={"cat": 33, "dan": 33}),
        {
            purse("bob"): 700 - 2 * 231,
            purse("cat"): 231,
            purse("dan"): 231,
            territory("bitcoin"): 210,
            POOL: 90,
        },
    ),
    (
        Zap(text="nothing is left for the author", price_sats=10, forwards={"cat": 100}),
        {purse("cat"): 7_000, territory("bitcoin"): 2_100, POOL: 900},
    ),
)


@pytest.mark.parametrize(("zap", "expected"), SPLITS)
def test_worked_examples_from_credits(flow: PaidFlow, zap: Zap, expected: dict[str, int]) -> None:
    from_credits(flow, zap)
    assert earned(flow) == {**expected, "issued": -zap.price_sats * 1_000}
    assert left(flow, *expected) == tuple(expected.values())


@pytest.mark.parametrize(("zap", "expected"), SPLITS)
@pytest.mark.parametrize("kind", [Zap, HeldZap])
def test_worked_examples_by_invoice(
    flow: PaidFlow,
    sandbox: SandboxGateway,
    kind: type[Zap],
    zap: Zap,
    expected: dict[str, int],
) -> None:
    receipt = flow.perform(kind(**zap.model_dump()), actor="ann")
    assert earned(flow) == {}
    assert pay(flow, sandbox, receipt).state is State.PAID
    assert earned(flow) == {**expected, "clearing:sandbox": -zap.price_sats * 1_000}
    assert left(flow, *expected) == tuple(expected.values())


def test_without_payouts_the_operator_earns(flow: PaidFlow) -> None:
    from_credits(flow, Note(text="gm"))
    assert earned(flow) == {revenue("note"): 10_000, "issued": -10_000}


def test_everybody_who_can_be_paid(flow: PaidFlow) -> None:
    lines: Lines = tuple(
        (account, 2_000, "BTC")
        for account in (withdrawable("bob"), territory("x"), POOL, FEES, revenue("ads"))
    )
    from_credits(flow, Free(text="gm", lines=lines))
    assert earned(flow) == {account: 2_000 for account, _, _ in lines} | {"issued": -10_000}


def test_nothing_is_paid_out_before_it_is_paid(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    expired(flow, sandbox, Zap(text="gm"))
    assert earned(flow) == {}


# The payer is among the payees.


def test_who_zaps_himself_from_credits(flow: PaidFlow) -> None:
    from_credits(flow, Zap(text="me", author="ann"))
    assert left(flow, purse("ann")) == (7_000,)
    assert flow.perform(Zap(text="again", author="ann", price_sats=7), actor="ann").state == "PAID"
    assert left(flow, purse("ann")) == (4_900,)


def test_who_zaps_himself_needs_the_whole_price(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """What he will get back cannot be used to pay it."""
    fund(flow, purse("ann"), 9_000)
    receipt = flow.perform(Zap(text="me", author="ann"), actor="ann")
    assert receipt.state is State.PENDING
    assert left(flow, purse("ann")) == (0,)
    assert pay(flow, sandbox, receipt).state is State.PAID
    assert left(flow, purse("ann")) == (7_000,)


def test_who_forwards_to_the_payer(flow: PaidFlow) -> None:
    from_credits(flow, Zap(text="gm", forwards={"ann": 50}))
    assert left(flow, purse("ann"), purse("bob")) == (3_500, 3_500)


def test_what_a_purse_earns_pays_from_the_other(flow: PaidFlow) -> None:
    from_credits(flow, Earning(text="to my other purse", author="ann"))
    assert left(flow, purse("ann"), withdrawable("ann")) == (0, 10_000)


# What cannot be paid out: nothing is stored, and no invoice is opened.
REFUSED: tuple[tuple[Lines, type[Exception]], ...] = (
    ((), UnbalancedPayouts),
    (((purse("bob"), 9_999, "BTC"),), UnbalancedPayouts),
    (((purse("bob"), 10_001, "BTC"),), UnbalancedPayouts),
    (((purse("bob"), 10_000, "EUR"),), UnbalancedPayouts),
    (((purse("bob"), 10_000, "BTC"), (POOL, 1, "EUR")), UnbalancedPayouts),
    (((purse("bob"), 10_001, "BTC"), (POOL, -1, "BTC")), UnbalancedPayouts),
    ((("issued", 10_000, "BTC"),), InvalidArguments),
    ((("clearing:sandbox", 10_000, "BTC"),), InvalidArguments),
    ((("unclaimed:somebody", 10_000, "BTC"),), InvalidArguments),
    ((("reserved:somebody", 10_000, "BTC"),), InvalidArguments),
    ((("receivable:purse:bob", 10_000, "BTC"),), InvalidArguments),
    ((("losses", 10_000, "BTC"),), InvalidArguments),
    ((("bob", 10_000, "BTC"),), InvalidArguments),
    ((("", 10_000, "BTC"),), InvalidArguments),
    ((("purse:b\x00b", 10_000, "BTC"),), InvalidArguments),
)


@pytest.mark.parametrize(("lines", "error"), REFUSED)
@pytest.mark.parametrize("credits", [0, 10_000])
def test_what_cannot_be_paid_out(
    flow: PaidFlow, sandbox: SandboxGateway, lines: Lines, error: type[Exception], credits: int
) -> None:
    if credits:
        fund(flow, purse("ann"), credits)
    before = snapshot(flow)
    with pytest.raises(error):
        flow.perform(Free(text="gm", lines=lines), actor="ann")
    assert snapshot(flow) == before
    assert sandbox.books() == []


def test_what_is_no_posting(flow: PaidFlow) -> None:
    with pytest.raises(UnbalancedPayouts):
        flow.perform(Wrong(text="gm"), actor="ann")


def test_lines_of_nothing_are_left_out(flow: PaidFlow) -> None:
    from_credits(flow, Free(text="gm", lines=((POOL, 0, "BTC"), (purse("bob"), 10_000, "BTC"))))
    assert earned(flow) == {purse("bob"): 10_000, "issued": -10_000}


def test_what_is_free_pays_nobody(flow: PaidFlow) -> None:
    receipt = flow.perform(Zap(text="gm", price_sats=0), actor="ann")
    assert receipt.state is State.PAID
    assert earned(flow) == {}
    given = flow.perform(Free(text="gm", price_sats=0, lines=((POOL, 0, "BTC"),)), actor="ann")
    assert given.state is State.PAID
    with pytest.raises(UnbalancedPayouts):
        flow.perform(Free(text="gm", price_sats=0, lines=((POOL, 1, "BTC"),)), actor="ann")


def test_the_same_account_twice(flow: PaidFlow) -> None:
    lines: Lines = ((purse("bob"), 4_000, "BTC"), (purse("bob"), 6_000, "BTC"))
    from_credits(flow, Free(text="gm", lines=lines))
    assert left(flow, purse("bob")) == (10_000,)


def test_what_was_earned_is_spent_at_once(flow: PaidFlow) -> None:
    """Nobody has to sweep it first."""
    from_credits(flow, Zap(text="gm", price_sats=100))
    assert flow.perform(Zap(text="back", author="ann", price_sats=70), actor="bob").state == "PAID"
    assert left(flow, purse("ann"), purse("bob")) == (49_000, 0)


def test_the_payouts_are_those_of_the_request(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """Asked once, so what changes later does not change who gets it."""
    receipt = expired(flow, sandbox, Free(text="gm", lines=((purse("bob"), 10_000, "BTC"),)))
    flow.grant("ann", sats(10), key="k")
    later = (Posting(purse("eve"), msats(10_000)),)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Free, "payouts", lambda self, ctx: later)
        assert flow.retry(receipt.action_id, actor="ann").state is State.PAID
    assert left(flow, purse("bob"), purse("eve")) == (10_000, 0)
