"""Items as people see them: one, and lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest

from paidflow.errors import InvalidArguments
from paidflow.forum import Comment, Discussion, Zap
from paidflow.testing.payer import pay
from paidflow.views.items import Item
from tests.forum import Forum

DAY = timedelta(days=1)


def test_an_unpaid_post_is_seen_by_its_author_alone(forum: Forum) -> None:
    receipt = forum.pending(Discussion(title="Which tea?"), "ann")
    assert forum.item(receipt.action_id, "ann") is not None
    assert forum.item(receipt.action_id, "bob") is None
    assert forum.item(receipt.action_id) is None
    pay(forum.flow, forum.sandbox, receipt)
    assert forum.item(receipt.action_id) is not None


def test_counters_move_when_it_is_paid(forum: Forum) -> None:
    post = forum.done(Discussion(title="Which tea?"), "ann")
    comment = forum.done(Comment(parent_id=post, text="Green."), "bob")
    answer = forum.done(Comment(parent_id=comment, text="Why?"), "carol")
    zap = forum.pending(Zap(item_id=comment, amount_sats=100), "ann")
    assert _totals(forum, comment) == (1, 0)
    pay(forum.flow, forum.sandbox, zap)
    assert _totals(forum, post) == (2, 0)
    assert _totals(forum, comment) == (1, 100_000)
    assert _totals(forum, answer) == (0, 0)


def test_recent_posts_come_in_the_order_of_their_payment(forum: Forum) -> None:
    first = forum.pending(Discussion(title="First asked"), "ann")
    forum.clock.tick(60)
    second = forum.done(Discussion(title="First paid"), "bob")
    forum.clock.tick(60)
    pay(forum.flow, forum.sandbox, first)
    assert _ids(forum.items.recent(viewer=None)) == [first.action_id, second]


LISTS: dict[str, Callable[[Forum, str | None], Sequence[Item]]] = {
    "recent": lambda forum, viewer: forum.items.recent(viewer=viewer),
    "hot": lambda forum, viewer: forum.items.hot(viewer=viewer),
    "by_author": lambda forum, viewer: forum.items.by_author("ann", viewer=viewer),
    "by_territory": lambda forum, viewer: forum.items.by_territory("tea", viewer=viewer),
    "search": lambda forum, viewer: forum.items.search("green", viewer=viewer),
}


@pytest.mark.parametrize("name", LISTS)
def test_c2_lists_show_what_is_real_or_mine(forum: Forum, name: str) -> None:
    _in_territory(forum, paid := forum.done(Discussion(title="Green and paid"), "ann"))
    forum.clock.tick(60)
    open_ = forum.pending(Discussion(title="Green and open"), "ann").action_id
    failed = forum.failed(Discussion(title="Green and failed"), "ann").action_id
    _in_territory(forum, open_, failed)
    forum.folding.catch_up()
    assert set(_ids(LISTS[name](forum, "ann"))) == {paid, open_, failed}
    for viewer in ("bob", None):
        assert _ids(LISTS[name](forum, viewer)) == [paid]


def test_the_posts_of_a_territory_are_no_comments(forum: Forum) -> None:
    post = forum.done(Discussion(title="Which tea?"), "ann")
    _in_territory(forum, post, forum.done(Comment(parent_id=post, text="Green."), "bob"))
    assert _ids(forum.items.by_territory("tea", viewer=None)) == [post]


def test_c2_top_shows_no_unpaid_post(forum: Forum) -> None:
    """What is not paid has no place among what was paid in a time, not even for its author."""
    paid = forum.done(Discussion(title="Which tea?"), "ann")
    forum.pending(Discussion(title="Which cup?"), "ann")
    since = forum.clock.now() - DAY
    for viewer in ("ann", "bob", None):
        assert _ids(forum.items.top(viewer=viewer, since=since)) == [paid]


def test_top_posts_of_a_time_were_zapped_most(forum: Forum) -> None:
    old = forum.done(Discussion(title="Yesterday's"), "ann")
    forum.done(Zap(item_id=old, amount_sats=1000), "bob")
    forum.clock.tick(2 * DAY.total_seconds())
    little, much = (forum.done(Discussion(title=f"Which tea {n}?"), "ann") for n in range(2))
    forum.done(Zap(item_id=little, amount_sats=10), "bob")
    forum.done(Zap(item_id=much, amount_sats=100), "bob")
    forum.pending(Zap(item_id=little, amount_sats=500), "carol")
    forum.folding.catch_up()
    now = forum.clock.now()
    assert _ids(forum.items.top(viewer=None, since=now - DAY)) == [much, little]
    assert _ids(forum.items.top(viewer=None, since=now - 3 * DAY)) == [old, much, little]


def test_a_hot_post_has_money_or_is_new(forum: Forum) -> None:
    """Ten times the money is worth twelve hours."""
    loved = forum.done(Discussion(title="Much loved"), "ann")
    forum.done(Zap(item_id=loved, amount_sats=99), "bob")
    forum.clock.tick(23 * 3600)
    later = forum.done(Discussion(title="A day later"), "ann")
    forum.folding.catch_up()
    assert _ids(forum.items.hot(viewer=None)) == [loved, later]
    forum.clock.tick(3600)
    newest = forum.done(Discussion(title="Later still"), "ann")
    forum.folding.catch_up()
    assert _ids(forum.items.hot(viewer=None)) == [newest, loved, later]


@pytest.mark.parametrize("name", ["recent", "hot", "by_author", "search", "top"])
def test_pages_go_on_where_the_last_one_ended(forum: Forum, name: str) -> None:
    """Also among posts of the same moment, and with posts that come in between."""
    posts = [forum.done(Discussion(title=f"A green tea {n}"), "ann") for n in range(5)]
    forum.folding.catch_up()
    since = forum.clock.now() - DAY
    more = {
        "by_author": {"author": "ann"},
        "search": {"text": "GREEN, tea"},
        "top": {"since": since},
    }
    seen: list[str] = []
    before = None
    for number in range(3):
        page = getattr(forum.items, name)(viewer=None, before=before, limit=2, **more.get(name, {}))
        seen += _ids(page)
        before = page[-1]["cursor"]
        forum.clock.tick(60)
        forum.done(Discussion(title=f"A green tea as well {number}"), "ann")
    assert sorted(seen) == sorted(posts)


def test_what_is_no_cursor(forum: Forum) -> None:
    for cursor in ("", "/", "x/1", "2026-13-01/1", "1e5/1", "1/\0"):
        for name in ("recent", "hot"):
            with pytest.raises(InvalidArguments, match="cursor"):
                getattr(forum.items, name)(viewer=None, before=cursor)


FOUND = ("green", "GREEN tea", "example.com/Leaves", "leaves", "Über", "wort")
NOT_FOUND = ("green coffee", "uber", '" or * near(', "", "\0 ' -- ;")


def test_search(forum: Forum) -> None:
    text = "Über http://example.com/leaves_of?tea und ein-Wort"
    item = forum.done(Discussion(title="Green tea", text=text), "ann")
    for words in FOUND:
        assert _ids(forum.items.search(words, viewer=None)) == [item], words
    for words in NOT_FOUND:
        assert _ids(forum.items.search(words, viewer=None)) == [], words


def test_search_knows_what_was_edited_and_deleted(forum: Forum) -> None:
    item = forum.done(Discussion(title="Green tea"), "ann")
    _set(forum, item, "title = 'Black tea'")
    assert _ids(forum.items.search("green", viewer=None)) == []
    assert _ids(forum.items.search("black", viewer=None)) == [item]
    _set(forum, item, "deleted_at = created_at")
    assert _ids(forum.items.search("black", viewer=None)) == []
    assert _ids(forum.items.recent(viewer=None)) == []
    assert _ids(forum.items.by_author("ann", viewer=None)) == [item]


def test_the_same_address_in_other_letters(forum: Forum) -> None:
    item = forum.done(Discussion(title="Green tea"), "ann")
    _set(forum, item, "url = 'https://www.example.com/tea/'")
    mine = forum.pending(Discussion(title="Green tea"), "bob").action_id
    _set(forum, mine, "url = 'http://example.com/tea'")
    for url in ("http://example.com/tea", "example.com/tea/", "https://www.example.com/tea"):
        assert _ids(forum.items.duplicates(url, viewer=None)) == [item]
        assert set(_ids(forum.items.duplicates(url, viewer="bob"))) == {item, mine}
    assert _ids(forum.items.duplicates("http://example.com/", viewer=None)) == []


def test_c3_what_the_actor_has_not_paid_yet_is_apart(forum: Forum) -> None:
    post = forum.done(Discussion(title="Which tea?"), "bob")
    forum.rich("ann", amount_sats=100)
    forum.done(Zap(item_id=post, amount_sats=100), "ann")
    forum.pending(Zap(item_id=post, amount_sats=10), "ann")
    forum.failed(Zap(item_id=post, amount_sats=1), "ann")
    assert _own(forum, post, "ann") == (100_000, 110_000, 10_000)
    assert _own(forum, post, "bob") == (100_000, 0, 0)
    assert _own(forum, post, None) == (100_000, 0, 0)


def _own(forum: Forum, item_id: str, viewer: str | None) -> tuple[int, int, int]:
    row = forum.item(item_id, viewer)
    assert row is not None
    return row["zapped_msats"], row["own_zapped_msats"], row["own_pending_msats"]


def _totals(forum: Forum, item_id: str) -> tuple[int, int]:
    row = forum.item(item_id)
    assert row is not None
    return row["comments"], row["zapped_msats"]


def _ids(items: Sequence[Item]) -> list[str]:
    return [item["id"] for item in items]


def _set(forum: Forum, item_id: str, change: str) -> None:
    with forum.flow.store.transaction("test") as tx:
        tx.execute(f"update forum_items set {change} where id = :id", id=item_id)


def _in_territory(forum: Forum, *items: str) -> None:
    for item_id in items:
        _set(forum, item_id, "territory = 'tea'")


def test_times_and_flags_are_such_in_every_item_of_a_page(forum: Forum) -> None:
    for number in range(3):
        forum.done(Discussion(title=f"Thought {number}"), f"author {number}")
    items = forum.items.recent(viewer=None)
    assert len(items) == 3
    for item in items:
        assert isinstance(item["created_at"], datetime)
        assert isinstance(item["paid_at"], datetime)
        assert item["live"] is True
        assert item["free"] is False
        assert item["remote"] is None
