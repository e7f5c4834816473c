"""Many give the same money back at the same moment: together never more than came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from paidflow import PaidFlow, Receipt, State, Worker, purse, sats
from paidflow.errors import Conflict, InsufficientFunds, RefundTooLarge
from paidflow.operating.audit import audit
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import again, check_books, invoice_of, paid, pay, sums
from tests.flow.test_quotes import Coffee, Desk, balances, dollars, open_bar
from tests.races.arena import together
from tests.wall import NOTES, SharedNote, effects, open_wall
from tests.zaps import Bill

CROWD = 12
BY = {"operator": "eve", "why": "it was broken"}


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    actions = [*NOTES, SharedNote, Bill]
    with open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=actions) as opened:
        yield opened


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CROWD) as opened:
        yield opened


def _rest(flow: PaidFlow, clock: ManualClock) -> None:
    for _ in range(3):
        clock.tick(400)
        Worker(flow).run_until_idle()


def test_partial_refunds_over_what_came(
    flow: PaidFlow, pool: ThreadPoolExecutor, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    """Twelve want three of ten sats: three of them get it."""
    receipt = paid(flow, sandbox, SharedNote(text="gm"))
    refund = [lambda: flow.refund(receipt.action_id, sats(3), **BY)] * CROWD
    results = together(pool, refund)
    kinds = Counter(type(result) for result in results)
    assert kinds[Receipt] + kinds[RefundTooLarge] + kinds[Conflict] == CROWD, results
    assert kinds[Receipt] <= 3
    _rest(flow, clock)
    after = again(flow, receipt)
    assert after.refunded == sats(3 * kinds[Receipt])
    assert after.refunding is None
    assert sandbox.total_reversed() == after.refunded
    check_books(flow, sandbox)
    while kinds[Receipt] < 3:  # whoever lost every time may ask again
        flow.refund(receipt.action_id, sats(3), **BY)
        kinds[Receipt] += 1
    with pytest.raises(RefundTooLarge):
        flow.refund(receipt.action_id, sats(3), **BY)
    assert flow.refund(receipt.action_id, **BY).state is State.REFUNDED
    check_books(flow, sandbox)


def test_partial_refunds_over_what_was_converted(
    store_url: str, pool: ThreadPoolExecutor, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    """Twelve want 3,000 of 10,310 satoshis, for which two dollar accounts were paid."""
    with open_bar(store_url, {"sandbox": sandbox}, clock, Desk(clock)) as flow:
        receipt = pay(flow, sandbox, flow.perform(Coffee(), actor="ann"))
        refund = [lambda: flow.refund(receipt.action_id, sats(3000), **BY)] * CROWD
        results = together(pool, refund)
        kinds = Counter(type(result) for result in results)
        assert kinds[Receipt] + kinds[RefundTooLarge] + kinds[Conflict] == CROWD, results
        assert 1 <= kinds[Receipt] <= 3
        _rest(flow, clock)
        assert sandbox.total_reversed() == sats(3000 * kinds[Receipt])
        given = 3000 * kinds[Receipt] * 1000 // 10_310
        assert balances(flow)["exchange"] == [
            sats(10_310 - 3000 * kinds[Receipt]),
            dollars(given - 1000),
        ]
        assert [one for one in audit(flow) if not one.agrees] == []
        assert flow.refund(receipt.action_id, **BY).state is State.REFUNDED
        assert balances(flow) == {}


def test_one_key_gives_back_once(
    flow: PaidFlow, pool: ThreadPoolExecutor, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = paid(flow, sandbox, SharedNote(text="gm"))
    refund = [
        lambda: flow.refund(receipt.action_id, sats(3), idempotency_key="ticket 7", **BY)
    ] * CROWD
    results = together(pool, refund)
    kinds = Counter(type(result) for result in results)
    assert kinds[Receipt] + kinds[Conflict] == CROWD, results
    assert sum(isinstance(r, Receipt) and r.changed for r in results) == 1
    _rest(flow, clock)
    assert sandbox.total_reversed() == sats(3)
    check_books(flow, sandbox)


def test_everybody_gives_all_of_it_back(
    flow: PaidFlow, pool: ThreadPoolExecutor, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    """The operators, messages about it, somebody at the bank itself, and workers."""
    receipt = paid(flow, sandbox, SharedNote(text="gm"))
    invoice = invoice_of(receipt)
    calls = [
        *[lambda: flow.refund(receipt.action_id, **BY)] * 4,
        *[lambda: flow.sync("sandbox", invoice)] * 4,
        *[lambda: Worker(flow).run_once()] * 2,
        *[lambda: sandbox.refund_outside(invoice, sats(6))] * 2,
    ]
    results = together(pool, calls)
    errors = [r for r in results if isinstance(r, Exception)]
    assert {type(error) for error in errors} <= {RefundTooLarge, Conflict}, errors
    _rest(flow, clock)
    flow.sync("sandbox", invoice)
    if again(flow, receipt).state is State.PAID:  # ours was declined because of theirs
        assert again(flow, receipt).refunded == sats(6)
        flow.refund(receipt.action_id, **BY)
    after = again(flow, receipt)
    assert (after.state, after.refunded, after.refunding) == (State.REFUNDED, sats(10), None)
    assert sandbox.total_reversed() == sats(10)
    found = sums(flow)
    assert (found["losses"], found[purse("bob")]) == (0, 0)
    done = effects(flow, receipt.action_id)
    assert done["on_paid"] - done["on_reversed"] == 0
    check_books(flow, sandbox)


def test_payees_are_taken_from_while_they_spend(
    flow: PaidFlow, pool: ThreadPoolExecutor, sandbox: SandboxGateway
) -> None:
    """Refunds that take from the same purses lock them in one order."""
    receipts = [paid(flow, sandbox, SharedNote(text="gm")) for _ in range(6)]
    calls = [
        *[lambda r=r: flow.refund(r.action_id, **BY) for r in receipts],
        *[lambda: flow.perform(Bill(text="bob", price_sats=5), actor="bob")] * 6,
    ]
    results = together(pool, calls)
    assert [r for r in results if not isinstance(r, Receipt | InsufficientFunds)] == []
    assert all(isinstance(refund, Receipt) for refund in results[:6])
    found = sums(flow)
    assert flow.balance("bob").amount == found[purse("bob")] >= 0
    spent = sum(r.state is State.PAID for r in results[6:] if isinstance(r, Receipt))
    assert found[f"receivable:{purse('bob')}"] == -5000 * spent + found[purse("bob")]
    assert sandbox.total_reversed() == sats(60)
    check_books(flow, sandbox)
