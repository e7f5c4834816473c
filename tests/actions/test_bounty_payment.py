"""Bounty payments: once, by the owner of the bounty, to the author of an answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from paidflow import POOL, Receipt, State, purse, sats
from paidflow.errors import ClaimTaken
from paidflow.forum import BountyPayment, DeleteItem, Zap
from paidflow.testing import ManualClock
from paidflow.testing.payer import invoice_of, pay
from tests.actions.support import refused
from tests.acts import DirectForum, comment, open_direct_forum, post, totals
from tests.forum import Forum, bounty_post
from tests.zaps import differences, left


def test_e4_without_a_wallet_he_gets_credits_and_nothing_comes_on_top(forum: Forum) -> None:
    promised = bounty_post(forum, "ann", bounty_sats=5_000)
    answer = comment(forum, promised, "bob")
    receipt = forum.pending(BountyPayment(item_id=answer))
    assert receipt.cost == sats(5_000)
    assert totals(forum, promised).get("bounty_paid_to") is None
    pay(forum.flow, forum.sandbox, receipt)
    assert left(forum.flow, purse("bob")) == (5_000_000,)
    assert totals(forum, promised)["bounty_paid_to"] == answer
    assert differences(forum.flow) == []


@pytest.mark.parametrize(
    ("bounty_sats", "on_top_sats"), [(1_000, 30), (1_001, 31), (5_000, 150), (700_000, 21_000)]
)
def test_e4_three_per_cent_come_on_top_for_the_way(
    direct: DirectForum, bounty_sats: int, on_top_sats: int
) -> None:
    forum = direct.forum
    answer = comment(forum, bounty_post(forum, "ann", bounty_sats), "bob")
    before = left(forum.flow, POOL)[0]
    receipt = direct.paid(BountyPayment(item_id=answer))
    assert receipt.cost == sats(bounty_sats + on_top_sats)
    assert direct.got("bob") == bounty_sats * 1_000
    assert left(forum.flow, purse("bob")) == (0,)
    # The way has cost one sat; the pool keeps what was not needed.
    assert left(forum.flow, POOL)[0] - before == on_top_sats * 1_000 - 1_000
    assert differences(forum.flow) == []


def test_e4_what_cannot_be_sent_to_a_wallet_is_paid_in_credits(
    store_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    with open_direct_forum(store_url, tmp_path, clock, direct_sats_max=5_000) as direct:
        answer = comment(direct.forum, bounty_post(direct.forum, "ann", 5_001), "bob")
        assert direct.paid(BountyPayment(item_id=answer)).cost == sats(5_001)
        assert left(direct.forum.flow, purse("bob")) == (5_001_000,)


def test_e4_credits_do_not_pay_a_bounty(forum: Forum) -> None:
    forum.rich("ann")
    answer = comment(forum, bounty_post(forum), "bob")
    assert forum.pending(BountyPayment(item_id=answer)).invoice_id is not None


@pytest.mark.parametrize("way", ["post", "elsewhere", "stranger", "own", "logged-out", "deleted"])
def test_e4_whom_a_bounty_cannot_be_paid_to(forum: Forum, way: str) -> None:
    promised = bounty_post(forum, "carol" if way == "stranger" else "ann")
    under = post(forum) if way == "elsewhere" else promised
    author = {"own": "ann", "logged-out": None}.get(way, "bob")
    answer = promised if way == "post" else comment(forum, under, author)
    if way == "deleted":
        forum.done(DeleteItem(item_id=answer), "bob")
    with refused("item_id"):
        forum.flow.perform(BountyPayment(item_id=answer), actor="ann")


def test_a3_zaps_do_not_pay_a_bounty(forum: Forum) -> None:
    promised = bounty_post(forum, "ann", bounty_sats=1_000)
    forum.done(Zap(item_id=comment(forum, promised, "bob"), amount_sats=1_000), "ann")
    assert totals(forum, promised)["bounty_paid_to"] is None


def test_e2_a_bounty_is_paid_once(forum: Forum) -> None:
    promised = bounty_post(forum)
    bob, carol = comment(forum, promised, "bob"), comment(forum, promised, "carol")
    first = forum.pending(BountyPayment(item_id=bob))
    with pytest.raises(ClaimTaken):  # in progress
        forum.flow.perform(BountyPayment(item_id=carol), actor="ann")
    pay(forum.flow, forum.sandbox, first)
    with pytest.raises(ClaimTaken):  # paid
        forum.flow.perform(BountyPayment(item_id=bob), actor="ann")


def test_e2_of_several_that_failed_only_the_last_is_tried_again(forum: Forum) -> None:
    promised = bounty_post(forum)
    bob, carol = comment(forum, promised, "bob"), comment(forum, promised, "carol")
    first = forum.failed(BountyPayment(item_id=bob))
    forum.clock.tick(60)
    second = forum.failed(BountyPayment(item_id=carol))
    with refused("item_id", "again since then"):
        forum.flow.retry(first.action_id, actor="ann")
    pay(forum.flow, forum.sandbox, forum.flow.retry(second.action_id, actor="ann"))
    assert totals(forum, promised)["bounty_paid_to"] == carol
    assert left(forum.flow, purse("bob"), purse("carol")) == (0, 5_000_000)


def test_e2_late_money_does_not_pay_it_a_second_time(forum: Forum) -> None:
    """It comes for a payment that failed before another one; it goes to the owner's purse."""
    promised = bounty_post(forum)
    first = forum.failed(BountyPayment(item_id=comment(forum, promised, "bob")))
    forum.done(BountyPayment(item_id=comment(forum, promised, "carol")))
    assert forum.sandbox.pay(invoice_of(first), late=True)
    forum.flow.sync("sandbox", invoice_of(first))
    forum.work()
    assert forum.flow.get(first.action_id, actor="ann").state is State.FAILED
    assert left(forum.flow, purse("ann"), purse("bob")) == (5_000_000, 0)
    assert differences(forum.flow) == []


