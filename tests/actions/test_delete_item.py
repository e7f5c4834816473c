"""Deleting what one has written."""

from __future__ import annotations

import pytest

from paidflow.errors import LoginRequired
from paidflow.forum import Bio, Comment, DeleteItem, Discussion, Poll, Zap
from paidflow.testing.payer import pay
from tests.actions.support import refused
from tests.forum import Forum


def test_a9_soft_delete_blanks_what_it_says_and_keeps_the_rest(forum: Forum) -> None:
    poll = forum.done(Poll(title="Tea or coffee?", text="Well?", options=("tea", "coffee")))
    comment = forum.done(Comment(parent_id=poll, text="Tea."), "bob")
    forum.done(DeleteItem(item_id=poll))
    row = forum.item(poll)
    assert row is not None
    assert {row[name] for name in ("title", "url", "text", "poll_cost_msats")} == {None}
    assert row["deleted_at"] is not None
    forum.flow.erase(poll)
    assert forum.flow.get(poll, actor="ann").arguments is None
    below = forum.item(comment)
    assert below is not None
    assert below["text"] == "Tea."


def test_a9_nobody_does_anything_to_what_was_deleted(forum: Forum) -> None:
    post = forum.done(Discussion(title="Which tea?"))
    forum.done(DeleteItem(item_id=post))
    for action in (Zap(item_id=post, amount_sats=10), DeleteItem(item_id=post)):
        with refused("item_id"):
            forum.flow.perform(action, actor="bob")


def test_a9_only_the_author_deletes_and_no_bio(forum: Forum) -> None:
    post, bio = forum.done(Discussion(title="Which tea?")), forum.done(Bio(text="Tea!"))
    with refused("item_id", "no such item of yours"):
        forum.flow.perform(DeleteItem(item_id=post), actor="bob")
    with refused("item_id", "bio"):
        forum.flow.perform(DeleteItem(item_id=bio), actor="ann")
    with pytest.raises(LoginRequired):
        forum.flow.perform(DeleteItem(item_id=post))


def test_what_is_not_paid_can_be_deleted_and_still_be_paid(forum: Forum) -> None:
    receipt = forum.pending(Discussion(title="Which tea?"))
    forum.done(DeleteItem(item_id=receipt.action_id))
    pay(forum.flow, forum.sandbox, receipt)
    row = forum.item(receipt.action_id)
    assert row is not None
    assert row["title"] is None
