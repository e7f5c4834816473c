"""Downzaps: nobody earns by them."""

from __future__ import annotations

import pytest

from paidflow import POOL, State, purse, territory
from paidflow.errors import LoginRequired
from paidflow.forum import DeleteItem, Downzap
from tests.actions.support import refused
from tests.acts import acts, gains, make_territory, post, totals
from tests.forum import Forum


def test_a4_everything_goes_to_the_pool(forum: Forum) -> None:
    make_territory(forum)
    item = post(forum, territory="tea")
    downzap = Downzap(item_id=item, amount_sats=100)
    assert gains(forum, downzap, "ann", POOL, territory("tea"), purse("bob")) == (100_000, 0, 0)
    found = totals(forum, item)
    assert (found["downzapped_msats"], found["downvotes_millionths"]) == (100_000, 2_000_000)
    assert (found["zapped_msats"], found["votes_millionths"], found["zappers"]) == (0, 0, 0)
    assert found["last_zap_at"] is None


def test_a4_a_failed_downzap_counts_nothing(forum: Forum) -> None:
    item = post(forum)
    receipt = forum.failed(Downzap(item_id=item, amount_sats=100), "ann")
    assert totals(forum, item).get("downzapped_msats", 0) == 0
    assert acts(forum) == [("downzap", "ann", 100_000)]
    assert forum.flow.get(receipt.action_id, actor="ann").state is State.FAILED


@pytest.mark.parametrize("way", ["own", "deleted", "none"])
def test_a8_what_cannot_be_downzapped(forum: Forum, way: str) -> None:
    item = "nothing" if way == "none" else post(forum, "ann" if way == "own" else "bob")
    if way == "deleted":
        forum.done(DeleteItem(item_id=item), "bob")
    with refused("item_id"):
        forum.flow.perform(Downzap(item_id=item, amount_sats=1), actor="ann")


def test_a8_whoever_an_item_forwards_to_may_downzap_it(forum: Forum) -> None:
    item = post(forum, ann=50)
    forum.done(Downzap(item_id=item, amount_sats=10), "ann")
    assert totals(forum, item)["downvotes_millionths"] == 1_000_000


def test_a0_a_downzap_needs_a_login(forum: Forum) -> None:
    with pytest.raises(LoginRequired):
        forum.flow.perform(Downzap(item_id=post(forum), amount_sats=1), actor=None)
