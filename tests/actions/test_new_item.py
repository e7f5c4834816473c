"""What everything that is written has in common: its price, its limits, what is written of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from paidflow import POOL, Money, PaidAction, State, sats, territory
from paidflow.errors import ClaimTaken, InvalidArguments, Refused
from paidflow.forum import Bio, Bounty, Comment, Discussion, ForumSettings, Job, Link, Poll
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from paidflow.testing.payer import pay
from tests.actions.support import add_territory, cost_of, costs_sats, file_of, refused, rows
from tests.forum import Forum, open_forum
from tests.zaps import differences, left


def posts(territory: str | None = None) -> list[PaidAction]:
    """Three different posts."""
    titles = ("The first tea", "The second tea", "The third tea")
    return [Discussion(title=title, territory=territory) for title in titles]


# A.0


@pytest.mark.parametrize("kind", [Bio, Bounty, Comment, Discussion, Job, Link, Poll])
def test_a0_item_create_flags(kind: type[PaidAction]) -> None:
    assert kind.optimistic
    assert kind.pessimistic
    assert kind.anonymous == (kind not in (Bio, Job))


# A.1, what it costs


def test_a1_third_post_within_ten_minutes_costs_a_hundred_times(forum: Forum) -> None:
    add_territory(forum)
    forum.rich("ann")
    assert costs_sats(forum, *posts("tea")) == [10, 100, 1_000]
    forum.clock.tick(8 * 60)
    # The first and the second are ten minutes old by now.
    assert cost_of(forum, Discussion(title="The fourth tea", territory="tea")) == sats(100)


def test_a1_spam_counts_unpaid_posts_of_any_territory(forum: Forum) -> None:
    add_territory(forum)
    forum.pending(Discussion(title="Not paid yet"))
    forum.failed(Discussion(title="Never paid", territory="tea"))
    assert cost_of(forum, Discussion(title="The third tea", territory="tea")) == sats(1_000)


def test_a1_spam_does_not_count_comments_and_bios(forum: Forum) -> None:
    post = forum.done(Discussion(title="Which tea?"), "bob")
    forum.done(Bio(text="I like tea."))
    forum.done(Comment(parent_id=post, text="Green."))
    assert cost_of(forum, Discussion(title="Which coffee?")) == sats(1)


def test_a1_a_retry_is_not_priced_again(forum: Forum) -> None:
    failed = forum.failed(Discussion(title="The first tea"))
    forum.done(Discussion(title="The second tea"))
    retried = forum.flow.retry(failed.action_id, actor="ann")
    assert retried.cost == failed.cost == sats(1)


def test_a1_logged_out_people_pay_ten_times_as_much_but_never_more(forum: Forum) -> None:
    add_territory(forum)
    assert costs_sats(forum, *posts("tea"), actor=None) == [100, 100, 100]
    post = forum.done(Discussion(title="Which tea?"), "bob")
    answers = [Comment(parent_id=post, text=text) for text in ("Green.", "Black.")]
    assert costs_sats(forum, *answers, actor=None) == [10, 10]


def test_a1_answers_to_the_same_item_cost_ten_times_as_much_each(forum: Forum) -> None:
    post = forum.done(Discussion(title="Which tea?"), "bob")
    answers = [Comment(parent_id=post, text=text) for text in ("Green.", "Black.", "None.")]
    forum.rich("ann")
    assert costs_sats(forum, *answers) == [1, 10, 100]


def test_a1_answers_to_oneself_cost_ten_times_as_much_for_each_above(forum: Forum) -> None:
    forum.rich("ann")
    parent, costs = forum.done(Discussion(title="Which tea?"), "bob"), list[Money]()
    for text in ("Green.", "Or black.", "Or none."):
        receipt = forum.paid(Comment(parent_id=parent, text=text))
        parent, costs = receipt.action_id, [*costs, receipt.cost]
    assert costs == [sats(1), sats(10), sats(100)]


def test_a1_the_chain_is_broken_by_somebody_else_and_by_time(forum: Forum) -> None:
    post = forum.done(Discussion(title="Which tea?"), "bob")
    first = forum.done(Comment(parent_id=post, text="Green."))
    other = forum.done(Comment(parent_id=first, text="Why?"), "carol")
    second = forum.done(Comment(parent_id=other, text="I like it."))
    assert cost_of(forum, Comment(parent_id=second, text="Very much.")) == sats(10)
    forum.clock.tick(600)
    assert cost_of(forum, Comment(parent_id=second, text="Very much.")) == sats(1)


def test_a1_whoever_has_begun_the_thread_answers_as_often_as_he_likes(forum: Forum) -> None:
    post = forum.done(Discussion(title="Which tea?"))
    answers = [Comment(parent_id=post, text=text) for text in ("Green?", "Black?", "None?")]
    assert costs_sats(forum, *answers) == [1, 1, 1]
    below = forum.done(Comment(parent_id=post, text="Or coffee?"))
    assert cost_of(forum, Comment(parent_id=below, text="No.")) == sats(1)


def test_a1_a_reply_costs_what_the_territory_of_the_post_says(forum: Forum) -> None:
    add_territory(forum, reply_cost_sats=5)
    add_territory(forum, "coffee")
    for name, cost in (("tea", 5), ("coffee", 1)):
        post = forum.done(Discussion(title=f"About {name}", territory=name), "bob")
        answer = forum.done(Comment(parent_id=post, text="Yes."), "carol")
        assert cost_of(forum, Comment(parent_id=answer, text="Yes.")) == sats(cost)


def test_a1_three_unpaid_images_of_60_mebibytes_cost_30_sats_more(forum: Forum) -> None:
    add_territory(forum)
    images = tuple(file_of(forum, "ann", 20) for _ in range(3))
    post = Discussion(title="Three teapots", territory="tea", upload_ids=images)
    assert forum.paid(post).cost == sats(10 + 30)
    assert cost_of(forum, post.model_copy(update={"title": "The same teapots"})) == sats(100)


def test_a1_boost_is_paid_with_the_post_and_is_an_act(forum: Forum) -> None:
    forum.rich("ann")
    post = forum.done(Discussion(title="Look here", boost_sats=20_000))
    row = forum.item(post)
    assert row is not None
    assert row["boosted_msats"] == 20_000_000
    assert cost_of(forum, Discussion(title="And here", boost_sats=20_000)) == sats(20_010)


def test_a1_base_of_a_job_a_bounty_and_a_poll_is_that_of_the_territory(forum: Forum) -> None:
    add_territory(forum)
    bounty = Bounty(title="Who finds it?", territory="tea", bounty_sats=5_000)
    poll = Poll(title="Tea or coffee?", territory="tea", options=("tea", "coffee", "both"))
    job = Job(title="Taster", text="Sip.", company="T", url="a@b.cc", remote=True, territory="tea")
    assert [cost_of(forum, action) for action in (bounty, poll, job)] == [sats(10)] * 3


def test_a1_what_is_paid_goes_to_the_territory_and_the_pool(forum: Forum) -> None:
    add_territory(forum, base_cost_sats=101)
    forum.rich("ann")
    forum.done(Discussion(title="Which tea?", territory="tea"))
    assert left(forum.flow, territory("tea"), POOL) == (50_500, 50_500)
    forum.done(Bio(text="I like tea."))
    assert left(forum.flow, territory("tea"), POOL) == (50_500, 51_500)
    assert differences(forum.flow) == []


# A.1, what is written


def test_a1_an_item_is_written_before_it_is_paid_and_real_after_it(forum: Forum) -> None:
    receipt = forum.pending(Discussion(title=" Which tea? ", text=" Green? "))
    assert receipt.result == {"item_id": receipt.action_id}
    own = forum.item(receipt.action_id, "ann")
    assert own is not None
    assert (own["title"], own["text"], own["paid_at"]) == ("Which tea?", "Green?", None)
    forum.clock.tick(60)
    pay(forum.flow, forum.sandbox, receipt)
    seen = forum.item(receipt.action_id)
    assert seen is not None
    assert seen["paid_at"] is not None


def test_a1_what_fails_stays_and_is_retried_as_the_same_item(forum: Forum) -> None:
    receipt = forum.failed(Discussion(title="Which tea?", boost_sats=10_000))
    assert forum.item(receipt.action_id) is None
    own = forum.item(receipt.action_id, "ann")
    assert own is not None
    assert own["boosted_msats"] == 0
    retried = forum.flow.retry(receipt.action_id, actor="ann")
    pay(forum.flow, forum.sandbox, retried)
    item = forum.item(receipt.action_id)
    assert item is not None
    assert item["boosted_msats"] == 10_000_000


# Limits


def test_a_fourth_item_is_refused_if_the_last_three_are_unpaid(forum: Forum) -> None:
    first, *_ = [forum.pending(post) for post in posts()]
    with pytest.raises(Refused, match="the last 3 things"):
        forum.flow.perform(Discussion(title="The fourth tea"), actor="ann")
    forum.flow.perform(Discussion(title="Another tea"), actor="bob")
    pay(forum.flow, forum.sandbox, first)
    forum.pending(Discussion(title="The fourth tea"))


@pytest.mark.parametrize("paid", [True, False])
def test_the_same_is_not_written_twice_within_ten_minutes(forum: Forum, paid: bool) -> None:
    post = Discussion(title="Which tea?", text="Green?")
    (forum.done if paid else forum.failed)(post)
    before = rows(forum, "select count(*) from forum_items")
    forum.clock.tick(599)
    with refused("title", "just written"):
        forum.flow.perform(Discussion(title="Which tea? ", text="Green?"), actor="ann")
    assert rows(forum, "select count(*) from forum_items") == before
    forum.done(post, "bob")
    forum.done(post.model_copy(update={"text": "Black?"}))
    forum.clock.tick(2)
    forum.done(post)


def test_a_comment_is_not_written_twice_to_the_same_parent(forum: Forum) -> None:
    add_territory(forum)
    one = forum.done(Discussion(title="Which tea?", territory="tea"), "bob")
    other = forum.done(Discussion(title="Which coffee?"), "bob")
    forum.done(Comment(parent_id=one, text="None."))
    with refused("text", "just written"):
        forum.flow.perform(Comment(parent_id=one, text="None."), actor="ann")
    forum.done(Comment(parent_id=other, text="None."))


def test_two_submissions_at_once_make_one_item(forum: Forum) -> None:
    """Both are checked before either is written; a moment lies between them."""
    forum.rich("ann")
    forum.clock.tick(45)
    first, second = (
        forum.flow.prepare(Discussion(title="Which tea?"), actor="ann") for _ in range(2)
    )
    forum.flow.perform(first)
    forum.clock.tick(30)
    with pytest.raises(ClaimTaken):
        forum.flow.perform(second)
    assert rows(forum, "select count(*) from forum_items") == [(1,)]
    assert differences(forum.flow) == []


@pytest.mark.parametrize("limit", [timedelta(0), timedelta(minutes=1)])
def test_the_windows_are_settings(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock, limit: timedelta
) -> None:
    settings = ForumSettings(duplicate_window=limit, spam_window=limit, post_cost_sats=7)
    with open_forum(store_url, sandbox, clock, settings) as forum:
        post = Discussion(title="Which tea?")
        forum.done(post)
        forum.clock.tick(61)
        assert forum.paid(post).cost == sats(7)


FIELDS: dict[str, tuple[str, Callable[[], PaidAction]]] = {
    "title too short": ("title", lambda: Discussion(title=" tea ")),
    "title too long": ("title", lambda: Discussion(title="t" * 81)),
    "text too long": ("text", lambda: Discussion(title="Which tea?", text="t" * 100_001)),
    "text with a NUL": ("text", lambda: Discussion(title="Which tea?", text="a\0b")),
    "no such territory": ("territory", lambda: Discussion(title="Which tea?", territory="mud")),
    "boost too small": ("boost_sats", lambda: Discussion(title="Which tea?", boost_sats=9_999)),
    "boost no multiple": ("boost_sats", lambda: Discussion(title="Which tea?", boost_sats=10_001)),
    "boost negative": ("boost_sats", lambda: Discussion(title="Which tea?", boost_sats=-10_000)),
    "no such file": ("upload_ids", lambda: Discussion(title="Which tea?", upload_ids=("x",))),
    "no such parent": ("parent_id", lambda: Comment(parent_id="x", text="Green.")),
    "bio without text": ("text", lambda: Bio(text="  ")),
}


def test_a8_fields_are_checked_before_money_moves(forum: Forum) -> None:
    for case, (field, action) in FIELDS.items():
        with refused(field, case=case):
            forum.flow.perform(action(), actor="ann")
    assert rows(forum, "select count(*) from forum_items") == [(0,)]
    assert rows(forum, "select count(*) from paidflow_actions") == [(0,)]


def test_ids_that_no_database_can_keep_are_refused(forum: Forum) -> None:
    for wrong in ("a\0b", "\ud800"):
        for action in (
            Discussion(title="Which tea?", territory=wrong),
            Discussion(title="Which tea?", upload_ids=(wrong,)),
            Comment(parent_id=wrong, text="Green."),
        ):
            with pytest.raises(InvalidArguments):
                forum.flow.perform(action, actor="ann")
    assert rows(forum, "select count(*) from paidflow_actions") == [(0,)]


def test_a8_limits_themselves_are_allowed(forum: Forum) -> None:
    forum.rich("ann")
    forum.done(Discussion(title="t" * 80, text="t" * 100_000, boost_sats=10_000))
    post = forum.done(Discussion(title="12345"), "bob")
    forum.done(Comment(parent_id=post, text="t" * 10_000))


@pytest.mark.parametrize(("status", "kinds"), [("stopped", "discussion"), ("active", "link poll")])
def test_a8_a_territory_may_be_stopped_or_for_other_posts(
    forum: Forum, status: str, kinds: str
) -> None:
    add_territory(forum, status=status, post_kinds=kinds)
    with refused("territory"):
        forum.flow.perform(Discussion(title="Which tea?", territory="tea"), actor="ann")


def test_a8_a_territory_may_stop_until_it_is_paid(forum: Forum) -> None:
    add_territory(forum)
    receipt = forum.pending(Discussion(title="Which tea?", territory="tea"), None)
    with forum.flow.transaction() as tx:
        tx.execute("update forum_territories set status = 'stopped'")
    pay(forum.flow, forum.sandbox, receipt)
    gone = forum.flow.get(receipt.action_id, proof=receipt.proof)
    assert gone.state is State.FAILED
    assert "territory: it is closed" in str(gone.error)
