"""Who has earned which part of the pool."""

from __future__ import annotations

from datetime import timedelta

from paidflow import msats, sats
from paidflow.forum import Discussion, Rewards, Zap
from paidflow.views.rewards import RewardedItem, divided
from tests.forum import Forum

DAY = timedelta(days=1)
MILLION = 1_000_000


def test_a_worked_example() -> None:
    """The item of ann weighs 3, that of bob 1: three quarters and one quarter."""
    items = [
        RewardedItem("a", "ann", 3 * MILLION, (("bob", 2 * MILLION), ("carol", MILLION))),
        RewardedItem("b", "bob", MILLION, (("carol", MILLION),)),
    ]
    # ann: 1/2 of 3/4. bob: 1/2 of 2/4 for his opinion, 1/2 of 1/4 as an author.
    # carol: 1/2 of 1/4, twice.
    rewards = [(one.actor, one.amount.amount) for one in divided(sats(80), items, 50)]
    assert rewards == [("ann", 30_000), ("bob", 30_000), ("carol", 20_000)]
    assert sum(amount for _, amount in rewards) == 80_000


def test_nothing_is_given_twice_or_out_of_nothing() -> None:
    items = [RewardedItem("a", "ann", 3, (("bob", 1), ("carol", 1), ("dave", 1)))]
    rewards = divided(msats(100), items, 50)
    assert [(one.actor, one.amount.amount) for one in rewards] == [
        ("ann", 50),
        ("bob", 16),
        ("carol", 16),
        ("dave", 16),
    ]
    assert divided(msats(100), [], 50) == []


def test_c2_only_real_zaps_of_items_of_the_time_count(forum: Forum) -> None:
    old = forum.done(Discussion(title="Yesterday's"), "ann")
    forum.clock.tick(DAY.total_seconds())
    since = forum.clock.now()
    loved = forum.done(Discussion(title="Much loved"), "ann")
    liked = forum.done(Discussion(title="A bit liked"), "bob")
    for item, actor, amount_sats in (
        (old, "carol", 999),
        (loved, "carol", 99),
        (loved, None, 999),
        (liked, "carol", 9),
    ):
        forum.done(Zap(item_id=item, amount_sats=amount_sats), actor)
    forum.pending(Zap(item_id=liked, amount_sats=9999), "dave")
    rewards = Rewards(forum.flow, forum.reader)
    found = rewards.items(since, since + DAY)
    assert [(one.item_id, one.weight) for one in found] == [
        (loved, 2 * MILLION),
        (liked, MILLION),
    ]
    people = [(one.actor, one.amount) for one in rewards.people(sats(60), since, since + DAY)]
    assert people == [("carol", sats(30)), ("ann", sats(20)), ("bob", sats(10))]
    assert rewards.pool().amount > 0


def test_as_many_items_as_are_set(forum: Forum) -> None:
    since = forum.clock.now()
    for number in (1, 2):
        post = forum.done(Discussion(title=f"Which tea {number}?"), "ann")
        forum.done(Zap(item_id=post, amount_sats=10 * number), "bob")
    rewards = Rewards(forum.flow, forum.reader, items_max=1)
    assert [one.item_id for one in rewards.items(since, since + DAY)] == [post]
