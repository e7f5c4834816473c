"""Comments: what they may answer, and where they stand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from paidflow import State
from paidflow.forum import Comment, DeleteItem, Discussion
from paidflow.testing.payer import pay
from tests.actions.support import add_territory, refused, rows
from tests.forum import Forum
from tests.zaps import differences

ABOVE = "select ancestor_id, level from forum_ancestors where item_id = :id order by level"


def test_a1_a_comment_knows_all_above_it(forum: Forum) -> None:
    add_territory(forum)
    post = forum.done(Discussion(title="Which tea?", territory="tea"), "bob")
    first = forum.done(Comment(parent_id=post, text="Green."))
    second = forum.done(Comment(parent_id=first, text="Why?"), "bob")
    assert rows(forum, ABOVE, id=second) == [(first, 1), (post, 2)]
    row = forum.item(second)
    assert row is not None
    assert (row["root_id"], row["parent_id"], row["territory"]) == (post, first, "tea")


@pytest.mark.parametrize("parent", ["pending", "failed", "deleted"])
def test_a8_comment_needs_a_parent_that_is_paid(forum: Forum, parent: str) -> None:
    post = Discussion(title="Which tea?")
    if parent == "deleted":
        post_id = forum.done(post, "bob")
        forum.done(DeleteItem(item_id=post_id), "bob")
    else:
        post_id = (forum.pending if parent == "pending" else forum.failed)(post, "bob").action_id
    for actor in ("ann", "bob", None):
        with refused("parent_id"):
            forum.flow.perform(Comment(parent_id=post_id, text="Green."), actor=actor)


def test_a8_comment_has_a_text(forum: Forum) -> None:
    post = forum.done(Discussion(title="Which tea?"), "bob")
    for text in ("", "  ", "t" * 10_001):
        with refused("text"):
            forum.flow.perform(Comment(parent_id=post, text=text), actor="ann")


def test_twenty_comments_at_once(forum: Forum) -> None:
    """They share nothing that one of them could keep from the others."""
    post = forum.done(Discussion(title="Which tea?"), "bob")
    names = [f"person-{number}" for number in range(20)]
    forum.rich(*names)

    def answer(name: str) -> str:
        return forum.done(Comment(parent_id=post, text="Green."), name)

    with ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(answer, names))
    assert len(set(answers)) == 20
    row = forum.item(post)
    assert row is not None
    assert row["comments"] == 20
    assert differences(forum.flow) == []


def test_the_parent_may_be_deleted_until_a_logged_out_person_has_paid(forum: Forum) -> None:
    post = forum.done(Discussion(title="Which tea?"), "bob")
    receipt = forum.pending(Comment(parent_id=post, text="Green."), None)
    forum.done(DeleteItem(item_id=post), "bob")
    pay(forum.flow, forum.sandbox, receipt)
    assert forum.flow.get(receipt.action_id, proof=receipt.proof).state is State.FAILED
