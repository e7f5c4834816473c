"""A payment that the gateway has denied, so that it is tried again, and that arrives all the same.

Before the next one is sent the gateway is asked once more, and nobody is paid twice.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from paidflow import PaidFlow, Receipt, State, sats
from paidflow.errors import Conflict, NotRetriable
from paidflow.ledger.accounts import LOSSES
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.paying_out import SEND_MARGIN
from paidflow.testing import ManualClock
from tests.crash.invariants import balances
from tests.flow.support import attention, work
from tests.payday import AMOUNT, agrees, cash, earn, now, open_payday, purse_of, sent

EARNED = sats(30)
GIVEN_UP_S = 60 + SEND_MARGIN.total_seconds() + 1


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    with open_payday(store_url, sandbox, clock) as opened:
        earn(opened, sandbox, EARNED)
        yield opened
        agrees(opened, sandbox)


@pytest.fixture
def denied(flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock) -> Receipt:
    """A withdrawal whose payment is on its way, although the gateway says that there is none."""
    sandbox.fate("stuck")
    sandbox.fault("pay_out", "time_out_after")
    sandbox.fault("lookup_payment", "time_out_before")
    receipt = flow.perform(cash(), actor="ann")
    assert sandbox.forget_payment(receipt.payment_id or "")
    work(flow, clock, seconds=GIVEN_UP_S)
    assert now(flow, receipt).state is State.FAILED
    assert purse_of(flow) == EARNED
    return receipt


def _remembered(sandbox: SandboxGateway, receipt: Receipt) -> str:
    payment_id = receipt.payment_id or ""
    assert sandbox.forget_payment(payment_id, forgotten=False)
    return payment_id


def _lost(flow: PaidFlow, sandbox: SandboxGateway, receipt: Receipt) -> None:
    """It has arrived once, the purse has its money, and a person knows of the loss."""
    assert now(flow, receipt).state is State.FAILED
    assert sent(sandbox) == [receipt.payment_id]
    assert purse_of(flow) == EARNED
    assert balances(flow)[LOSSES] == -AMOUNT.amount
    assert [one.reason for one in attention(flow)] == ["paid_out_late"]
    with pytest.raises(NotRetriable):
        flow.retry(receipt.action_id, actor="ann")


def test_it_has_arrived_and_nothing_is_sent_again(
    flow: PaidFlow, sandbox: SandboxGateway, denied: Receipt
) -> None:
    assert sandbox.finish_payment(_remembered(sandbox, denied))
    assert flow.retry(denied.action_id, actor="ann").state is State.FAILED
    _lost(flow, sandbox, denied)


@pytest.mark.parametrize("arrives", [True, False])
def test_it_is_on_its_way_and_is_waited_for(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, denied: Receipt, arrives: bool
) -> None:
    payment_id = _remembered(sandbox, denied)
    assert flow.retry(denied.action_id, actor="ann").state is State.RETRYING
    work(flow, clock, seconds=6)
    assert now(flow, denied).state is State.RETRYING
    assert sent(sandbox) == [payment_id]
    assert (sandbox.finish_payment if arrives else sandbox.break_payment)(payment_id)
    work(flow, clock, seconds=20)
    if arrives:
        _lost(flow, sandbox, denied)
    else:
        assert now(flow, denied).state is State.PAID
        assert len(sent(sandbox)) == 2
        assert purse_of(flow) == EARNED - AMOUNT


def test_without_an_answer_nothing_is_sent(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, denied: Receipt
) -> None:
    sandbox.fault("lookup_payment", "time_out_before", times=2)
    assert flow.retry(denied.action_id, actor="ann").state is State.RETRYING
    work(flow, clock, seconds=6)
    assert now(flow, denied).state is State.RETRYING
    assert sent(sandbox) == [denied.payment_id]
    work(flow, clock, seconds=20)
    assert now(flow, denied).state is State.PAID
    assert len(sent(sandbox)) == 2


def test_without_an_answer_for_long_the_purse_has_its_money_back(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, denied: Receipt
) -> None:
    sandbox.fault("lookup_payment", "time_out_before", times=99)
    flow.retry(denied.action_id, actor="ann")
    work(flow, clock, times=20, seconds=61)
    assert now(flow, denied).state is State.FAILED
    assert sent(sandbox) == [denied.payment_id]
    assert purse_of(flow) == EARNED


def test_it_is_seen_before_the_worker_sends_the_next(
    flow: PaidFlow, sandbox: SandboxGateway, denied: Receipt
) -> None:
    """Whoever looks at it, such as ``paidflow reconcile``, stops the next one as well."""
    sandbox.fault("lookup_payment", "time_out_before")
    assert flow.retry(denied.action_id, actor="ann").state is State.RETRYING
    assert sandbox.finish_payment(_remembered(sandbox, denied))
    assert flow.sync_payment(denied.action_id, 1).state is State.FAILED
    _lost(flow, sandbox, denied)


def test_many_try_again_at_once(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, denied: Receipt
) -> None:
    """It is on its way or has arrived, whoever looks: nothing is sent again."""
    payment_id = _remembered(sandbox, denied)
    together = threading.Barrier(5)

    def again(number: int) -> None:
        together.wait(60)
        if not number:
            sandbox.finish_payment(payment_id)
            return
        with suppress(NotRetriable, Conflict):
            flow.retry(denied.action_id, actor="ann")

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(again, range(5)))
    work(flow, clock, seconds=20)
    _lost(flow, sandbox, denied)


def test_it_costs_one_question_and_only_if_there_was_an_earlier_payment(
    flow: PaidFlow, sandbox: SandboxGateway, denied: Receipt
) -> None:
    asked = _questions(sandbox)
    other = flow.perform(cash(), actor="ann")
    assert _questions(sandbox)[len(asked) :] == [other.payment_id]
    assert flow.retry(denied.action_id, actor="ann").state is State.PAID
    again = now(flow, denied).payment_id
    assert _questions(sandbox)[len(asked) + 1 :] == [denied.payment_id, again]


def _questions(sandbox: SandboxGateway) -> list[str | None]:
    return [call.invoice_id for call in sandbox.calls() if call.operation == "lookup_payment"]
