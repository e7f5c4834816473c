"""Zaps: who gets what of them, and which are refused."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from paidflow import POOL, FailureReason, State, purse, sats, territory
from paidflow.forum import Bio, DeleteItem, Discussion, UpdatePost, Zap
from paidflow.ledger.accounts import FEES
from paidflow.testing.payer import invoice_of, pay
from tests.actions.support import refused
from tests.acts import (
    FREE,
    DirectForum,
    acts,
    comment,
    gains,
    make_territory,
    post,
    totals,
)
from tests.forum import Forum
from tests.zaps import differences, left

TEA = territory("tea")


@pytest.mark.parametrize(
    ("amount_sats", "forwards", "rewards_percent", "gets"),
    [
        (100, {}, None, {"bob": 70_000, POOL: 30_000}),
        (100, {}, 30, {"bob": 70_000, TEA: 21_000, POOL: 9_000}),
        (1, {}, 30, {"bob": 700, TEA: 210, POOL: 90}),
        (100, {}, 50, {"bob": 70_000, TEA: 15_000, POOL: 15_000}),
        (100, {}, 100, {"bob": 70_000, POOL: 30_000}),
        (100, {"carol": 33}, 30, {"bob": 46_900, "carol": 23_100, TEA: 21_000, POOL: 9_000}),
        # Each share is rounded down, and the author gets what is left over.
        (7, {"carol": 33, "dave": 33}, None, {"bob": 1_666, "carol": 1_617, "dave": 1_617}),
        (100, {"carol": 100}, None, {"bob": 0, "carol": 70_000, POOL: 30_000}),
    ],
)
def test_a3_who_gets_what(
    forum: Forum,
    amount_sats: int,
    forwards: dict[str, int],
    rewards_percent: int | None,
    gets: dict[str, int],
) -> None:
    if rewards_percent is not None:
        make_territory(forum, "tea", rewards_percent)
    item = post(forum, "bob", None if rewards_percent is None else "tea", **forwards)
    accounts = [name if name in (POOL, TEA) else purse(name) for name in gets]
    zap = Zap(item_id=item, amount_sats=amount_sats)
    assert gains(forum, zap, "ann", *accounts) == tuple(gets.values())
    assert differences(forum.flow) == []


def test_a3_a_comment_is_in_the_territory_of_its_post(forum: Forum) -> None:
    make_territory(forum)
    below = comment(forum, comment(forum, post(forum, territory="tea"), "carol"))
    zap = Zap(item_id=below, amount_sats=100)
    assert gains(forum, zap, "ann", purse("bob"), TEA, POOL) == (70_000, 21_000, 9_000)


def test_a3_a_comment_moves_with_its_post(forum: Forum) -> None:
    make_territory(forum)
    make_territory(forum, "herbs")
    above = post(forum, territory="tea")
    below = comment(forum, above, "carol")
    moved = Discussion(title="Which herbs?", territory="herbs")
    forum.done(UpdatePost(item_id=above, post=moved), "bob")
    zap = Zap(item_id=below, amount_sats=100)
    assert gains(forum, zap, "ann", TEA, territory("herbs")) == (0, 21_000)


def test_a3_what_a_logged_out_author_would_get_is_a_fee(forum: Forum) -> None:
    make_territory(forum)
    zap = Zap(item_id=post(forum, None, "tea", carol=10), amount_sats=100)
    assert gains(forum, zap, "ann", purse("carol"), TEA, POOL) == (7_000, 65_100, 27_900)


def test_a3_a_failed_zap_pays_nobody_until_it_is_tried_again(forum: Forum) -> None:
    item = post(forum)
    failed = forum.failed(Zap(item_id=item, amount_sats=100), "ann")
    assert left(forum.flow, purse("bob")) == (0,)
    assert totals(forum, item).get("zapped_msats", 0) == 0
    pay(forum.flow, forum.sandbox, forum.flow.retry(failed.action_id, actor="ann"))
    assert left(forum.flow, purse("bob")) == (70_000,)
    assert (totals(forum, item)["zapped_msats"], totals(forum, item)["zappers"]) == (100_000, 1)
    assert acts(forum) == [("zap", "ann", 100_000)]


# What is refused, before any money moves.


@pytest.mark.parametrize("way", ["own", "unpaid", "none", "deleted", "forwards"])
def test_a8_what_cannot_be_zapped(forum: Forum, way: str) -> None:
    forum.rich("ann")
    item = {
        "own": lambda: post(forum, "ann"),
        "unpaid": lambda: forum.pending(Discussion(title="Which tea?"), "bob").action_id,
        "none": lambda: "nothing",
        "deleted": lambda: post(forum),
        "forwards": lambda: post(forum, ann=1),
    }[way]()
    if way == "deleted":
        forum.done(DeleteItem(item_id=item), "bob")
    before = left(forum.flow, purse("ann"))
    with refused("item_id"):
        forum.flow.perform(Zap(item_id=item, amount_sats=100), actor="ann")
    assert left(forum.flow, purse("ann")) == before


def test_a8_logged_out_people_may_zap_what_logged_out_people_wrote(forum: Forum) -> None:
    item = post(forum, None)
    forum.done(Zap(item_id=item, amount_sats=100), None)
    assert totals(forum, item)["zapped_msats"] == 100_000


@pytest.mark.parametrize("amount_sats", [0, -1])
def test_a8_a_zap_is_of_one_sat_or_more(forum: Forum, amount_sats: int) -> None:
    item = post(forum)
    with refused("amount_sats", "1 to 1,000,000 sats"):
        forum.flow.perform(Zap(item_id=item, amount_sats=amount_sats), actor="ann")


def test_e4_what_can_never_be_delivered_is_refused(forum: Forum) -> None:
    """700,000 sats can be sent out at most, which is the author's share of a million."""
    item = post(forum)
    with refused("amount_sats", "1 to 1,000,000 sats"):
        forum.flow.perform(Zap(item_id=item, amount_sats=1_000_001), actor="ann")
    forum.rich("ann", amount_sats=1_000_000)
    forum.done(Zap(item_id=item, amount_sats=1_000_000), "ann")
    assert left(forum.flow, purse("bob")) == (700_000_000,)


