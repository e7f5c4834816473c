"""What may be written for nothing, and how much of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paidflow import PaidAction, State, sats
from paidflow.errors import Refused
from paidflow.forum import AffordableFreebies, Bio, Comment, Discussion, ForumSettings
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.actions.support import add_territory, cost_of, file_of, rows
from tests.forum import Forum, open_forum


@pytest.fixture
def free(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[Forum]:
    """A forum with freebies."""
    settings = ForumSettings(freebies=AffordableFreebies())
    with open_forum(store_url, sandbox, clock, settings) as opened:
        add_territory(opened, "tea", free_posts=True)
        add_territory(opened, "coffee")
        yield opened


def post_of_bob(forum: Forum) -> str:
    """Something to answer."""
    forum.rich("bob")
    return forum.done(Discussion(title="What do you think?"), "bob")


def test_a1_freebie_is_stored_as_one_and_real_at_once(free: Forum) -> None:
    receipt = free.flow.perform(Comment(parent_id=post_of_bob(free), text="Yes."), actor="ann")
    assert (receipt.state, receipt.cost) == (State.PAID, sats(0))
    row = free.item(receipt.action_id)
    assert row is not None
    assert row["free"]
    assert rows(free, "select actor, number from forum_freebies") == [("ann", 1)]


def test_a1_freebies_are_comments_bios_and_posts_where_they_are_allowed(free: Forum) -> None:
    comment = Comment(parent_id=post_of_bob(free), text="Yes.")
    welcome = Discussion(title="Which tea?", territory="tea")
    costs = [cost_of(free, action) for action in (comment, Bio(text="me"), welcome)]
    assert costs == [sats(0)] * 3
    assert cost_of(free, Discussion(title="Which coffee?", territory="coffee")) == sats(10)
    assert cost_of(free, Discussion(title="Which one?")) == sats(1)


def test_a1_boost_files_and_spam_make_it_cost_everything(free: Forum) -> None:
    images = tuple(file_of(free, "ann", 30) for _ in range(2))
    boosted = Discussion(title="Which tea?", territory="tea", boost_sats=10_000)
    shown = Discussion(title="Which tea?", territory="tea", upload_ids=images)
    assert cost_of(free, boosted) == sats(10_010)
    assert cost_of(free, shown) == sats(10 + 20)
    free.done(Discussion(title="Which tea?", territory="tea"))
    assert cost_of(free, Discussion(title="And which cup?", territory="tea")) == sats(100)


def test_a1_whoever_can_afford_it_pays(free: Forum) -> None:
    free.flow.grant("ann", sats(1), key="one")
    comment = Comment(parent_id=post_of_bob(free), text="Yes.")
    assert cost_of(free, comment) == sats(1)
    assert cost_of(free, Discussion(title="Which tea?", territory="tea")) == sats(0)


def test_a1_logged_out_people_pay(free: Forum) -> None:
    assert cost_of(free, Comment(parent_id=post_of_bob(free), text="Yes."), None) == sats(10)


def test_at_most_five_are_free_in_a_month(free: Forum) -> None:
    def comment(number: int) -> PaidAction:
        return Comment(parent_id=post_of_bob(free), text=f"Number {number}.")

    costs: list[int] = []
    for number in range(6):
        costs.append(free.paid(comment(number)).cost.amount)
        free.clock.tick(600)
    assert costs == [0] * 5 + [1_000]
    free.clock.tick(31 * 86_400)
    assert cost_of(free, comment(7)) == sats(0)


def test_the_fifth_is_given_once_when_two_are_asked_for_at_once(free: Forum) -> None:
    for number in range(4):
        free.done(Comment(parent_id=post_of_bob(free), text=f"Number {number}."))
        free.clock.tick(600)
    one, other = post_of_bob(free), free.done(Bio(text="Bob."), "bob")
    first = free.flow.prepare(Comment(parent_id=one, text="The fifth."), actor="ann")
    second = free.flow.prepare(Comment(parent_id=other, text="The sixth."), actor="ann")
    assert free.flow.perform(first).state is State.PAID
    with pytest.raises(Refused, match="5 things for nothing"):
        free.flow.perform(second)
    assert rows(free, "select count(*) from forum_freebies") == [(5,)]


def test_without_the_policy_nothing_is_free(forum: Forum) -> None:
    assert cost_of(forum, Bio(text="me")) == sats(1)


def test_what_costs_nothing_anyway_uses_nothing_up(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    settings = ForumSettings(freebies=AffordableFreebies(), comment_cost_sats=0)
    with open_forum(store_url, sandbox, clock, settings) as forum:
        forum.done(Comment(parent_id=post_of_bob(forum), text="Yes."))
        assert rows(forum, "select count(*) from forum_freebies") == [(0,)]