def _refunded(forum: Forum, payment: Receipt) -> None:
    """All of a payment goes back."""
    forum.flow.refund(payment.action_id, operator="eve", why="the answer was copied")
    assert forum.flow.get(payment.action_id, actor="ann").state is State.REFUNDED


def _bounced(forum: Forum, payment: Receipt) -> None:
    """The payer's bank does not take it, and it comes back."""
    (refund,) = forum.sandbox.reversals(invoice_of(payment))
    assert forum.sandbox.bounce_refund(refund.reversal_id)
    forum.flow.sync("sandbox", invoice_of(payment))


def test_e2_a_payment_that_was_given_back_holds_the_bounty(forum: Forum) -> None:
    """If the refund bounces, the money is the winner's, and nobody else has got it."""
    promised = bounty_post(forum)
    bob, carol = comment(forum, promised, "bob"), comment(forum, promised, "carol")
    payment = forum.paid(BountyPayment(item_id=bob))
    _refunded(forum, payment)
    assert totals(forum, promised)["bounty_paid_to"] is None
    assert left(forum.flow, purse("bob")) == (0,)
    for answer in (bob, carol):
        with pytest.raises(ClaimTaken):
            forum.flow.perform(BountyPayment(item_id=answer), actor="ann")
    _bounced(forum, payment)
    assert forum.flow.get(payment.action_id, actor="ann").state is State.PAID
    assert totals(forum, promised)["bounty_paid_to"] == bob
    assert left(forum.flow, purse("bob"), purse("carol")) == (5_000_000, 0)
    assert differences(forum.flow) == []


def test_e2_nobody_gets_it_while_it_is_given_back_and_comes_back(forum: Forum) -> None:
    promised = bounty_post(forum)
    bob, carol = comment(forum, promised, "bob"), comment(forum, promised, "carol")
    payment = forum.paid(BountyPayment(item_id=bob))
    together = threading.Barrier(2)

    def reverse() -> None:
        together.wait(60)
        _refunded(forum, payment)
        _bounced(forum, payment)

    def request() -> int:
        together.wait(60)
        taken = 0
        for _ in range(20):
            try:
                forum.done(BountyPayment(item_id=carol))
            except ClaimTaken:
                taken += 1
        return taken

    with ThreadPoolExecutor(2) as pool:
        reversed_, requested = pool.submit(reverse), pool.submit(request)
        reversed_.result()
        assert requested.result() == 20
    assert left(forum.flow, purse("bob"), purse("carol")) == (5_000_000, 0)
    assert differences(forum.flow) == []


def test_e2_one_of_two_payments_at_once_wins(forum: Forum) -> None:
    promised = bounty_post(forum)
    answers = [comment(forum, promised, "bob"), comment(forum, promised, "carol")]
    together = threading.Barrier(2)

    def request(answer: str) -> Receipt | ClaimTaken:
        together.wait(60)
        try:
            return forum.flow.perform(BountyPayment(item_id=answer), actor="ann")
        except ClaimTaken as taken:
            return taken

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(request, answers))
    assert sorted(type(one).__name__ for one in found) == ["ClaimTaken", "Receipt"]
