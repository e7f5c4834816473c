"""What people are told, and what they are not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from paidflow import AutomaticRetry, FailureReason, msats
from paidflow.actions.forum_settings import EqualTrust
from paidflow.actions.territory_billing import bill_territories
from paidflow.forum import (
    Comment,
    Discussion,
    Gift,
    Notifications,
    TerritoryCreate,
    TerritoryTransfer,
    TerritoryUnarchive,
    Zap,
    projections,
)
from paidflow.testing.payer import pay
from paidflow.views.folding import Folding
from paidflow.views.item_totals import ItemTotals
from paidflow.views.notifications import Notification
from paidflow.views.projection import Projection
from tests.forum import Forum
from tests.views.support import dump

TEA = Discussion(title="Which tea?")


def test_an_answer_is_told_to_all_above_it_once(forum: Forum) -> None:
    post = forum.done(TEA, "ann")
    comment = forum.done(Comment(parent_id=post, text="Green."), "bob")
    answer = forum.done(Comment(parent_id=comment, text="Why?"), "ann")
    forum.pending(Comment(parent_id=answer, text="Never mind"), "carol")
    last = forum.done(Comment(parent_id=answer, text="@ann Because."), "carol")
    assert {_short(line) for line in _told(forum, "ann")} == {("reply", comment), ("reply", last)}
    assert {_short(line) for line in _told(forum, "bob")} == {("reply", answer), ("reply", last)}
    assert _told(forum, "carol") == []


def test_zaps_of_an_item_are_one_line(forum: Forum) -> None:
    post = forum.done(TEA, "bob")
    forum.done(Zap(item_id=post, amount_sats=100), "ann")
    forum.clock.tick(60)
    forum.done(Zap(item_id=post, amount_sats=10), "carol")
    last = forum.clock.now()
    forum.clock.tick(60)
    forum.pending(Zap(item_id=post, amount_sats=1000), "ann")
    (line,) = _told(forum, "bob")
    assert (_short(line), line.times, line.amount) == (("zap", post), 2, msats(77_000))
    assert line.at == last


def test_a_zap_that_is_reversed_counts_no_more(forum: Forum) -> None:
    post = forum.done(TEA, "bob")
    zaps = [forum.done(Zap(item_id=post, amount_sats=100), actor) for actor in ("ann", "carol")]
    at = forum.clock.now()
    assert [line.times for line in _told(forum, "bob")] == [2]
    for left, zap in ((1, zaps[1]), (0, zaps[0])):
        forum.flow.refund(zap, operator="olga", why="a mistake")
        forum.work(minutes=1)
        lines = [(line.times, line.amount, line.at) for line in _told(forum, "bob")]
        assert lines == [(1, msats(70_000), at)] * left


def test_a_share_of_a_zap_is_told_to_whoever_gets_it(forum: Forum) -> None:
    post = forum.done(TEA, "bob")
    with forum.flow.store.transaction("test") as tx:
        tx.execute("insert into forum_forwards values (:id, 'carol', 50)", id=post)
    forum.done(Zap(item_id=post, amount_sats=100), "ann")
    for actor, kind in (("bob", "zap"), ("carol", "forward")):
        (line,) = _told(forum, actor)
        assert (_short(line), line.amount) == ((kind, post), msats(35_000))


def test_a9_a_mention_is_told_when_it_is_paid(forum: Forum) -> None:
    mentioning = Discussion(title="For @bob", text="@carol: see above, and me, @ann")
    receipt = forum.pending(mentioning, "ann")
    assert _told(forum, "bob") == []
    pay(forum.flow, forum.sandbox, receipt)
    for actor in ("bob", "carol"):
        assert [_short(line) for line in _told(forum, actor)] == [("mention", receipt.action_id)]
    assert _told(forum, "ann") == []


def test_a9_a_mentioned_item_is_told_to_its_author(forum: Forum) -> None:
    theirs, mine = forum.done(TEA, "bob"), forum.done(TEA, "ann")
    text = f"https://forum.example.com/items/{theirs} is better than /items/{mine}"
    post = forum.done(Discussion(title="Two of them", text=text), "ann")
    assert [_short(line) for line in _told(forum, "bob")] == [("item-mention", post)]
    assert _told(forum, "ann") == []


def test_a9_a_reminder_comes_when_it_is_due(forum: Forum) -> None:
    post = forum.done(Discussion(title="Tea @remindme in 2 hours"), "ann")
    paid_at = forum.clock.now()
    notifications = Notifications(forum.reader)
    forum.work(minutes=119)
    assert _told(forum, "ann") == []
    notifications.mark_read("ann")
    forum.work(minutes=1)
    (line,) = _told(forum, "ann")
    assert _short(line) == ("reminder", post)
    assert line.at == paid_at + timedelta(hours=2)
    assert line.unread
    assert _told(forum, "bob") == []


def test_c4_a_failed_payment_is_told_until_it_is_retried(forum: Forum) -> None:
    post = forum.done(TEA, "bob")
    zap = forum.failed(Zap(item_id=post, amount_sats=10), "ann")
    comment = forum.failed(Comment(parent_id=post, text="Green."), "ann")
    lines = {line.failed: line for line in _told(forum, "ann")}
    assert set(lines) == {zap.action_id, comment.action_id}
    told = lines[zap.action_id]
    assert (_short(told), told.amount) == (("zap", post), msats(10_000))
    assert told.reason is FailureReason.EXPIRED
    assert told.unread
    assert _short(lines[comment.action_id]) == ("comment", comment.action_id)
    assert _told(forum, "bob") == []
    retried = forum.flow.retry(zap.action_id, actor="ann")
    pay(forum.flow, forum.sandbox, retried)
    assert [line.failed for line in _told(forum, "ann")] == [comment.action_id]


def test_c4_what_is_tried_again_by_itself_is_told_when_that_is_given_up(forum: Forum) -> None:
    retry = AutomaticRetry(kinds=("discussion",))
    notifications = Notifications(forum.reader, retry)
    failed = forum.failed(TEA, "ann")
    other = forum.failed(Comment(parent_id=forum.done(TEA, "bob"), text="Green."), "ann")
    assert [line.failed for line in notifications.page("ann")] == [other.action_id]
    forum.clock.tick(3600)
    told = {line.failed for line in notifications.page("ann")}
    assert told == {failed.action_id, other.action_id}


def test_c4_what_its_actor_cancelled_is_not_new(forum: Forum) -> None:
    receipt = forum.pending(TEA, "ann")
    forum.flow.cancel(receipt.action_id, actor="ann")
    (line,) = _told(forum, "ann")
    assert (line.failed, line.unread) == (receipt.action_id, False)


def test_what_was_read_is_not_new(forum: Forum) -> None:
    forum.failed(Discussion(title="Which cup?"), "bob")
    post = forum.done(TEA, "bob")
    forum.done(Zap(item_id=post, amount_sats=10), "ann")
    notifications = Notifications(forum.reader)
    forum.folding.catch_up()
    assert notifications.unread("bob") == 2
    notifications.mark_read("bob")
    assert notifications.unread("bob") == 0
    forum.clock.tick(60)
    forum.done(Zap(item_id=post, amount_sats=10), "carol")
    forum.folding.catch_up()
    assert notifications.unread("bob") == 1


def test_pages_of_all_kinds_of_lines(forum: Forum) -> None:
    forum.failed(TEA, "bob")
    post = forum.done(Discussion(title="Tea @remindme in 1 second"), "bob")
    forum.done(Zap(item_id=post, amount_sats=10), "ann")
    forum.done(Comment(parent_id=post, text="Green."), "ann")
    forum.done(Discussion(title="For @bob"), "ann")
    forum.work(minutes=1)
    notifications, seen = Notifications(forum.reader), list[str]()
    before = None
    while page := notifications.page("bob", before=before, limit=2):
        seen += [line.kind for line in page]
        before = page[-1].cursor
    assert sorted(seen) == ["discussion", "mention", "reminder", "reply", "zap"]


def test_a6_what_happens_to_a_territory_is_told_to_its_owner(forum: Forum) -> None:
    forum.done(TerritoryCreate(name="tea", description="All about tea"), "ann")
    paid_until = forum.territory("tea").paid_until
    assert _told(forum, "ann") == []
    forum.clock.tick(days=32)
    bill_territories(forum.flow)
    (line,) = _told(forum, "ann")
    assert (line.kind, line.territory, line.at) == ("territory-grace", "tea", paid_until)
    forum.clock.tick(days=5)
    bill_territories(forum.flow)
    assert [line.kind for line in _told(forum, "ann")] == ["territory-stopped"]
    version = forum.territory("tea").version
    revived = TerritoryUnarchive(name="tea", description="Tea again", seen_version=version)
    receipt = forum.pending(revived, "bob")
    assert [line.kind for line in _told(forum, "ann")] == ["territory-stopped"]
    pay(forum.flow, forum.sandbox, receipt)
    assert [line.kind for line in _told(forum, "ann")] == ["territory-revive"]
    assert _told(forum, "bob") == []
    version = forum.territory("tea").version
    forum.done(TerritoryTransfer(name="tea", to="carol", seen_version=version), "bob")
    assert [(line.kind, line.territory) for line in _told(forum, "carol")] == [
        ("territory-transfer", "tea")
    ]


def test_a_gift_is_told(forum: Forum) -> None:
    forum.rich("ann")
    forum.done(Gift(to="bob", amount_sats=100), "ann")
    (line,) = _told(forum, "bob")
    assert (line.kind, line.amount, line.item_id) == ("gift", msats(100_000), None)
    assert _told(forum, "ann") == []


def test_what_is_deleted_is_not_told(forum: Forum) -> None:
    post = forum.done(TEA, "bob")
    comment = forum.done(Comment(parent_id=post, text="Green, @carol."), "ann")
    assert _told(forum, "bob") != [] != _told(forum, "carol")
    with forum.flow.store.transaction("test") as tx:
        tx.execute("update forum_items set deleted_at = paid_at where id = :id", id=comment)
    assert _told(forum, "bob") == [] == _told(forum, "carol")


def test_a_rebuild_tells_the_same(forum: Forum) -> None:
    post = forum.done(Discussion(title="For @bob", text="@delete in 2 days"), "carol")
    forum.done(Comment(parent_id=post, text="Thanks!"), "bob")
    zap = forum.done(Zap(item_id=post, amount_sats=100), "ann")
    forum.flow.refund(zap, operator="olga", why="a mistake")
    forum.work()
    forum.folding.catch_up()
    for projection in projections():
        before = dump(forum.flow, projection.name)
        newer = type("Newer", (type(projection),), {"version": 2})(*_needed(projection))
        Folding(forum.flow, [newer], page=3).run_until_idle()
        assert dump(forum.flow, f"{projection.name}_v2") == before


def _needed(projection: Projection) -> Sequence[object]:
    return [EqualTrust()] if isinstance(projection, ItemTotals) else []


def _told(forum: Forum, actor: str) -> list[Notification]:
    forum.folding.catch_up()
    return Notifications(forum.reader).page(actor)


def _short(line: Notification) -> tuple[str, str | None]:
    return line.kind, line.item_id
