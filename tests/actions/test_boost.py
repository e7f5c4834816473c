"""Boosts: money to be seen more."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from paidflow import POOL, purse, territory
from paidflow.forum import Boost, DeleteItem, Discussion, UpdatePost
from tests.actions.support import refused
from tests.acts import comment, gains, make_territory, post, totals
from tests.forum import Forum
from tests.zaps import differences, left


def test_f3_a_boost_goes_to_the_territory_and_to_the_pool(forum: Forum) -> None:
    make_territory(forum)
    item = post(forum, territory="tea")
    boost = Boost(item_id=item, amount_sats=10_000)
    gained = gains(forum, boost, "ann", territory("tea"), POOL, purse("bob"))
    assert gained == (7_000_000, 3_000_000, 0)
    found = totals(forum, item)
    assert (found["boosted_msats"], found["zapped_msats"]) == (10_000_000, 0)
    assert found["zappers"] == found["votes_millionths"] == 0


def test_f3_the_author_may_boost_his_own(forum: Forum) -> None:
    below = comment(forum, post(forum), "ann")
    forum.done(Boost(item_id=below, amount_sats=20_000), "ann")
    assert totals(forum, below)["boosted_msats"] == 20_000_000


@pytest.mark.parametrize("amount_sats", [-10_000, 0, 1, 9_999, 10_001, 25_000])
def test_a8_a_boost_is_a_multiple_of_ten_thousand(forum: Forum, amount_sats: int) -> None:
    forum.rich("ann")
    item = post(forum)
    with refused("amount_sats", "10,000 sats or more, and a multiple of 10,000"):
        forum.flow.perform(Boost(item_id=item, amount_sats=amount_sats), actor="ann")
    assert totals(forum, item).get("boosted_msats", 0) == 0


def test_a8_what_was_deleted_is_not_boosted(forum: Forum) -> None:
    item = post(forum)
    forum.done(DeleteItem(item_id=item), "bob")
    with refused("item_id"):
        forum.flow.perform(Boost(item_id=item, amount_sats=10_000), actor="ann")


def test_e2_boosts_at_once_all_count(forum: Forum) -> None:
    item = post(forum)
    forum.rich("ann", "carol")
    together = threading.Barrier(4)

    def boost(actor: str) -> None:
        together.wait(60)
        forum.done(Boost(item_id=item, amount_sats=10_000), actor)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(boost, ("ann", "carol", "ann", "carol")))
    assert totals(forum, item)["boosted_msats"] == 40_000_000
    assert left(forum.flow, purse("ann"), purse("carol")) == (980_000_000, 980_000_000)
    assert differences(forum.flow) == []


def test_e2_boosts_with_an_edit_between_all_count(forum: Forum) -> None:
    """An edit adds to what the author has boosted; what others give is beside it."""
    item = post(forum)
    edited = Discussion(title="Which tea?", boost_sats=20_000)
    forum.done(Boost(item_id=item, amount_sats=10_000), "ann")
    forum.done(UpdatePost(item_id=item, post=edited), "bob")
    forum.done(Boost(item_id=item, amount_sats=10_000), "ann")
    assert totals(forum, item)["boosted_msats"] == 40_000_000
