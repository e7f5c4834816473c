"""Votes: once per person, and secret once they are paid."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paidflow import State
from paidflow.errors import ClaimTaken, InvalidField
from paidflow.forum import Discussion, Polls, PollVote, tally_votes
from paidflow.testing.payer import pay
from tests.database_search import rows_with
from tests.forum import Forum, poll_of_bob


def votes(forum: Forum, poll: str, viewer: str | None = None) -> list[int]:
    found = Polls(forum.reader).one(poll, viewer=viewer)
    assert found is not None
    return [option.votes for option in found.options]


def ballot(forum: Forum, poll: str, viewer: str) -> tuple[State, int | None] | None:
    found = Polls(forum.reader).one(poll, viewer=viewer)
    assert found is not None
    return (found.ballot.state, found.ballot.option) if found.ballot else None


def test_a5_a_vote_counts_when_it_is_paid(forum: Forum) -> None:
    poll = poll_of_bob(forum)
    receipt = forum.pending(PollVote(item_id=poll, option=2), "ann")
    assert votes(forum, poll) == [0, 0, 0]
    assert ballot(forum, poll, "ann") == (State.PENDING, 2)
    assert ballot(forum, poll, "carol") is None
    pay(forum.flow, forum.sandbox, receipt)
    assert votes(forum, poll) == [0, 1, 0]
    assert ballot(forum, poll, "ann") == (State.PAID, None)


@pytest.mark.parametrize("by_credits", [True, False])
@pytest.mark.parametrize("tallied", [True, False])
def test_a5_nothing_links_the_voter_and_the_option(
    forum: Forum, by_credits: bool, tallied: bool
) -> None:
    poll = poll_of_bob(forum)
    if by_credits:
        forum.rich("ann", "carol")
    ids = [
        forum.done(PollVote(item_id=poll, option=3), "ann"),
        forum.done(PollVote(item_id=poll, option=1), "carol"),
    ]
    forum.work(minutes=1)
    if tallied:
        assert tally_votes(forum.flow.transaction()) == 2
        assert tally_votes(forum.flow.transaction()) == 0
    assert votes(forum, poll) == [1, 0, 1]
    mine = [row for action_id in ids for row in rows_with(forum.flow, action_id)]
    assert any("forum_ballots" in row for row in mine)
    assert [row for row in mine if "option" in row] == []
    with forum.flow.store.reading() as tx:
        assert tx.execute("select * from forum_unpaid_votes").fetchall() == []
        counted = tx.execute("select * from forum_paid_votes").fetchall()
    assert len(counted) == (0 if tallied else 2)
    for row in counted:
        assert set(row) == {"id", "item_id", "option"}
        assert rows_with(forum.flow, str(row["id"])) == rows_with(
            forum.flow, str(row["id"]), "forum_paid_votes"
        )


def test_a5_once_per_person(forum: Forum) -> None:
    poll = poll_of_bob(forum)
    receipt = forum.pending(PollVote(item_id=poll, option=1), "ann")
    with pytest.raises(ClaimTaken):
        forum.flow.perform(PollVote(item_id=poll, option=2), actor="ann")
    pay(forum.flow, forum.sandbox, receipt)
    with pytest.raises(ClaimTaken):
        forum.flow.perform(PollVote(item_id=poll, option=2), actor="ann")
    assert votes(forum, poll) == [1, 0, 0]


def test_e5_a_failed_vote_blocks_nobody(forum: Forum) -> None:
    poll = poll_of_bob(forum)
    failed = forum.failed(PollVote(item_id=poll, option=1), "ann")
    forum.done(PollVote(item_id=poll, option=2), "ann")
    with pytest.raises(ClaimTaken):
        forum.flow.retry(failed.action_id, actor="ann")
    assert votes(forum, poll) == [0, 1, 0]


def test_a5_it_costs_what_the_poll_says(forum: Forum) -> None:
    poll = poll_of_bob(forum)
    assert str(forum.pending(PollVote(item_id=poll, option=1), "ann").cost) == "1 sats"
    with forum.flow.transaction() as tx:
        tx.execute("update forum_items set poll_cost_msats = 21000 where id = :id", id=poll)
    assert str(forum.pending(PollVote(item_id=poll, option=1), "carol").cost) == "21 sats"


@pytest.mark.parametrize("way", ["own", "over", "no poll", "option", "nothing"])
def test_a5_what_is_refused(forum: Forum, way: str) -> None:
    poll = poll_of_bob(forum, poll_expires_at=forum.clock.now() + timedelta(days=1))
    if way == "over":
        forum.clock.tick(86_400)
    if way == "no poll":
        poll = forum.done(Discussion(title="No poll at all"), "bob")
    option = {"option": 4, "nothing": None}.get(way, 1)
    field = "option" if way in ("option", "nothing") else "item_id"
    with pytest.raises(InvalidField) as refused:
        forum.flow.perform(
            PollVote(item_id=poll, option=option), actor="bob" if way == "own" else "ann"
        )
    assert refused.value.field == field


def test_money_that_comes_after_the_end_does_not_count(forum: Forum) -> None:
    poll = poll_of_bob(forum, poll_expires_at=forum.clock.now() + timedelta(minutes=5))
    receipt = forum.failed(PollVote(item_id=poll, option=1))
    forum.work(minutes=11)
    forum.sandbox.pay(str(receipt.invoice_id), late=True)
    forum.work()
    assert forum.flow.get(receipt.action_id, actor="ann").state is State.FAILED
    assert votes(forum, poll) == [0, 0, 0]
