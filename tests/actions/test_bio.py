"""Bios: one for each person."""

from __future__ import annotations

import pytest

from paidflow.errors import ClaimTaken
from paidflow.forum import Bio
from tests.forum import Forum


def test_a1_there_is_one_bio_for_each_person(forum: Forum) -> None:
    bio = forum.done(Bio(text="I like tea."))
    row = forum.item(bio)
    assert row is not None
    assert (row["kind"], row["author"], row["text"]) == ("bio", "ann", "I like tea.")
    with pytest.raises(ClaimTaken):
        forum.flow.perform(Bio(text="I like coffee."), actor="ann")
    forum.done(Bio(text="I like coffee."), "bob")


def test_a_bio_that_was_not_paid_makes_room_for_another(forum: Forum) -> None:
    failed = forum.failed(Bio(text="I like tea."))
    forum.done(Bio(text="I like coffee."))
    with pytest.raises(ClaimTaken):
        forum.flow.retry(failed.action_id, actor="ann")
