"""People who do the same thing on a forum at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from paidflow import Receipt, State, purse, sats
from paidflow.actions.territory_billing import bill_territories
from paidflow.errors import ClaimTaken, Refused
from paidflow.forum import (
    Boost,
    Comment,
    Discussion,
    Polls,
    PollVote,
    TerritoryCreate,
    TerritoryUnarchive,
    Threads,
    UpdatePost,
    Zap,
)
from paidflow.testing.payer import invoice_of
from paidflow.views.threads import Branch
from tests.actions.conftest import forum as forum
from tests.acts import post, rows, totals
from tests.forum import Forum, poll_of_bob
from tests.races.arena import Result, together
from tests.zaps import differences, left

CROWD = 20


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CROWD + 1) as opened:
        yield opened


def paying(forum: Forum, receipt: Receipt) -> Callable[[], Result]:
    """Pays an invoice, even one that is paid already, and looks at it."""
    invoice = invoice_of(receipt)

    def pay() -> Result:
        forum.sandbox.pay(invoice, late=True)
        return forum.flow.sync("sandbox", invoice)

    return pay


def ended(forum: Forum, receipt: Receipt, actor: str) -> State:
    return forum.flow.get(receipt.action_id, actor=actor).state


def votes(forum: Forum, poll: str) -> int:
    found = Polls(forum.reader).one(poll, viewer=None)
    assert found is not None
    return sum(option.votes for option in found.options)


def size(branch: Branch) -> int:
    return 1 + sum(size(answer) for answer in branch.answers)


@pytest.mark.parametrize("way", ["credits", "invoice"])
def test_two_votes_of_one_person_are_one(forum: Forum, pool: ThreadPoolExecutor, way: str) -> None:
    poll = poll_of_bob(forum)
    if way == "credits":
        forum.rich("ann", amount_sats=100)
    calls = [
        lambda option=option: forum.flow.perform(PollVote(item_id=poll, option=option), actor="ann")
        for option in (1, 2, 3)
    ]
    results = together(pool, calls)
    assert Counter(map(type, results)) == {Receipt: 1, ClaimTaken: 2}, results
    assert votes(forum, poll) == (1 if way == "credits" else 0)
    assert forum.flow.balance("ann") == sats(99 if way == "credits" else 0)
    assert differences(forum.flow) == []


def test_a_vote_that_is_paid_twice_counts_once(forum: Forum, pool: ThreadPoolExecutor) -> None:
    poll = poll_of_bob(forum)
    received = forum.sandbox.total_received()
    vote = forum.pending(PollVote(item_id=poll, option=2), "ann")
    results = together(pool, [paying(forum, vote)] * 4)
    assert all(isinstance(result, Receipt) for result in results), results
    forum.work(minutes=1)
    assert ended(forum, vote, "ann") is State.PAID
    assert votes(forum, poll) == 1
    assert forum.sandbox.total_received() - received == vote.cost
    assert differences(forum.flow) == []


def test_boosts_and_an_edit_that_boosts_at_once_all_count(
    forum: Forum, pool: ThreadPoolExecutor
) -> None:
    item = post(forum)
    forum.rich("ann", "bob", "carol")
    boost = Boost(item_id=item, amount_sats=10_000)
    edit = UpdatePost(item_id=item, post=Discussion(title="Which cup?", boost_sats=20_000))
    calls = [("ann", boost), ("bob", edit), ("carol", boost)]
    results = together(pool, [lambda a=a, b=b: forum.done(b, a) for a, b in calls])
    assert all(isinstance(result, str) for result in results), results
    assert totals(forum, item)["boosted_msats"] == 40_000_000
    assert differences(forum.flow) == []


def test_of_revivals_paid_at_once_one_makes_an_owner_and_the_others_get_their_money_back(
    forum: Forum, pool: ThreadPoolExecutor
) -> None:
    tea = TerritoryCreate(name="tea", description="All about tea", auto_renew=False)
    forum.done(tea, "ann")
    forum.clock.tick(days=40)
    bill_territories(forum.flow)
    received = forum.sandbox.total_received()
    revival = TerritoryUnarchive(name="tea", description="More", seen_version=1)
    people = ("bob", "carol", "dave")
    receipts = {who: forum.pending(revival, who) for who in people}
    together(pool, [paying(forum, receipts[who]) for who in people] * 4)
    forum.work(minutes=1)
    owner = forum.territory("tea").owner
    states = {who: ended(forum, receipts[who], who) for who in people}
    assert states == {who: State.PAID if who == owner else State.FAILED for who in people}
    assert forum.sandbox.total_held() == sats(0)
    kept = forum.sandbox.total_received() - received
    late = {who: forum.flow.balance(who) for who in people}
    # Who has paid again when his money was back already has paid late, and it is in his purse.
    assert kept == sum(late.values(), sats(100_000))
    assert late[owner] == sats(0)
    assert differences(forum.flow) == []


def test_twenty_comments_under_one_post_are_paid_at_once(
    forum: Forum, pool: ThreadPoolExecutor
) -> None:
    """Half of them answer the post and half a comment below it, while the views are folded."""
    top = post(forum)
    below = forum.done(Comment(parent_id=top, text="Green."), "bob")
    answers = [
        forum.pending(Comment(parent_id=parent, text="Black."), f"person-{parent}-{number}")
        for parent in (top, below)
        for number in range(CROWD // 2)
    ]
    calls = [paying(forum, receipt) for receipt in answers]
    results = together(pool, [*calls, lambda: forum.folding.catch_up()])
    assert [result for result in results if isinstance(result, Exception)] == []
    counted = {item: totals(forum, item)["comments"] for item in (top, below)}
    assert counted == {top: CROWD + 1, below: CROWD // 2}
    tree = Threads(forum.reader).tree(top, viewer=None)
    assert tree is not None
    assert size(tree) == CROWD + 2
    assert differences(forum.flow) == []


def test_one_post_that_is_submitted_many_times_at_once_is_one(
    forum: Forum, pool: ThreadPoolExecutor
) -> None:
    forum.rich("ann", amount_sats=1_000_000)
    again = Discussion(title="Which tea?", text="Green?")
    results = together(pool, [lambda: forum.flow.perform(again, actor="ann")] * 8)
    receipts = [result for result in results if isinstance(result, Receipt)]
    assert len(receipts) == 1, results
    assert all(isinstance(result, Receipt | Refused | ClaimTaken) for result in results), results
    assert rows(forum, "select id from forum_items") == [{"id": receipts[0].action_id}]
    assert forum.flow.balance("ann") == sats(1_000_000) - receipts[0].cost
    assert differences(forum.flow) == []


def test_two_people_who_zap_each_other(forum: Forum, pool: ThreadPoolExecutor) -> None:
    """Each pays the other; whoever locks the purses in another order would wait for ever."""
    items = {"ann": post(forum, "bob"), "bob": post(forum, "ann")}
    forum.rich("ann", "bob", amount_sats=1_000)
    calls = [
        lambda who=who: forum.done(Zap(item_id=items[who], amount_sats=10), who)
        for who in ("ann", "bob") * (CROWD // 2)
    ]
    results = together(pool, calls)
    assert all(isinstance(result, str) for result in results), results
    assert left(forum.flow, purse("ann"), purse("bob")) == (970_000, 970_000)
    for item in items.values():
        assert totals(forum, item)["zapped_msats"] == 100_000
    assert differences(forum.flow) == []
