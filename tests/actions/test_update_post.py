"""Editing posts: who may, until when, what it costs, and what cannot be changed."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest

from paidflow import PaidAction, State, sats
from paidflow.errors import Refused
from paidflow.forum import (
    AffordableFreebies,
    Boost,
    DeleteItem,
    Discussion,
    ForumSettings,
    Forward,
    Job,
    Link,
    Poll,
    UpdatePost,
)
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from paidflow.testing.payer import pay
from tests.actions.support import add_territory, cost_of, file_of, refused, rows
from tests.forum import Forum, open_forum
from tests.zaps import differences

FIRST = Discussion(title="First thoughts")
SECOND = Discussion(title="Second thoughts", text="More.")
JOB = Job(title="Taster", text="Sip.", company="Tea", url="jobs@tea.example", remote=True)


def title_of(forum: Forum, item_id: str) -> object:
    """What a post is called now."""
    return rows(forum, "select title from forum_items where id = :id", id=item_id)[0][0]


def edit(forum: Forum, item_id: str, post: Discussion = SECOND, **who: str) -> State:
    """Edit a post as somebody."""
    return forum.flow.perform(UpdatePost(item_id=item_id, post=post), **who).state


def test_a0_item_update_flags() -> None:
    assert not UpdatePost.optimistic
    assert UpdatePost.pessimistic
    assert UpdatePost.anonymous


def test_a2_an_ordinary_edit_is_free_and_seen_at_once(forum: Forum) -> None:
    post = forum.done(FIRST)
    forum.clock.tick(600)
    assert edit(forum, post, actor="ann") is State.PAID
    row = forum.item(post)
    assert row is not None
    assert (row["title"], row["text"]) == ("Second thoughts", "More.")
    assert row["edited_at"] is not None
    assert differences(forum.flow) == []


@pytest.mark.parametrize("actor", ["bob", None])
def test_a8_only_the_author_edits(forum: Forum, actor: str | None) -> None:
    """Whoever may not see an item learns nothing about it."""
    for post in (forum.done(FIRST), forum.pending(SECOND).action_id, "nothing"):
        with refused("item_id", "no such item of yours"):
            forum.flow.perform(UpdatePost(item_id=post, post=FIRST), actor=actor)


def test_a8_edit_within_ten_minutes_of_payment(forum: Forum) -> None:
    receipt = forum.pending(FIRST)
    forum.clock.tick(300)
    pay(forum.flow, forum.sandbox, receipt)
    forum.clock.tick(600)
    edit(forum, receipt.action_id, actor="ann")
    forum.clock.tick(1)
    with refused("item_id", "10 minutes"):
        edit(forum, receipt.action_id, FIRST, actor="ann")
    assert title_of(forum, receipt.action_id) == "Second thoughts"


def test_a8_a_job_is_edited_at_any_time(forum: Forum) -> None:
    job = forum.done(JOB)
    forum.clock.tick(86_400)
    forum.done(UpdatePost(item_id=job, post=JOB.model_copy(update={"title": "Drinker"})))
    assert title_of(forum, job) == "Drinker"


def test_a8_the_kind_of_a_post_is_what_is_stored(forum: Forum) -> None:
    """Otherwise whoever sends the form of a job could edit for ever."""
    post = forum.done(FIRST)
    link = Link(title="A link now", url="https://example.org")
    for other in (JOB, link):
        with refused("item_id", "this is a discussion"):
            forum.flow.perform(UpdatePost(item_id=post, post=other), actor="ann")


def test_a8_unpaid_items_are_edited_freely_if_that_is_free(forum: Forum) -> None:
    receipt = forum.failed(FIRST)
    forum.clock.tick(86_400)
    edit(forum, receipt.action_id, actor="ann")
    assert title_of(forum, receipt.action_id) == "Second thoughts"
    assert forum.item(receipt.action_id) is None
    with refused("boost_sats", "pay for the item itself first"):
        dear = SECOND.model_copy(update={"boost_sats": 10_000})
        edit(forum, receipt.action_id, dear, actor="ann")
    with refused("upload_ids", "pay for the item itself first"):
        shown = SECOND.model_copy(update={"upload_ids": (file_of(forum, "ann", 60),)})
        edit(forum, receipt.action_id, shown, actor="ann")


def test_a8_what_was_deleted_is_not_edited(forum: Forum) -> None:
    post = forum.done(FIRST)
    forum.done(DeleteItem(item_id=post))
    with refused("item_id"):
        edit(forum, post, actor="ann")


def test_a2_cost_is_what_is_added_to_the_boost_and_new_files(forum: Forum) -> None:
    forum.rich("ann")
    post = forum.done(FIRST.model_copy(update={"boost_sats": 10_000}))
    more = SECOND.model_copy(
        update={"boost_sats": 30_000, "upload_ids": (file_of(forum, "ann", 60),)}
    )
    assert forum.paid(UpdatePost(item_id=post, post=more)).cost == sats(20_000 + 10)
    row = forum.item(post)
    assert row is not None
    assert (row["boosted_msats"], row["boost_msats"]) == (30_000_000, 30_000_000)
    assert cost_of(forum, UpdatePost(item_id=post, post=more)) == sats(0)
    with refused("boost_sats", "cannot be lowered"):
        edit(forum, post, FIRST, actor="ann")
    with refused("boost_sats", "multiple"):
        edit(forum, post, more.model_copy(update={"boost_sats": 30_001}), actor="ann")


def test_a2_an_edit_that_is_not_paid_leaves_nothing(forum: Forum) -> None:
    post = forum.done(FIRST)
    dear = SECOND.model_copy(update={"boost_sats": 10_000})
    receipt = forum.failed(UpdatePost(item_id=post, post=dear))
    assert title_of(forum, post) == "First thoughts"
    forum.clock.tick(601)
    retried = forum.flow.retry(receipt.action_id, actor="ann")
    assert pay(forum.flow, forum.sandbox, retried).state is State.FAILED
    assert title_of(forum, post) == "First thoughts"
    assert differences(forum.flow) == []


def test_two_edits_that_boost_do_not_both_count(forum: Forum) -> None:
    """Both were priced with the old boost; the second is undone, and its money goes back."""
    post = forum.done(FIRST)
    one, other = (
        UpdatePost(item_id=post, post=SECOND.model_copy(update={"boost_sats": boost}))
        for boost in (10_000, 20_000)
    )
    first, second = forum.pending(one), forum.pending(other)
    assert pay(forum.flow, forum.sandbox, first).state is State.PAID
    lost = pay(forum.flow, forum.sandbox, second)
    assert (lost.state, "boost has been changed" in str(lost.error)) == (State.FAILED, True)
    row = forum.item(post)
    assert row is not None
    assert (row["boosted_msats"], row["boost_msats"]) == (10_000_000, 10_000_000)
    assert differences(forum.flow) == []


def test_a_boost_between_an_edit_and_its_payment_stays(forum: Forum) -> None:
    """What others and the author himself add is an act of its own, which no edit overwrites."""
    forum.rich("bob")
    post = forum.done(FIRST)
    dear = SECOND.model_copy(update={"boost_sats": 10_000})
    receipt = forum.pending(UpdatePost(item_id=post, post=dear))
    forum.done(Boost(item_id=post, amount_sats=20_000), "bob")
    assert pay(forum.flow, forum.sandbox, receipt).state is State.PAID
    row = forum.item(post)
    assert row is not None
    assert (row["boosted_msats"], row["boost_msats"]) == (30_000_000, 10_000_000)


def test_an_edit_from_credits_meets_a_boost_that_was_changed(forum: Forum) -> None:
    forum.rich("ann")
    post = forum.done(FIRST)
    dear = UpdatePost(item_id=post, post=SECOND.model_copy(update={"boost_sats": 10_000}))
    first, second = forum.flow.prepare(dear, actor="ann"), forum.flow.prepare(dear, actor="ann")
    forum.flow.perform(first)
    with pytest.raises(Refused, match="changed in the meantime"):
        forum.flow.perform(second)
    assert differences(forum.flow) == []


def test_a2_forwards_are_changed_by_difference(forum: Forum) -> None:
    def forwarding(**percents: int) -> Discussion:
        lines = [Forward(actor=actor, percent=percent) for actor, percent in percents.items()]
        return SECOND.model_copy(update={"forwards": tuple(lines)})

    post = forum.done(forwarding(bob=10, carol=20))
    edit(forum, post, forwarding(carol=30, dave=40), actor="ann")
    found = rows(forum, "select actor, percent from forum_forwards order by actor")
    assert found == [("carol", 30), ("dave", 40)]
    with refused("forwards"):
        edit(forum, post, forwarding(ann=10), actor="ann")


def test_a2_poll_options_are_only_added(forum: Forum) -> None:
    def poll(*options: str) -> PaidAction:
        return UpdatePost(item_id=post, post=Poll(title="Tea or coffee?", options=options))

    post = forum.done(Poll(title="Tea or coffee?", options=("tea", "coffee")))
    forum.done(poll("tea", "coffee", "water"))
    found = rows(forum, "select position, text from forum_poll_options order by position")
    assert found == [(1, "tea"), (2, "coffee"), (3, "water")]
    eleven = [*"abcdefgh", "coffee", "tea", "water"]
    for options in (("tea", "coffee"), ("coffee", "tea", "water"), eleven):
        with refused("options"):
            forum.flow.perform(poll(*options), actor="ann")


def test_a8_the_end_of_a_poll_may_stay_when_it_is_near(forum: Forum) -> None:
    ends = forum.clock.now() + timedelta(days=1)
    poll = Poll(title="Tea or coffee?", options=("tea", "coffee"), expires_at=ends)
    post = forum.done(poll)
    forum.clock.tick(60)
    forum.done(UpdatePost(item_id=post, post=poll.model_copy(update={"title": "Coffee or tea?"})))
    sooner = poll.model_copy(update={"expires_at": ends - timedelta(hours=1)})
    with refused("expires_at"):
        forum.flow.perform(UpdatePost(item_id=post, post=sooner), actor="ann")


def test_a8_a_new_territory_is_not_dearer(forum: Forum) -> None:
    add_territory(forum, "tea", base_cost_sats=10)
    add_territory(forum, "herbs", base_cost_sats=10)
    add_territory(forum, "gold", base_cost_sats=11)
    add_territory(forum, "ruins", base_cost_sats=1, status="stopped")
    in_tea = FIRST.model_copy(update={"territory": "tea"})
    post = forum.done(in_tea)
    for name, why in (("gold", "dearer"), ("ruins", "closed"), ("mud", "no such")):
        with refused("territory", why):
            edit(forum, post, SECOND.model_copy(update={"territory": name}), actor="ann")
    edit(forum, post, SECOND.model_copy(update={"territory": "herbs"}), actor="ann")
    assert rows(forum, "select territory from forum_items") == [("herbs",)]


def test_a8_a_post_stays_in_a_territory_that_was_stopped(forum: Forum) -> None:
    post = forum.done(Discussion(title="First thoughts", territory=add_territory(forum)))
    with forum.flow.transaction() as tx:
        tx.execute("update forum_territories set status = 'stopped'")
    edit(forum, post, SECOND.model_copy(update={"territory": "tea"}), actor="ann")


def test_a8_a_free_post_stays_where_posts_are_free(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    settings = ForumSettings(freebies=AffordableFreebies())
    with open_forum(store_url, sandbox, clock, settings) as forum:
        add_territory(forum, "tea", free_posts=True)
        add_territory(forum, "coffee")
        post = forum.done(FIRST.model_copy(update={"territory": "tea"}))
        with refused("territory", "no free posts"):
            edit(forum, post, SECOND.model_copy(update={"territory": "coffee"}), actor="ann")
        edit(forum, post, SECOND.model_copy(update={"territory": "tea"}), actor="ann")
        assert rows(forum, "select title, free from forum_items")[0][0] == "Second thoughts"


def test_a_logged_out_author_edits_with_the_proof(forum: Forum) -> None:
    receipt, other = forum.paid(FIRST, None), forum.paid(FIRST, None)
    assert receipt.proof is not None
    assert other.proof is not None
    for proof in (other.proof, "", "a.b", receipt.proof[:-1]):
        with refused("item_id", "no such item of yours"):
            edit(forum, receipt.action_id, proof=proof)
    edit(forum, receipt.action_id, proof=receipt.proof)
    # Also when he has logged in since.
    edit(forum, receipt.action_id, FIRST, actor="ann", proof=receipt.proof)
    assert title_of(forum, receipt.action_id) == "First thoughts"
    mine = forum.done(FIRST)
    with refused("item_id"):
        edit(forum, mine, proof=receipt.proof)


def test_the_proof_is_kept_nowhere(forum: Forum, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    receipt = forum.paid(FIRST, None)
    dear = SECOND.model_copy(update={"boost_sats": 10_000})
    pending = forum.pending(UpdatePost(item_id=receipt.action_id, post=dear), None, receipt.proof)
    assert pay(forum.flow, forum.sandbox, pending).state is State.PAID
    assert title_of(forum, receipt.action_id) == "Second thoughts"
    secret = str(receipt.proof).partition(".")[2]
    kept = json.dumps(everything(forum), default=_text)
    assert receipt.action_id in kept
    assert secret not in kept + caplog.text


def everything(forum: Forum) -> list[object]:
    """All rows of all tables."""
    with forum.flow.store.reading() as tx:
        sqlite = tx.dialect == "sqlite"
    names = "select tablename from pg_tables where schemaname = current_schema()"
    if sqlite:
        names = "select name from sqlite_master where type = 'table'"
    return [rows(forum, f"select * from {name}") for (name,) in rows(forum, names)]


def _text(value: object) -> str:
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
