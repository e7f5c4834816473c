"""Withdrawals by themselves: when they begin, one at a time, and what stops them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from paidflow import Money, State, Worker, msats, sats, withdrawable
from paidflow.actions.auto_withdrawal import divided
from paidflow.errors import InvalidDestination, InvalidField, Refused
from paidflow.forum import (
    AutoWithdrawal,
    Discussion,
    TerritoryCreate,
    Zap,
    auto_withdraw,
    set_auto_withdrawal,
    stop_auto_withdrawal,
    tasks,
)
from tests.forum import Forum
from tests.zaps import differences, fund, left

ADDRESS = "sandbox-address:ann"
OTHER = "sandbox-address:ann-at-home"


@pytest.fixture(autouse=True)
def bank(forum: Forum) -> None:
    """The bank has money to send, and ann wants what she has above 1,000 sats."""
    forum.done(TerritoryCreate(name="tea", description="All about tea"), "bob")
    set_auto_withdrawal(forum.flow, "ann", ADDRESS, 1_000)


def earned(forum: Forum, amount_sats: int, key: str = "start") -> None:
    fund(forum.flow, withdrawable("ann"), sats(amount_sats).amount, key)


def purse(forum: Forum) -> int:
    """What ann could withdraw, in sats."""
    (amount,) = left(forum.flow, withdrawable("ann"))
    return amount // 1000


def latest(forum: Forum) -> str:
    """The id of the latest withdrawal."""
    with forum.flow.store.reading() as tx:
        row = tx.execute(
            "select action_id from paidflow_actions where kind = 'auto-withdrawal'"
            " order by created_at desc limit 1"
        ).fetchone()
    assert row is not None
    return row["action_id"]


def test_what_is_above_the_threshold_goes_to_the_address(forum: Forum) -> None:
    earned(forum, 2_010)
    assert auto_withdraw(forum.flow) == 1
    assert forum.flow.get(latest(forum), actor="ann").state is State.PAID
    (payment,) = forum.sandbox.payments()
    assert Money(payment.amount, "BTC") == sats(1_000)
    assert purse(forum) == 1_010 - payment.fee // 1000
    assert auto_withdraw(forum.flow) == 0
    assert differences(forum.flow) == []


@pytest.mark.parametrize(("amount_sats", "begun"), [(0, 0), (999, 0), (1_099, 0), (1_100, 1)])
def test_not_before_there_is_a_tenth_more(forum: Forum, amount_sats: int, begun: int) -> None:
    if amount_sats:
        earned(forum, amount_sats)
    assert auto_withdraw(forum.flow) == begun


def test_the_worker_of_a_forum_does_it(forum: Forum) -> None:
    earned(forum, 5_000)
    Worker(forum.flow, folding=forum.folding, tasks=tasks()).run_until_idle()
    assert len(forum.sandbox.payments()) == 1


def test_after_one_that_has_failed_there_is_a_pause(forum: Forum) -> None:
    earned(forum, 5_000)
    forum.sandbox.fate("unreachable", 2)
    assert auto_withdraw(forum.flow) == 1
    assert forum.flow.get(latest(forum), actor="ann").state is State.FAILED
    assert purse(forum) == 5_000
    earned(forum, 5_000, "more")  # the pause does not depend on the amount
    forum.clock.tick(3599)
    assert auto_withdraw(forum.flow) == 0
    forum.clock.tick(1)
    assert auto_withdraw(forum.flow) == 1
    forum.clock.tick(timedelta(hours=1).total_seconds())
    assert auto_withdraw(forum.flow) == 1
    assert forum.flow.get(latest(forum), actor="ann").state is State.PAID
    assert differences(forum.flow) == []


def test_the_pause_begins_when_it_has_failed(forum: Forum) -> None:
    earned(forum, 5_000)
    forum.sandbox.fate("stuck")
    assert auto_withdraw(forum.flow) == 1
    forum.clock.tick(3000)
    (payment,) = forum.sandbox.payments()
    assert forum.sandbox.break_payment(payment.payment_id)
    forum.flow.sync_payment(latest(forum))
    forum.clock.tick(3599)
    assert auto_withdraw(forum.flow) == 0
    forum.clock.tick(1)
    assert auto_withdraw(forum.flow) == 1


def test_its_owner_need_not_wait_for_the_end_of_the_pause(forum: Forum) -> None:
    earned(forum, 5_000)
    forum.sandbox.fate("unreachable")
    auto_withdraw(forum.flow)
    assert forum.flow.retry(latest(forum), actor="ann").state is State.PAID
    earned(forum, 5_000, "more")
    assert auto_withdraw(forum.flow) == 1


def test_one_at_a_time(forum: Forum) -> None:
    earned(forum, 5_000)
    forum.sandbox.fate("stuck")
    assert auto_withdraw(forum.flow) == 1
    earned(forum, 5_000, "more")
    assert auto_withdraw(forum.flow) == 0
    (payment,) = forum.sandbox.payments()
    assert forum.sandbox.finish_payment(payment.payment_id)
    forum.flow.sync_payment(latest(forum))
    assert auto_withdraw(forum.flow) == 1


def test_many_processes_begin_one(forum: Forum) -> None:
    earned(forum, 5_000)
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(auto_withdraw, [forum.flow] * 4)) == 1
    assert len(forum.sandbox.payments()) == 1
    assert differences(forum.flow) == []


def test_what_was_spent_meanwhile_is_not_paid_out(forum: Forum) -> None:
    """Looked at with 2,100 sats; 900 of them are spent before it is stored."""
    earned(forum, 2_100)
    withdrawal = AutoWithdrawal(destination=ADDRESS, amount=sats(1_000), fee_max=sats(10))
    prepared = forum.flow.prepare(withdrawal, actor="ann")
    _spend(forum, 900)
    with pytest.raises(Refused, match="nothing to be paid out"):
        forum.flow.perform(prepared)
    assert purse(forum) == 1_200
    assert forum.sandbox.payments() == []
    assert differences(forum.flow) == []


def test_nothing_is_paid_to_an_address_that_is_not_the_owner_s_any_more(forum: Forum) -> None:
    earned(forum, 5_000)
    old = AutoWithdrawal(destination=ADDRESS, amount=sats(1_000), fee_max=sats(10))
    set_auto_withdrawal(forum.flow, "ann", OTHER, 1_000)
    with pytest.raises(Refused):
        forum.flow.perform(old, actor="ann")
    stop_auto_withdrawal(forum.flow, "ann")
    assert auto_withdraw(forum.flow) == 0
    with pytest.raises(Refused):
        forum.flow.perform(old, actor="ann")


def test_another_address_ends_the_pause(forum: Forum) -> None:
    earned(forum, 5_000)
    forum.sandbox.fate("unreachable")
    auto_withdraw(forum.flow)
    set_auto_withdrawal(forum.flow, "ann", OTHER, 1_000)
    assert auto_withdraw(forum.flow) == 1


@pytest.mark.parametrize(
    ("destination", "threshold_sats", "fee_percent", "error"),
    [
        ("lnbc1", 0, 1, InvalidDestination),
        (ADDRESS, -1, 1, InvalidField),
        (ADDRESS, 0, -1, InvalidField),
        (ADDRESS, 0, 101, InvalidField),
    ],
)
def test_what_cannot_be_set(
    forum: Forum, destination: str, threshold_sats: int, fee_percent: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        set_auto_withdrawal(forum.flow, "bob", destination, threshold_sats, fee_percent)
    assert auto_withdraw(forum.flow) == 0


def test_an_invoice_is_no_address(forum: Forum) -> None:
    receipt = forum.pending(TerritoryCreate(name="milk", description="x"), "bob")
    assert receipt.payment_request is not None
    with pytest.raises(InvalidField, match="destination: an invoice"):
        set_auto_withdrawal(forum.flow, "carol", receipt.payment_request, 0)


@pytest.mark.parametrize(
    ("excess", "fee_percent", "amount", "fee_max"),
    [
        (sats(1_010), 1, sats(1_000), sats(10)),
        (sats(100), 0, sats(100), sats(0)),
        (sats(100), 100, sats(50), sats(50)),
        (msats(1_999), 1, sats(1), msats(10)),
        (msats(1_000), 1, sats(0), sats(0)),
    ],
)
def test_dividing(excess: Money, fee_percent: int, amount: Money, fee_max: Money) -> None:
    assert divided(excess, fee_percent) == (amount, fee_max)


def _spend(forum: Forum, amount_sats: int) -> None:
    """Ann zaps with what she could withdraw; she has no credits."""
    post = forum.done(Discussion(title="Which tea?"), "dave")
    forum.done(Zap(item_id=post, amount_sats=amount_sats), "ann")
