"""Territories in lists: which go on, what counts in them, and in which order they are."""

from __future__ import annotations

import pytest

from paidflow import POOL, msats, sats, territory
from paidflow.actions.territory_billing import bill_territories
from paidflow.errors import InvalidArguments
from paidflow.forum import (
    Comment,
    DeleteItem,
    Discussion,
    Territories,
    TerritoryCreate,
    TerritoryUpdate,
    UpdatePost,
    Zap,
)
from paidflow.views.territories import TerritoryLine
from tests.acts import comment, post
from tests.forum import Forum
from tests.zaps import left


def found(forum: Forum, *names: str, owner: str = "dave") -> None:
    for name in names:
        terms = TerritoryCreate(
            name=name,
            description=f"about {name}",
            base_cost_sats=7,
            reply_cost_sats=3,
            auto_renew=False,
        )
        forum.done(terms, owner)


def view(forum: Forum) -> Territories:
    forum.folding.catch_up()
    return Territories(forum.flow, forum.reader)


def counts(forum: Forum, name: str) -> tuple[int, int]:
    """How many posts, and what was zapped in them in sats."""
    line = view(forum).one(name)
    assert line is not None
    return line.posts, line.stacked.amount // 1000


def test_c2_a_territory_by_its_name(forum: Forum) -> None:
    found(forum, "tea")
    line = view(forum).one("TEA")
    assert line is not None
    assert (line.name, line.owner, line.description) == ("tea", "dave", "about tea")
    assert (line.base_cost, line.reply_cost, line.status) == (sats(7), sats(3), "active")
    assert line.paid_until == forum.territory("tea").paid_until
    assert line.post_kinds == forum.territory("tea").post_kinds
    assert (line.version, line.billing, line.billing_cost) == (1, "monthly", sats(100_000))
    assert (line.free_posts, line.rewards_percent, line.auto_renew) == (False, 50, False)
    assert view(forum).one("milk") is None


def test_c2_only_what_is_real_counts_whoever_looks(forum: Forum) -> None:
    found(forum, "tea", "milk")
    tea = Discussion(title="Which tea?", territory="tea")
    one = forum.done(tea, "ann")
    answer = comment(forum, one)
    forum.pending(Discussion(title="Which cup?", territory="tea"), "carol")
    forum.failed(Discussion(title="Which pot?", territory="tea"), "carol")
    forum.done(Zap(item_id=one, amount_sats=100), "bob")
    forum.done(Zap(item_id=answer, amount_sats=10), "carol")
    forum.pending(Zap(item_id=one, amount_sats=1000), "carol")
    assert (counts(forum, "tea"), counts(forum, "milk")) == ((1, 110), (0, 0))

    other = forum.done(Discussion(title="Which pan?", territory="tea"), "ann")
    assert counts(forum, "tea") == (2, 110)
    forum.flow.refund(other, operator="olga", why="a mistake")
    forum.work()
    assert counts(forum, "tea") == (1, 110)
    forum.done(DeleteItem(item_id=one), "ann")
    assert counts(forum, "tea") == (0, 0)


def test_a_post_that_moves_takes_along_what_it_brought(forum: Forum) -> None:
    found(forum, "tea", "milk")
    one = post(forum, "ann", "tea")
    forum.done(Zap(item_id=comment(forum, one), amount_sats=10), "carol")
    moved = Discussion(title="Which milk?", territory="milk")
    forum.flow.perform(UpdatePost(item_id=one, post=moved), actor="ann")
    assert (counts(forum, "tea"), counts(forum, "milk")) == ((0, 0), (1, 10))


def test_c2_what_a_territory_has_earned(forum: Forum) -> None:
    found(forum, "tea")
    before = left(forum.flow, POOL)
    post(forum, "ann", "tea")
    (pool,) = (now - was for now, was in zip(left(forum.flow, POOL), before, strict=True))
    revenue = view(forum).revenue("Tea")
    assert revenue == forum.flow.balance_of(territory("tea"))
    assert revenue + msats(pool) == sats(7)
    assert view(forum).revenue("milk") == msats(0)


def test_c2_lists_have_those_that_go_on(forum: Forum) -> None:
    found(forum, "old")
    forum.clock.tick(days=33)
    found(forum, "new")
    territories = view(forum)
    assert [(line.name, line.status) for line in territories.by_name()] == [
        ("new", "active"),
        ("old", "grace"),
    ]
    forum.clock.tick(days=4)
    bill_territories(forum.flow)
    for listed in (territories.by_name, territories.by_posts, territories.by_stacked):
        assert [line.name for line in listed()] == ["new"]
    stopped = territories.one("old")
    assert stopped is not None
    assert stopped.status == "stopped"


def test_c2_a_change_that_is_not_paid_is_not_seen(forum: Forum) -> None:
    found(forum, "tea")
    forum.pending(TerritoryCreate(name="milk", description="about milk"), "ann")
    update = TerritoryUpdate(name="tea", description="More", billing="yearly", seen_version=1)
    forum.pending(update, "dave")
    lines = view(forum).by_name()
    assert [(line.name, line.description) for line in lines] == [("tea", "about tea")]


def test_c2_by_name_by_posts_and_by_what_was_zapped(forum: Forum) -> None:
    found(forum, "cup", "milk", "pot", "tea")
    busy = post(forum, "ann", "tea")
    forum.done(Comment(parent_id=busy, text="Green."), "bob")
    post(forum, "bob", "tea")
    forum.done(Zap(item_id=post(forum, "carol", "milk"), amount_sats=50), "ann")
    territories = view(forum)
    assert [line.name for line in territories.by_name()] == ["cup", "milk", "pot", "tea"]
    assert [(line.name, line.posts) for line in territories.by_posts()] == [
        ("tea", 2),
        ("milk", 1),
        ("pot", 0),
        ("cup", 0),
    ]
    assert [line.name for line in territories.by_stacked()] == ["milk", "tea", "pot", "cup"]
    for listed in (territories.by_name, territories.by_posts, territories.by_stacked):
        whole = listed()
        pages: list[TerritoryLine] = []
        while page := listed(before=pages[-1].cursor if pages else None, limit=1):
            pages += page
        assert pages == whole
        with pytest.raises(InvalidArguments, match="cursor"):
            listed(before="x")
