"""One action paid by several purses and an invoice; on both stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from paidflow import (
    INVOICE,
    WITHDRAWABLE,
    FailureReason,
    NextAction,
    PaidFlow,
    Posting,
    Receipt,
    State,
    Worker,
    msats,
    purse,
    sats,
    withdrawable,
)
from paidflow.errors import InsufficientFunds
from paidflow.flow.funding import purses_for
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_controls import FaultKind
from paidflow.testing import ManualClock
from tests.flow.support import book_of, history, invoice_of, pay, snapshot, sync, work
from tests.wall import Note, effects, open_wall
from tests.zaps import ZAPS, Bill, Earning, HeldZap, Zap, differences, fund, left

ANN = (purse("ann"), withdrawable("ann"))


class Thrifty(Note):
    """A note that leaves the credits alone."""

    kind = "thrifty"
    funding: ClassVar[tuple[str, ...]] = (WITHDRAWABLE, INVOICE)


class Proud(Note):
    """A note that what can be withdrawn pays, or nobody."""

    kind = "proud"
    anonymous: ClassVar[bool] = False
    funding: ClassVar[tuple[str, ...]] = (WITHDRAWABLE,)


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    """A flow whose books are right at the end of every test."""
    actions = [*ZAPS, Thrifty, Proud]
    with open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=actions) as opened:
        yield opened
        sandbox.outage(False)
        assert differences(opened) == []


def give(flow: PaidFlow, credits_msats: int, money_msats: int) -> None:
    """Fill both purses of Ann."""
    for account, amount in zip(ANN, (credits_msats, money_msats), strict=True):
        if amount:
            fund(flow, account, amount)


def expire(flow: PaidFlow, sandbox: SandboxGateway, receipt: Receipt) -> Receipt:
    assert sandbox.expire(invoice_of(receipt))
    return sync(flow, receipt)


# The three branches; the cost is 10,000.
# What is in the purses -> what the invoice asks for, what stays in the purses.
BRANCHES = {
    "credits are enough": ((12_000, 9_000), 0, (2_000, 9_000)),
    "both are enough": ((4_300, 9_000), 0, (0, 3_300)),
    "the money fills up the fraction": ((4_300, 2_950), 3_000, (0, 250)),
    "the money fills it up exactly": ((4_300, 700), 5_000, (0, 0)),
    "the money does not fill it up": ((4_300, 699), 6_000, (300, 699)),
    "money alone": ((0, 3_500), 7_000, (0, 500)),
    "crumbs": ((999, 999), 9_000, (0, 998)),
    "too few crumbs": ((999, 0), 10_000, (999, 0)),
    "nothing": ((0, 0), 10_000, (0, 0)),
}


BY_INVOICE = [name for name, (_, asked, _) in BRANCHES.items() if asked]


@pytest.mark.parametrize("kind", [Zap, HeldZap])
@pytest.mark.parametrize("branch", BRANCHES)
def test_the_branches_of_the_rule(
    flow: PaidFlow, sandbox: SandboxGateway, kind: type[Zap], branch: str
) -> None:
    before, asked, after = BRANCHES[branch]
    give(flow, *before)
    receipt = flow.perform(kind(text="gm"), actor="ann")
    assert left(flow, *ANN) == after
    if not asked:
        assert (receipt.state, sandbox.books()) == (State.PAID, [])
    else:
        waiting = State.PENDING if kind is Zap else State.PENDING_HELD
        assert (receipt.state, receipt.next_action) == (waiting, NextAction.PAY_INVOICE)
        assert book_of(sandbox, receipt).amount == msats(asked)
        assert left(flow, purse("bob")) == (0,)
        assert pay(flow, sandbox, receipt).state is State.PAID
    assert left(flow, *ANN, purse("bob")) == (*after, 7_000)
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


@pytest.mark.parametrize("kind", [Zap, HeldZap])
@pytest.mark.parametrize("branch", BY_INVOICE)
def test_on_failure_each_purse_gets_back_what_it_gave_once(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, kind: type[Zap], branch: str
) -> None:
    before, _, _ = BRANCHES[branch]
    give(flow, *before)
    receipt = flow.perform(kind(text="gm"), actor="ann")
    assert expire(flow, sandbox, receipt).state is State.FAILED
    assert left(flow, *ANN) == before
    sync(flow, receipt)
    work(flow, clock, times=3, seconds=700)
    assert left(flow, *ANN) == before
    assert left(flow, purse("bob")) == (0,)


def test_cancelled(flow: PaidFlow) -> None:
    give(flow, 4_300, 2_950)
    receipt = flow.perform(Zap(text="gm"), actor="ann")
    after = flow.cancel(receipt.action_id, actor="ann")
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.USER_CANCELLED)
    assert left(flow, *ANN) == (4_300, 2_950)
    assert not flow.cancel(receipt.action_id, actor="ann").changed
    assert left(flow, *ANN) == (4_300, 2_950)


def test_the_work_raises_when_the_money_is_held(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    give(flow, 4_300, 2_950)
    receipt = flow.perform(HeldZap(text="gm", raises={"perform": -1}), actor="ann")
    after = pay(flow, sandbox, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.EXECUTION_FAILED)
    assert left(flow, *ANN) == (4_300, 2_950)
    assert sandbox.total_received() == sats(0)


def test_too_little_came(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """The purses get theirs back, and what came goes to the credits."""
    give(flow, 4_300, 2_950)
    receipt = flow.perform(Zap(text="gm"), actor="ann")
    after = pay(flow, sandbox, receipt, msats(2_000))
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.UNDERPAID)
    assert left(flow, *ANN) == (6_300, 2_950)


def test_too_much_came(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    give(flow, 4_300, 2_950)
    receipt = flow.perform(Zap(text="gm"), actor="ann")
    assert pay(flow, sandbox, receipt, msats(4_500)).state is State.PAID
    assert left(flow, *ANN) == (1_500, 250)


# Trying again.


def test_a_retry_takes_from_the_purses_anew(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    give(flow, 4_300, 2_950)
    first = flow.perform(Zap(text="gm"), actor="ann")
    expire(flow, sandbox, first)
    flow.grant("ann", sats(2), key="more")
    second = flow.retry(first.action_id, actor="ann")
    assert (second.state, book_of(sandbox, second).amount) == (State.PENDING, sats(1))
    assert left(flow, *ANN) == (0, 250)
    assert pay(flow, sandbox, second).state is State.PAID
    assert left(flow, *ANN, purse("bob")) == (0, 250, 7_000)


def test_a_retry_fails_and_gives_back_what_that_retry_took(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    give(flow, 4_300, 2_950)
    receipt = flow.perform(Zap(text="gm"), actor="ann")
    for number in range(3):
        expire(flow, sandbox, receipt)
        flow.grant("ann", msats(100), key=str(number))
        assert left(flow, *ANN) == (4_300 + 100 * (number + 1), 2_950)
        receipt = flow.retry(receipt.action_id, actor="ann")
        assert sum(left(flow, *ANN)) < 1_000
    expire(flow, sandbox, receipt)
    assert left(flow, *ANN) == (4_600, 2_950)


def test_a_retry_that_purses_pay_alone(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    give(flow, 4_300, 2_950)
    receipt = flow.perform(Zap(text="gm"), actor="ann")
    expire(flow, sandbox, receipt)
    flow.grant("ann", sats(3), key="more")
    after = flow.retry(receipt.action_id, actor="ann")
    assert (after.state, after.changed) == (State.PAID, True)
    assert left(flow, *ANN, purse("bob")) == (0, 250, 7_000)
    assert len(sandbox.books()) == 1


def test_a_retry_from_emptied_purses(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    give(flow, 4_300, 2_950)
    receipt = flow.perform(Zap(text="gm"), actor="ann")
    expire(flow, sandbox, receipt)
    flow.perform(Bill(text="bill", price_sats=7), actor="ann")
    again = flow.retry(receipt.action_id, actor="ann")
    assert book_of(sandbox, again).amount == sats(10)
    assert pay(flow, sandbox, again).state is State.PAID
    assert left(flow, *ANN, purse("bob")) == (0, 250, 7_000)


# Money that comes late.


@pytest.fixture
def failed(flow: PaidFlow, sandbox: SandboxGateway) -> Receipt:
    """Failed and refunded; purses gave 7,000 of it, its invoice asked for 3,000."""
    give(flow, 4_300, 2_950)
    receipt = flow.perform(Zap(text="gm"), actor="ann")
    assert book_of(sandbox, receipt).amount == sats(3)
    assert expire(flow, sandbox, receipt).state is State.FAILED
    return receipt


def test_late_money_debits_the_purses_again(
    flow: PaidFlow, sandbox: SandboxGateway, failed: Receipt
) -> None:
    assert pay(flow, sandbox, failed, late=True).state is State.PAID
    assert left(flow, *ANN, purse("bob")) == (0, 250, 7_000)
    assert effects(flow, failed.action_id)["on_paid"] == 1


def test_late_money_and_a_purse_that_was_spent(
    flow: PaidFlow, sandbox: SandboxGateway, failed: Receipt
) -> None:
    """It cannot be made real, so what came late is credited, and nothing else is taken."""
    flow.perform(Bill(text="bill", price_sats=5), actor="ann")
    assert left(flow, *ANN) == (0, 2_250)
    assert pay(flow, sandbox, failed, late=True).state is State.FAILED
    assert left(flow, *ANN, purse("bob")) == (3_000, 2_250, 0)
    assert "late-payment-refused" in history(flow, failed)
    assert sync(flow, failed).state is State.FAILED
    assert left(flow, *ANN) == (3_000, 2_250)


def test_late_money_that_pays_for_everything(
    flow: PaidFlow, sandbox: SandboxGateway, failed: Receipt
) -> None:
    assert pay(flow, sandbox, failed, sats(10), late=True).state is State.PAID
    assert left(flow, *ANN, purse("bob")) == (4_300, 2_950, 7_000)


def test_late_money_that_is_too_little(
    flow: PaidFlow, sandbox: SandboxGateway, failed: Receipt
) -> None:
    assert pay(flow, sandbox, failed, sats(2), late=True).state is State.FAILED
    assert left(flow, *ANN, purse("bob")) == (6_300, 2_950, 0)


def test_both_invoices_are_paid(flow: PaidFlow, sandbox: SandboxGateway, failed: Receipt) -> None:
    """The older one late, while the newer one waits: one pays, the other is credited."""
    again = flow.retry(failed.action_id, actor="ann")
    assert left(flow, *ANN) == (0, 250)
    assert pay(flow, sandbox, failed, late=True).state is State.PAID
    assert pay(flow, sandbox, again, late=True).state is State.PAID
    assert left(flow, *ANN, purse("bob")) == (3_000, 250, 7_000)


# Somebody else at the same moment.


def test_a_purse_is_spent_between_prepare_and_commit(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    give(flow, 4_300, 2_950)
    prepared = flow.prepare(Zap(text="gm"), actor="ann")
    flow.perform(Bill(text="bill", price_sats=1), actor="ann")
    before = snapshot(flow)
    with pytest.raises(InsufficientFunds):
        flow.perform(prepared)
    assert snapshot(flow) == before
    assert sandbox.books() == []


@pytest.fixture
def meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str, Callable[[], object]], list[object]]]:
    """Has somebody do something right after purses were looked into for the first time."""
    with ThreadPoolExecutor(1) as pool:

        def arrange(module: str, work: Callable[[], object]) -> list[object]:
            done: list[object] = []
            first = iter((True,))

            def look(*args: Any) -> list[Posting]:
                found = purses_for(*args)
                if next(first, False):
                    done.append(pool.submit(work).result(60))
                return found

            monkeypatch.setattr(f"paidflow.flow.{module}.purses_for", look)
            return done

        yield arrange


def test_a_purse_is_spent_while_it_is_requested(
    flow: PaidFlow, sandbox: SandboxGateway, meanwhile: Any
) -> None:
    """Perform looks again, and asks by invoice for what is missing now."""
    give(flow, 4_300, 2_950)
    spend = Bill(text="bill", price_sats=1)
    done = meanwhile("funding", lambda: flow.perform(spend, actor="ann"))
    receipt = flow.perform(Zap(text="gm"), actor="ann")
    assert [one.state for one in done] == [State.PAID]
    assert (receipt.state, book_of(sandbox, receipt).amount) == (State.PENDING, sats(4))
    assert left(flow, *ANN) == (0, 250)


def test_purses_are_emptied_while_it_is_retried(
    flow: PaidFlow, sandbox: SandboxGateway, meanwhile: Any
) -> None:
    give(flow, 12_000, 0)
    receipt = flow.perform(Zap(text="gm", price_sats=13), actor="ann")
    expire(flow, sandbox, receipt)
    spend = Bill(text="bill", price_sats=5)
    done = meanwhile("commands", lambda: flow.perform(spend, actor="ann"))
    again = flow.retry(receipt.action_id, actor="ann")
    assert [one.state for one in done] == [State.PAID]
    assert book_of(sandbox, again).amount == sats(6)
    assert left(flow, *ANN) == (0, 0)


# The gateway is down.


def test_the_gateway_is_down_for_a_while(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    give(flow, 4_300, 2_950)
    sandbox.outage(True)
    receipt = flow.perform(Zap(text="gm"), actor="ann")
    assert (receipt.state, receipt.next_action) == (State.RETRYING, NextAction.WAIT)
    assert left(flow, *ANN) == (0, 250)
    sandbox.outage(False)
    work(flow, clock)
    waiting = flow.get(receipt.action_id, actor="ann")
    assert (waiting.state, book_of(sandbox, waiting).amount) == (State.PENDING, sats(3))
    assert pay(flow, sandbox, waiting).state is State.PAID


@pytest.mark.parametrize("kind", [Zap, HeldZap])
def test_the_gateway_stays_down(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, kind: type[Zap]
) -> None:
    give(flow, 4_300, 2_950)
    sandbox.outage(True)
    receipt = flow.perform(kind(text="gm"), actor="ann")
    assert (receipt.state, receipt.performed) == (State.RETRYING, kind is Zap)
    work(flow, clock, times=2, seconds=61)
    after = flow.get(receipt.action_id, actor="ann")
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.CREATION_FAILED)
    assert left(flow, *ANN) == (4_300, 2_950)
    sandbox.outage(False)
    again = flow.retry(receipt.action_id, actor="ann")
    assert pay(flow, sandbox, again).state is State.PAID
    assert left(flow, *ANN, purse("bob")) == (0, 250, 7_000)


@pytest.mark.parametrize("fault", ["decline", "time_out_after", "time_out_before", "raise"])
def test_the_invoice_is_not_opened_at_once(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, fault: FaultKind
) -> None:
    give(flow, 4_300, 2_950)
    sandbox.fault("open", fault)
    receipt = flow.perform(Zap(text="gm"), actor="ann")
    assert left(flow, *ANN) == (0, 250)
    work(flow, clock, times=3)
    waiting = flow.get(receipt.action_id, actor="ann")
    assert book_of(sandbox, waiting).amount == sats(3)
    assert pay(flow, sandbox, waiting).state is State.PAID
    assert left(flow, *ANN, purse("bob")) == (0, 250, 7_000)


# What is used, and in which order.


def test_credits_are_left_alone(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    give(flow, 4_300, 2_950)
    receipt = flow.perform(Thrifty(text="gm"), actor="ann")
    assert book_of(sandbox, receipt).amount == sats(8)
    assert left(flow, *ANN) == (4_300, 950)
    expire(flow, sandbox, receipt)
    assert left(flow, *ANN) == (4_300, 2_950)


def test_what_can_be_withdrawn_pays_alone(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    give(flow, 50_000, 12_500)
    receipt = flow.perform(Proud(text="gm"), actor="ann")
    assert receipt.state is State.PAID
    assert left(flow, *ANN) == (50_000, 2_500)
    before = snapshot(flow)
    with pytest.raises(InsufficientFunds):
        flow.perform(Proud(text="gm"), actor="ann")
    assert snapshot(flow) == before
    assert sandbox.books() == []


def test_what_was_just_earned_can_be_spent(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    earned = flow.perform(Earning(text="gm", author="ann"), actor="bob")
    assert pay(flow, sandbox, earned).state is State.PAID
    assert left(flow, *ANN) == (0, 10_000)
    assert flow.perform(Proud(text="gm"), actor="ann").state is State.PAID
    assert left(flow, *ANN) == (0, 0)


def test_what_the_system_charges_never_opens_an_invoice(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    give(flow, 4_300, 2_950)
    before = snapshot(flow)
    with pytest.raises(InsufficientFunds):
        flow.perform(Bill(text="too much", price_sats=8), actor="ann")
    assert snapshot(flow) == before
    assert flow.perform(Bill(text="bill", price_sats=7), actor="ann").state is State.PAID
    work(flow, clock, times=2)
    Worker(flow).run_until_idle()
    assert left(flow, *ANN) == (0, 250)
    assert sandbox.calls() == [call for call in sandbox.calls() if call.operation == "updates"]


def test_logged_out_people_have_no_purse(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(HeldZap(text="gm"))
    assert book_of(sandbox, receipt).amount == sats(10)
    assert pay(flow, sandbox, receipt).state is State.PAID
    assert left(flow, purse("bob")) == (7_000,)


def test_a_replay_takes_nothing_again(flow: PaidFlow) -> None:
    give(flow, 4_300, 2_950)
    first = flow.perform(Zap(text="gm"), actor="ann", idempotency_key="k")
    second = flow.perform(Zap(text="gm"), actor="ann", idempotency_key="k")
    assert (first.action_id, first.invoice_id) == (second.action_id, second.invoice_id)
    assert left(flow, *ANN) == (0, 250)
