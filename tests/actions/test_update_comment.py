"""Editing comments and bios."""

from __future__ import annotations

import pytest

from paidflow import State, sats
from paidflow.forum import Bio, Comment, Discussion, UpdateComment
from paidflow.testing.payer import pay
from tests.actions.support import file_of, refused, rows
from tests.forum import Forum


def comment_of(forum: Forum, actor: str | None = "ann") -> str:
    """A comment under a post of bob."""
    post = forum.done(Discussion(title="Which tea?"), "bob")
    return forum.done(Comment(parent_id=post, text="Green."), actor)


def text_of(forum: Forum, item_id: str) -> object:
    """What an item says now."""
    return rows(forum, "select text from forum_items where id = :id", id=item_id)[0][0]


def test_a2_a_comment_says_something_else(forum: Forum) -> None:
    comment = comment_of(forum)
    forum.clock.tick(600)
    receipt = forum.flow.perform(UpdateComment(item_id=comment, text=" Black. "), actor="ann")
    assert (receipt.state, receipt.cost) == (State.PAID, sats(0))
    assert text_of(forum, comment) == "Black."
    forum.clock.tick(1)
    with refused("item_id", "10 minutes"):
        forum.flow.perform(UpdateComment(item_id=comment, text="None."), actor="ann")


def test_a2_new_files_cost_what_they_cost(forum: Forum) -> None:
    comment, file = comment_of(forum), file_of(forum, "ann", 60)
    edit = UpdateComment(item_id=comment, text="Look.", upload_ids=(file,))
    receipt = forum.pending(edit)
    assert (receipt.state, receipt.cost) == (State.PENDING_HELD, sats(10))
    assert text_of(forum, comment) == "Green."
    pay(forum.flow, forum.sandbox, receipt)
    assert text_of(forum, comment) == "Look."
    assert rows(forum, "select upload_id from forum_item_uploads") == [(file,)]


@pytest.mark.parametrize("actor", ["bob", None])
def test_a8_only_the_author_edits_a_comment(forum: Forum, actor: str | None) -> None:
    comment = comment_of(forum)
    with refused("item_id"):
        forum.flow.perform(UpdateComment(item_id=comment, text="None."), actor=actor)


def test_a8_a_bio_is_edited_at_any_time(forum: Forum) -> None:
    bio = forum.done(Bio(text="I like tea."))
    forum.clock.tick(86_400)
    forum.done(UpdateComment(item_id=bio, text="t" * 100_000))
    assert text_of(forum, bio) == "t" * 100_000


def test_a8_limits_of_an_edited_comment(forum: Forum) -> None:
    comment, post = comment_of(forum), forum.done(Discussion(title="Which cup?"))
    for text in ("", " ", "t" * 10_001):
        with refused("text"):
            forum.flow.perform(UpdateComment(item_id=comment, text=text), actor="ann")
    with refused("item_id", "this is a discussion"):
        forum.flow.perform(UpdateComment(item_id=post, text="Black."), actor="ann")