def test_what_was_deleted_before_it_was_paid_is_not_zapped(forum: Forum) -> None:
    """A logged-out person pays first, and much can happen meanwhile; the money goes back."""
    item = post(forum)
    receipt = forum.pending(Zap(item_id=item, amount_sats=100), None)
    forum.done(DeleteItem(item_id=item), "bob")
    pay(forum.flow, forum.sandbox, receipt)
    forum.work()
    assert forum.flow.get(receipt.action_id, proof=receipt.proof).state is State.FAILED
    assert left(forum.flow, purse("bob")) == (0,)
    assert acts(forum) == []


def test_what_was_deleted_meanwhile_is_not_tried_again(forum: Forum) -> None:
    item = post(forum)
    failed = forum.failed(Zap(item_id=item, amount_sats=100), "ann")
    forum.done(DeleteItem(item_id=item), "bob")
    with refused("item_id"):
        forum.flow.retry(failed.action_id, actor="ann")
    assert forum.flow.get(failed.action_id, actor="ann").state is State.FAILED


def test_late_money_for_what_was_deleted_meanwhile_goes_to_the_purse(forum: Forum) -> None:
    item = post(forum)
    failed = forum.failed(Zap(item_id=item, amount_sats=100), "ann")
    forum.done(DeleteItem(item_id=item), "bob")
    assert forum.sandbox.pay(invoice_of(failed), late=True)
    forum.flow.sync("sandbox", invoice_of(failed))
    forum.work()
    assert forum.flow.get(failed.action_id, actor="ann").state is State.FAILED
    assert left(forum.flow, purse("ann"), purse("bob")) == (100_000, 0)
    assert differences(forum.flow) == []


# Many at once.


def test_b12_two_zaps_of_a_hundred_at_once_make_two_hundred(forum: Forum) -> None:
    item = post(forum)
    forum.rich("ann", "carol")
    together = threading.Barrier(2)

    def zap(actor: str) -> None:
        together.wait(60)
        forum.done(Zap(item_id=item, amount_sats=100), actor)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(zap, ("ann", "carol")))
    found = totals(forum, item)
    assert (found["zapped_msats"], found["zappers"]) == (200_000, 2)
    assert left(forum.flow, purse("bob")) == (140_000,)
    assert differences(forum.flow) == []


# To wallets.


