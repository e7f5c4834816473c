"""Withdrawals: once at most, whatever is not answered; and all money is somewhere."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from paidflow import (
    CREDITS,
    POOL,
    Context,
    FailureReason,
    Money,
    PaidFlow,
    Posting,
    Reader,
    Receipt,
    State,
    Withdrawal,
    Worker,
    msats,
    sats,
)
from paidflow.errors import (
    InsufficientFunds,
    InvalidArguments,
    InvalidConfiguration,
    InvalidDestination,
    LoginRequired,
    NoFunding,
    NotCancellable,
    NotRefundable,
    NotResolvable,
    NotRetriable,
    PaymentUsed,
    Refused,
    RestoredCopy,
)
from paidflow.flow.loaded import Loaded
from paidflow.flow.resolutions import Resolution, possible_resolutions
from paidflow.operating.audit import Rule, audit
from paidflow.payments.contract import OpenCommand, Opened, PaidOut
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_controls import FaultKind
from paidflow.states.paying_out import SEND_MARGIN
from paidflow.testing import ManualClock
from paidflow.testing.crash import crash_at
from tests.flow.support import attention, history, snapshot, work
from tests.payday import (
    ADDRESS,
    AMOUNT,
    BLOCKED,
    FEE_MAX,
    PAYDAY,
    agrees,
    cash,
    earn,
    now,
    open_payday,
    purse_of,
    sent,
)
from tests.wall import SECRET, effects, open_wall

EARNED = sats(30)
LEFT = sats(19)
GIVEN_UP_S = 60 + SEND_MARGIN.total_seconds() + 1


@pytest.fixture
def receiver(tmp_path: Path, clock: ManualClock) -> SandboxGateway:
    path = tmp_path / "receiver.db"
    return SandboxGateway(path, sandbox=True, clock=clock, account="receiver")


@pytest.fixture
def sandbox(receiver: SandboxGateway, tmp_path: Path, clock: ManualClock) -> SandboxGateway:
    path = tmp_path / "bank.db"
    return SandboxGateway(path, sandbox=True, clock=clock, receivers=[receiver])


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    opened = open_payday(store_url, sandbox, clock)
    earn(opened, sandbox, EARNED)
    yield opened
    opened.close()


def invoice(receiver: SandboxGateway, amount: Money = AMOUNT, key: str = "k") -> str:
    outcome = receiver.open(OpenCommand(key, amount, False, None, "for ann", 600))
    assert isinstance(outcome, Opened)
    return outcome.invoice.payment_request


def withdraw(flow: PaidFlow, destination: str = ADDRESS, **more: object) -> Receipt:
    return flow.perform(cash(destination, **more), actor="ann")  # pyright: ignore


# All is well.


def test_to_an_invoice(flow: PaidFlow, sandbox: SandboxGateway, receiver: SandboxGateway) -> None:
    sandbox.route_fee = 300
    receipt = withdraw(flow, invoice(receiver))
    assert receipt.state is State.PAID
    assert receipt.cost == sats(11)
    assert receipt.fee == msats(300)
    assert sent(sandbox) == [receipt.payment_id]
    assert receiver.holdings() == (sats(10),)
    assert purse_of(flow) == LEFT + msats(700)
    assert history(flow, receipt) == [
        "requested",
        "purses-reserved",
        "pay-out-planned",
        "pay-out-requested",
        "pay-out-settled",
        "paid",
    ]
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    agrees(flow, sandbox)


def test_to_an_address_again_and_again(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    first, second = withdraw(flow), withdraw(flow)
    assert first.state is second.state is State.PAID
    assert first.payment_id != second.payment_id
    assert purse_of(flow) == sats(10)
    agrees(flow, sandbox)


def test_it_costs_all_that_it_may(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    sandbox.route_fee = 1000
    assert withdraw(flow).fee == sats(1)
    assert purse_of(flow) == LEFT
    agrees(flow, sandbox)


def test_the_last_unit(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    assert withdraw(flow, amount=sats(30), fee_max=sats(0)).state is State.PAID
    assert purse_of(flow) == sats(0)
    agrees(flow, sandbox)


def test_the_key_of_a_request(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipts = [flow.perform(cash(), actor="ann", idempotency_key="k") for _ in range(3)]
    assert len({receipt.action_id for receipt in receipts}) == 1
    assert len(sent(sandbox)) == 1


def test_what_is_read_in_an_invoice(
    flow: PaidFlow, receiver: SandboxGateway, sandbox: SandboxGateway
) -> None:
    assert flow.decode(invoice(receiver)).amount == sats(10)
    assert flow.decode(ADDRESS).amount is None
    with pytest.raises(InvalidDestination):
        flow.decode("lnbc1")
    with pytest.raises(NoFunding):
        flow.decode(ADDRESS, currency="EUR")
    assert [call for call in sandbox.calls() if "pay" in call.operation] == []


# Refused, and nothing is stored or sent.


REFUSED: dict[str, tuple[type[Exception], Callable[[PaidFlow, SandboxGateway], object]]] = {
    "too little in the purse": (InsufficientFunds, lambda f, _: withdraw(f, amount=sats(30))),
    "an empty purse": (InsufficientFunds, lambda f, _: f.perform(cash(), actor="bob")),
    "below the minimum": (Refused, lambda f, _: withdraw(f, amount=msats(999))),
    "above the maximum": (Refused, lambda f, _: withdraw(f, amount=sats(1001))),
    "not everybody may": (Refused, lambda f, _: f.perform(cash(), actor=BLOCKED)),
    "nobody": (LoginRequired, lambda f, _: f.perform(cash())),
    "a fee below zero": (InvalidArguments, lambda f, _: withdraw(f, fee_max=msats(-1))),
    "no destination": (InvalidDestination, lambda f, _: withdraw(f, "lnbc1")),
    "another amount": (
        InvalidDestination,
        lambda f, r: withdraw(f, invoice(r), amount=sats(9)),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(
    flow: PaidFlow, sandbox: SandboxGateway, receiver: SandboxGateway, case: str
) -> None:
    error, call = REFUSED[case]
    with pytest.raises(error):
        call(flow, receiver)
    assert purse_of(flow) == EARNED
    assert sent(sandbox) == []
    with flow.store.reading() as tx:
        row = tx.execute("select count(*) as n from paidflow_actions where kind = 'cash'")
        assert row.fetchone() == {"n": 0}


def test_an_invoice_that_has_expired(
    flow: PaidFlow, receiver: SandboxGateway, clock: ManualClock
) -> None:
    request = invoice(receiver)
    clock.tick(600)
    with pytest.raises(InvalidDestination, match="expired"):
        withdraw(flow, request)


def test_credits_cannot_be_withdrawn(flow: PaidFlow) -> None:
    flow.grant("bob", sats(100), key="g")
    with pytest.raises(InsufficientFunds):
        flow.perform(cash(), actor="bob")


# It fails for certain.


def test_a_receiver_that_refuses(
    flow: PaidFlow, sandbox: SandboxGateway, receiver: SandboxGateway
) -> None:
    sandbox.fate("refused")
    request = invoice(receiver)
    receipt = withdraw(flow, request)
    assert (receipt.state, receipt.failure_reason) == (State.FAILED, FailureReason.PAY_OUT_FAILED)
    assert receipt.fee is None
    assert purse_of(flow) == EARNED
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_failed": 1}
    agrees(flow, sandbox)
    # Whoever tries it again needs a new invoice.
    for again in (
        lambda: flow.retry(receipt.action_id, actor="ann"),
        lambda: withdraw(flow, request),
    ):
        with pytest.raises(PaymentUsed):
            again()
    assert purse_of(flow) == EARNED
    assert withdraw(flow, invoice(receiver, key="l")).state is State.PAID
    assert len(sent(sandbox)) == 2


def test_an_address_is_tried_again(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    sandbox.fate("unreachable")
    receipt = withdraw(flow)
    assert receipt.state is State.FAILED
    again = flow.retry(receipt.action_id, actor="ann")
    assert (again.state, again.action_id) == (State.PAID, receipt.action_id)
    assert again.payment_id != receipt.payment_id
    assert purse_of(flow) == sats(20)
    assert effects(flow, receipt.action_id)["on_retry"] == 1
    agrees(flow, sandbox)


def test_a_retry_needs_money(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    sandbox.fate("unreachable")
    receipt = withdraw(flow, amount=sats(20))
    withdraw(flow)
    with pytest.raises(InsufficientFunds):
        flow.retry(receipt.action_id, actor="ann")
    assert now(flow, receipt).state is State.FAILED
    assert purse_of(flow) == sats(20)


@pytest.mark.parametrize("kind", ["decline", "refuse"])
def test_it_was_certainly_not_sent(
    flow: PaidFlow, sandbox: SandboxGateway, receiver: SandboxGateway, kind: FaultKind
) -> None:
    """So the same invoice can be paid after all."""
    sandbox.fault("pay_out", kind)
    receipt = withdraw(flow, invoice(receiver))
    assert receipt.state is State.FAILED
    assert purse_of(flow) == EARNED
    again = flow.retry(receipt.action_id, actor="ann")
    assert again.state is State.PAID
    assert again.payment_id == receipt.payment_id
    assert receiver.holdings() == (sats(10),)
    agrees(flow, sandbox)


def test_it_costs_more_than_it_may(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    sandbox.route_fee = 1001
    assert withdraw(flow).state is State.FAILED
    assert purse_of(flow) == EARNED
    agrees(flow, sandbox)


def test_it_has_cost_more_than_it_may(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """What is above the budget is not on the actor."""
    sandbox.fate("overcharged")
    receipt = withdraw(flow)
    assert (receipt.state, receipt.fee) == (State.PAID, msats(1001))
    assert purse_of(flow) == LEFT
    agrees(flow, sandbox)
    with flow.store.reading() as tx:
        rows = tx.query("sum_accounts", prefix="fees").fetchall()
    assert [int(row["total"]) for row in rows] == [-1]


# Nobody knows what became of it.


def test_the_answer_was_lost(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    sandbox.fault("pay_out", "time_out_after")
    receipt = withdraw(flow)
    assert receipt.state is State.PAID
    assert len(sent(sandbox)) == 1
    agrees(flow, sandbox)


def test_no_answer_at_all(flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock) -> None:
    sandbox.fault("pay_out", "time_out_after")
    sandbox.fault("lookup_payment", "time_out_before", times=3)
    receipt = withdraw(flow)
    assert receipt.state is State.FORWARDING
    assert purse_of(flow) == LEFT
    with pytest.raises(NotCancellable):
        flow.cancel(receipt.action_id, actor="ann")
    work(flow, clock, times=4)
    assert now(flow, receipt).state is State.PAID
    assert len(sent(sandbox)) == 1
    agrees(flow, sandbox)


def test_it_was_not_sent_and_nobody_said_so(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    """The money stays away until the gateway would not begin it any more, and a margin."""
    sandbox.fault("pay_out", "time_out_before")
    receipt = withdraw(flow)
    assert receipt.state is State.FORWARDING
    work(flow, clock, seconds=GIVEN_UP_S - 2)
    assert now(flow, receipt).state is State.FORWARDING
    assert purse_of(flow) == LEFT
    work(flow, clock, seconds=300)
    assert now(flow, receipt).state is State.FAILED
    assert purse_of(flow) == EARNED
    assert len(sent(sandbox)) == 1
    assert flow.retry(receipt.action_id, actor="ann").state is State.PAID
    agrees(flow, sandbox)


def test_a_payment_that_was_seen_is_not_forgotten(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    """A gateway that has once known it and does not know it any more proves nothing."""
    sandbox.fate("stuck")
    receipt = withdraw(flow)
    assert receipt.state is State.FORWARDING
    assert sandbox.forget_payment(receipt.payment_id or "")
    work(flow, clock, times=20, seconds=301)
    assert now(flow, receipt).state is State.FORWARDING
    assert purse_of(flow) == LEFT
    (asked,) = attention(flow)
    assert (asked.action_id, asked.reason) == (receipt.action_id, "forward_overdue")
    sandbox.forget_payment(receipt.payment_id or "", False)
    sandbox.finish_payment(receipt.payment_id or "")
    work(flow, clock, seconds=301)
    assert now(flow, receipt).state is State.PAID
    assert attention(flow) == []
    agrees(flow, sandbox)


def test_accepted_and_then_unknown(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    """What the gateway has accepted it cannot deny."""
    sandbox.fate("stuck")
    sandbox.fault("lookup_payment", "time_out_before")
    receipt = withdraw(flow)
    sandbox.forget_payment(receipt.payment_id or "")
    work(flow, clock, times=2, seconds=GIVEN_UP_S)
    assert now(flow, receipt).state is State.FORWARDING
    assert purse_of(flow) == LEFT


@pytest.mark.parametrize("arrives", [True, False])
def test_it_is_stuck(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, arrives: bool
) -> None:
    sandbox.fate("stuck")
    receipt = withdraw(flow)
    assert receipt.state is State.FORWARDING
    for _ in range(5):
        work(flow, clock, seconds=301)
        flow.perform(cash(), actor="ann", idempotency_key="other")
    assert now(flow, receipt).state is State.FORWARDING
    end = sandbox.finish_payment if arrives else sandbox.break_payment
    assert end(receipt.payment_id or "")
    work(flow, clock, seconds=301)
    assert now(flow, receipt).state is (State.PAID if arrives else State.FAILED)
    assert purse_of(flow) == (sats(10) if arrives else sats(20))
    assert sent(sandbox).count(receipt.payment_id) == 1
    agrees(flow, sandbox)


@pytest.mark.parametrize("resolution", ["outgoing_arrived", "outgoing_failed"])
def test_a_person_knows_what_became_of_it(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, resolution: Resolution
) -> None:
    sandbox.fate("stuck")
    receipt = withdraw(flow)
    work(flow, clock, times=14, seconds=301)
    (asked,) = attention(flow)
    loaded = flow.steps.load(asked.action_id)
    assert loaded is not None
    possible = possible_resolutions(loaded.aggregate, flow.gateways)
    assert {"outgoing_arrived", "outgoing_failed"} <= set(possible)
    flow.resolve(receipt.action_id, resolution, operator="eve", why="the bank has written")
    done = now(flow, receipt)
    arrived = resolution == "outgoing_arrived"
    assert done.state is (State.PAID if arrived else State.FAILED)
    assert purse_of(flow) == (LEFT if arrived else EARNED)
    assert attention(flow) == []
    with pytest.raises(NotResolvable):
        flow.resolve(receipt.action_id, resolution, operator="eve", why="once more")


@pytest.mark.parametrize("fee", [msats(0), msats(250), FEE_MAX, None])
def test_a_person_knows_what_it_has_cost(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, fee: Money | None
) -> None:
    sandbox.route_fee = 250
    receipt = _in_doubt(flow, sandbox, clock)
    said = {"operator": "eve", "why": "the bank has written"}
    flow.resolve(receipt.action_id, "outgoing_arrived", fee=fee, **said)
    cost = FEE_MAX if fee is None else fee
    assert (now(flow, receipt).state, now(flow, receipt).fee) == (State.PAID, cost)
    assert purse_of(flow) == EARNED - AMOUNT - cost
    sandbox.finish_payment(receipt.payment_id or "")
    differs = [one.rule for one in audit(flow) if not one.agrees]
    assert differs == ([] if fee == msats(250) else [Rule.HOLDINGS])


@pytest.mark.parametrize(
    ("resolution", "fee"),
    [
        ("outgoing_arrived", msats(-1)),
        ("outgoing_arrived", FEE_MAX + msats(1)),
        ("outgoing_arrived", Money(1, "EUR")),
        ("outgoing_arrived", 250),
        ("outgoing_failed", msats(250)),
        ("dismiss", msats(0)),
    ],
)
def test_what_it_cannot_have_cost(
    flow: PaidFlow,
    sandbox: SandboxGateway,
    clock: ManualClock,
    resolution: Resolution,
    fee: Any,
) -> None:
    receipt = _in_doubt(flow, sandbox, clock)
    before = snapshot(flow)
    with pytest.raises(InvalidArguments):
        flow.resolve(receipt.action_id, resolution, operator="eve", why="a guess", fee=fee)
    assert snapshot(flow) == before


def _in_doubt(flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock) -> Receipt:
    """It is on its way for so long that a person is asked."""
    sandbox.fate("stuck")
    receipt = withdraw(flow)
    work(flow, clock, times=14, seconds=301)
    assert len(attention(flow)) == 1
    return receipt


def test_payments_in_doubt_are_listed(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    sandbox.fate("stuck")
    receipt, _ = withdraw(flow), withdraw(flow)
    (doubtful,) = Reader(flow).payments_in_doubt()
    assert (doubtful.action_id, doubtful.payment_id) == (receipt.action_id, receipt.payment_id)
    assert (doubtful.actor, doubtful.gateway, doubtful.since) == ("ann", "sandbox", clock.now())
    sandbox.finish_payment(receipt.payment_id or "")
    work(flow, clock, seconds=301)
    assert Reader(flow).payments_in_doubt() == []


# Somebody dies.

POINTS = {
    "perform.request.before": (None, 0),
    "perform.request.after": (State.PAID, 1),
    "perform.pay_out_intent.before": (State.PAID, 1),
    "perform.pay_out_intent.after": (State.FAILED, 0),
    "perform.pay_out.before": (State.FAILED, 0),
    "perform.pay_out.after": (State.PAID, 1),
    "perform.lookup_payment.before": (State.PAID, 1),
    "perform.lookup_payment.after": (State.PAID, 1),
    "perform.pay_out_sent.before": (State.PAID, 1),
    "perform.pay_out_sent.after": (State.PAID, 1),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_death(flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, point: str) -> None:
    state, payments = POINTS[point]
    with crash_at(point):
        flow.perform(cash(), actor="ann", idempotency_key="k")
    for _ in range(3):  # a worker that is started again and again
        clock.tick(6)
        Worker(flow).run_once()
    work(flow, clock, times=2, seconds=GIVEN_UP_S)
    assert len(sent(sandbox)) == payments
    receipt = flow.perform(cash(), actor="ann", idempotency_key="k")
    assert receipt.state is (state or State.PAID)
    assert purse_of(flow) == (sats(20) if receipt.state is State.PAID else EARNED)
    agrees(flow, sandbox)


# Given up.


def test_cancelled_before_it_is_sent(
    flow: PaidFlow, sandbox: SandboxGateway, receiver: SandboxGateway, clock: ManualClock
) -> None:
    request = invoice(receiver)
    with crash_at("perform.pay_out_intent.before"):
        flow.perform(cash(request), actor="ann", idempotency_key="k")
    receipt = flow.perform(cash(request), actor="ann", idempotency_key="k")
    assert receipt.state is State.RETRYING
    with pytest.raises(PaymentUsed):
        withdraw(flow, request)
    assert flow.cancel(receipt.action_id, actor="ann").state is State.FAILED
    work(flow, clock, times=3)
    assert sent(sandbox) == []
    assert purse_of(flow) == EARNED
    # It was never sent, so another withdrawal may.
    assert withdraw(flow, request).state is State.PAID
    with pytest.raises(PaymentUsed):
        flow.retry(receipt.action_id, actor="ann")


def test_not_sent_in_time(flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock) -> None:
    with crash_at("perform.pay_out_intent.before"):
        flow.perform(cash(), actor="ann", idempotency_key="k")
    work(flow, clock, seconds=61)
    receipt = flow.perform(cash(), actor="ann", idempotency_key="k")
    assert (receipt.state, receipt.failure_reason) == (State.FAILED, FailureReason.PAY_OUT_FAILED)
    assert sent(sandbox) == []
    assert purse_of(flow) == EARNED


def test_paid_is_the_end(flow: PaidFlow) -> None:
    receipt = withdraw(flow)
    with pytest.raises(NotCancellable):
        flow.cancel(receipt.action_id, actor="ann")
    with pytest.raises(NotRetriable):
        flow.retry(receipt.action_id, actor="ann")


# Hooks.


def test_a_hook_that_raises_does_not_hide_the_money(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = withdraw(flow, raises={"on_paid": 1})
    assert receipt.state is State.FORWARDING
    assert receipt.fee == sats(0)
    agrees(flow, sandbox)
    work(flow, clock)
    assert now(flow, receipt).state is State.PAID
    assert purse_of(flow) == sats(20)
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    assert len(sent(sandbox)) == 1


def test_a_hook_that_refuses(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    with pytest.raises(Refused):
        withdraw(flow, raises={"perform": -1})
    assert purse_of(flow) == EARNED
    assert sent(sandbox) == []


# The gateway is away.


def test_an_outage(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    sandbox.outage(True)
    receipt = withdraw(flow)
    assert receipt.state is State.FAILED
    sandbox.outage(False)
    assert purse_of(flow) == EARNED
    assert flow.retry(receipt.action_id, actor="ann").state is State.PAID


def test_the_destination_can_be_erased(flow: PaidFlow, receiver: SandboxGateway) -> None:
    request = invoice(receiver)
    receipt = withdraw(flow, request)
    assert request in repr(snapshot(flow))
    assert request not in repr(cash(request))
    flow.erase(receipt.action_id)
    assert request not in repr(snapshot(flow))


def test_inside_a_transaction_of_the_application(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, store_url: str
) -> None:
    """It is only noted there; a worker sends it once that is committed."""
    prepared = flow.prepare(cash(), actor="ann")
    sqlite = store_url.startswith("sqlite")
    connect: Any = sqlite3.connect if sqlite else psycopg.connect
    own = connect(store_url.removeprefix("sqlite:///"))
    receipt = flow.perform(prepared, tx=own)
    assert (receipt.provisional, receipt.state) == (True, State.RETRYING)
    assert sent(sandbox) == []
    own.commit()
    own.close()
    work(flow, clock)
    assert now(flow, receipt).state is State.PAID
    assert len(sent(sandbox)) == 1
    agrees(flow, sandbox)


# What stays secret, and what is set up wrongly.


def test_the_preimage_is_told_to_nobody(
    flow: PaidFlow,
    sandbox: SandboxGateway,
    receiver: SandboxGateway,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    receipt = withdraw(flow, invoice(receiver))
    shown = sandbox.lookup_payment(receipt.payment_id or "")
    assert isinstance(shown, PaidOut)
    assert shown.preimage is not None
    told = f"{receipt!r}{flow.history(receipt.action_id, actor='ann')}{snapshot(flow)}"
    for secret in (shown.preimage.hex(), repr(shown.preimage)):
        assert secret not in told + caplog.text


def test_a_copy_of_the_database_sends_nothing(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    with crash_at("perform.pay_out_intent.before"):
        flow.perform(cash(), actor="ann", idempotency_key="k")
    before = snapshot(flow)
    flow.gateways.locked = True
    for call in (
        lambda: withdraw(flow),
        lambda: flow.perform(cash(), actor="bob"),
        lambda: Worker(flow).run_once(),
    ):
        with pytest.raises((RestoredCopy, InsufficientFunds)):
            call()
    loaded = next(iter_loaded(flow))
    with pytest.raises(RestoredCopy):
        flow.steps.drive(loaded, hooks_too=True)
    assert snapshot(flow) == before
    flow.gateways.locked = False
    work(flow, clock)
    assert len(sent(sandbox)) == 1


def iter_loaded(flow: PaidFlow) -> Iterator[Loaded]:
    with flow.store.reading() as tx:
        rows = tx.execute("select action_id from paidflow_actions where kind = 'cash'").fetchall()
    for row in rows:
        loaded = flow.steps.load(row["action_id"])
        assert loaded is not None
        yield loaded


class FromCredits(Withdrawal):
    funding = (CREDITS,)


class ToOthersAsWell(Withdrawal):
    def payouts(self, ctx: Context) -> list[Posting]:
        return [Posting(POOL, self.amount)]


@pytest.mark.parametrize("wrong", [FromCredits, ToOthersAsWell])
def test_a_class_that_does_not_fit(sandbox: SandboxGateway, wrong: type[Withdrawal]) -> None:
    with pytest.raises(InvalidConfiguration, match="pays out"):
        PaidFlow.open(
            "sqlite:///:memory:", actions=[wrong], gateways={"sandbox": sandbox}, secret=SECRET
        )


class Unbalanced(Withdrawal):
    kind = "unbalanced"

    def cost(self, ctx: Context) -> Money:
        return self.amount


class Mixed(Withdrawal):
    kind = "mixed"

    def cost(self, ctx: Context) -> Money:
        return self.amount


@pytest.mark.parametrize(
    "action",
    [
        Unbalanced(destination=ADDRESS, amount=sats(10), fee_max=sats(1)),
        Mixed(destination=ADDRESS, amount=sats(10), fee_max=Money(0, "EUR")),
    ],
)
def test_a_transfer_that_is_not_the_cost(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock, action: Withdrawal
) -> None:
    actions = (*PAYDAY, Unbalanced, Mixed)
    with open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=actions) as flow:
        earn(flow, sandbox, EARNED)
        with pytest.raises(InvalidArguments):
            flow.perform(action, actor="ann")
        assert purse_of(flow) == EARNED
    assert sent(sandbox) == []


def test_what_has_left_cannot_be_refunded(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """Otherwise it would be paid out, and given back to the purse as well."""
    receipt = flow.perform(cash(), actor="ann")
    assert receipt.state is State.PAID
    before, left = snapshot(flow), purse_of(flow)
    for amount in (None, AMOUNT):
        with pytest.raises(NotRefundable):
            flow.refund(receipt.action_id, amount, operator="olga", why="a mistake")
    assert (snapshot(flow), purse_of(flow)) == (before, left)
    agrees(flow, sandbox)
