"""Whom and what texts call for, also after they were edited, and what is deleted then."""

from __future__ import annotations

from datetime import timedelta

from paidflow.forum import (
    Comment,
    Discussion,
    Notifications,
    UpdateComment,
    UpdatePost,
    delete_due,
)
from paidflow.store.records import as_time
from paidflow.testing.payer import pay
from tests.forum import Forum


def test_a9_an_edit_calls_anew(forum: Forum) -> None:
    item = forum.done(Discussion(title="For @bob", text="@remindme in 1 hour"), "ann")
    forum.work(minutes=5)
    edited = Discussion(title="For @carol", text="@remindme in 2 hours @delete in 3 hours")
    forum.done(UpdatePost(item_id=item, post=edited), "ann")
    at = forum.clock.now()
    forum.work()
    assert _calls(forum) == {
        ("deletion", "ann", at + timedelta(hours=3)),
        ("mention", "carol", at),
        ("reminder", "ann", at + timedelta(hours=2)),
    }


def test_a9_an_edit_before_the_payment_calls_nobody_before_it(forum: Forum) -> None:
    receipt = forum.pending(Discussion(title="For @bob"), "ann")
    edited = Discussion(title="For @carol", text="@delete in 3 hours")
    forum.done(UpdatePost(item_id=receipt.action_id, post=edited), "ann")
    forum.work(minutes=5)
    assert _calls(forum) == set()
    pay(forum.flow, forum.sandbox, receipt)
    at = forum.clock.now()
    forum.work()
    assert _calls(forum) == {("deletion", "ann", at + timedelta(hours=3)), ("mention", "carol", at)}


def test_a9_what_wants_to_be_deleted_is_deleted_once(forum: Forum) -> None:
    post = forum.done(Discussion(title="Until then @delete in 1 hour"), "ann")
    comment = forum.done(Comment(parent_id=post, text="@delete in 1 hour"), "bob")
    forum.done(UpdateComment(item_id=comment, text="It can stay."), "bob")
    for minutes, times in ((59, 0), (1, 1), (1, 0)):
        forum.work(minutes=minutes)
        assert delete_due(forum.flow) == times
    gone, kept = forum.item(post), forum.item(comment)
    assert gone is not None
    assert kept is not None
    assert (gone["deleted_at"] is None, kept["deleted_at"] is None) == (False, True)
    assert _calls(forum) == set()


def test_a9_what_is_not_paid_is_not_deleted_by_itself(forum: Forum) -> None:
    forum.pending(Discussion(title="Until then @delete in 0 seconds"), "ann")
    forum.work()
    assert delete_due(forum.flow) == 0


def test_a9_only_the_last_command_counts_and_nobody_waits_for_ever(forum: Forum) -> None:
    text = "@remindme in 1 day, or @remindme in 3 hours. @delete in 101 years"
    forum.done(Discussion(title="Which tea?", text=text), "ann")
    forum.work()
    at = forum.clock.now() + timedelta(hours=3)
    assert _calls(forum) == {("reminder", "ann", at)}


def test_a9_a_logged_out_author_has_no_bots_but_can_mention(forum: Forum) -> None:
    text = "@bob @delete in 1 hour @remindme in 1 hour"
    item = forum.done(Discussion(title="Which tea?", text=text), None)
    forum.work()
    assert {kind for kind, _, _ in _calls(forum)} == {"mention"}
    assert [line.item_id for line in Notifications(forum.reader).page("bob")] == [item]


def _calls(forum: Forum) -> set[tuple[str, str, object]]:
    forum.folding.catch_up()
    sql = "select kind, actor, at from forum_calls where visible(item_id)"
    rows = [row for actor in ("ann", None) for row in forum.reader.select(sql, viewer=actor)]
    return {(row["kind"], row["actor"], as_time(row["at"])) for row in rows}