def test_f6_the_author_is_paid_directly_and_the_pool_pays_the_way(direct: DirectForum) -> None:
    """70 to him, 21 to the territory; of the 9 of the pool 1 is spent on the way."""
    flow = direct.forum.flow
    make_territory(direct.forum)
    item = post(direct.forum, territory="tea")
    before = left(flow, purse("bob"), TEA, POOL)
    direct.paid(Zap(item_id=item, amount_sats=100))
    after = left(flow, purse("bob"), TEA, POOL)
    assert direct.got("bob") == 70_000
    assert [now - was for now, was in zip(after, before, strict=True)] == [0, 21_000, 8_000]
    assert differences(flow) == []


@pytest.mark.parametrize(("percent", "first"), [(60, "carol"), (40, "bob")])
def test_f6_the_greatest_share_goes_out_the_others_are_credits(
    direct: DirectForum, percent: int, first: str
) -> None:
    direct.paid(Zap(item_id=post(direct.forum, carol=percent), amount_sats=100))
    shares = {"carol": 700 * percent, "bob": 70_000 - 700 * percent}
    for actor, share in shares.items():
        out = actor == first
        assert direct.got(actor) == (share if out else 0)
        assert left(direct.forum.flow, purse(actor)) == ((0 if out else share),)


def test_f6_if_one_wallet_fails_the_next_is_tried(direct: DirectForum) -> None:
    direct.wallets["bob"].fault = "refuse"
    direct.paid(Zap(item_id=post(direct.forum, carol=40), amount_sats=100))
    assert (direct.got("bob"), direct.got("carol")) == (0, 28_000)
    assert left(direct.forum.flow, purse("bob"), purse("carol")) == (42_000, 0)


def test_f6_whoever_gets_less_than_ten_sats_gets_credits(direct: DirectForum) -> None:
    direct.forum.done(Zap(item_id=post(direct.forum), amount_sats=14), "ann")
    assert direct.got("bob") == 0
    assert left(direct.forum.flow, purse("bob")) == (9_800,)


def test_f6_who_pays_with_credits_gives_credits(direct: DirectForum) -> None:
    direct.forum.rich("ann")
    direct.forum.done(Zap(item_id=post(direct.forum), amount_sats=100), "ann")
    assert direct.got("bob") == 0
    assert left(direct.forum.flow, purse("bob")) == (70_000,)


def test_f6_a_bio_is_never_paid_directly(direct: DirectForum) -> None:
    bio = direct.forum.done(Bio(text="I like tea."), "bob")
    direct.forum.done(Zap(item_id=bio, amount_sats=100), "ann")
    assert left(direct.forum.flow, purse("bob")) == (70_000,)


def test_f6_what_was_written_for_nothing_is_never_paid_directly(direct: DirectForum) -> None:
    forum = direct.forum
    item = forum.flow.perform(Discussion(title="Which tea?"), actor=FREE)
    assert item.cost == sats(0)
    forum.done(Zap(item_id=item.action_id, amount_sats=100), "ann")
    assert (direct.got(FREE), left(forum.flow, purse(FREE))) == (0, (70_000,))


def test_e4_logged_out_people_pay_directly_too(direct: DirectForum) -> None:
    direct.paid(Zap(item_id=post(direct.forum), amount_sats=100), None)
    assert direct.got("bob") == 70_000
    assert differences(direct.forum.flow) == []


def test_e4_who_cannot_be_reached_is_left_out_when_it_is_tried_again(direct: DirectForum) -> None:
    forum = direct.forum
    item = post(forum)
    forum.sandbox.fate("unreachable")
    receipt = forum.pending(Zap(item_id=item, amount_sats=100))
    pay(forum.flow, forum.sandbox, receipt)
    forum.work()
    failed = forum.flow.get(receipt.action_id, actor="ann")
    assert (failed.state, failed.failure_reason) == (
        State.FAILED,
        FailureReason.FORWARD_FAILED,
    )
    assert totals(forum, item).get("zapped_msats", 0) == 0
    pay(forum.flow, forum.sandbox, forum.flow.retry(receipt.action_id, actor="ann"))
    assert left(forum.flow, purse("bob"), FEES) == (70_000, 0)
    assert totals(forum, item)["zapped_msats"] == 100_000
