"""Sums of items: they move when something is paid, and exactly back when the money goes back."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from paidflow import Folding, State, rebuild
from paidflow.forum import Boost, BountyPayment, Comment, Downzap, ForumSettings, Zap
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.records import as_time
from paidflow.testing import ManualClock
from paidflow.testing.payer import invoice_of, pay, sync
from paidflow.views.item_totals import ItemTotals
from tests.acts import comment, post, rows, totals
from tests.forum import Forum, bounty_post, open_forum


class ItemTotals2(ItemTotals):
    """The next version of the view."""

    version = 2


class TrustByName:
    """A policy: everybody counts half, and ann counts whole."""

    def trust(self, actor: str) -> int:
        return 1_000_000 if actor == "ann" else 500_000


def test_a3_every_item_above_counts_the_zaps_below_it(forum: Forum) -> None:
    top = post(forum)
    middle = comment(forum, top, "carol")
    bottom = comment(forum, middle, "bob")
    forum.done(Zap(item_id=bottom, amount_sats=100), "ann")
    forum.done(Zap(item_id=middle, amount_sats=10), "ann")
    below = [totals(forum, item).get("comments_zapped_msats", 0) for item in (top, middle, bottom)]
    assert below == [110_000, 100_000, 0]
    own = [totals(forum, item)["zapped_msats"] for item in (top, middle, bottom)]
    assert own == [0, 10_000, 100_000]


def test_a1_a_comment_adds_the_trust_of_its_author_above_but_not_to_his_own(forum: Forum) -> None:
    top = post(forum, "bob")
    middle = comment(forum, top, "carol")
    comment(forum, middle, "bob")
    comment(forum, middle, None)
    trusted = [totals(forum, item)["comment_trust_millionths"] for item in (top, middle)]
    assert trusted == [1_000_000, 1_000_000]
    assert [totals(forum, item)["comments"] for item in (top, middle)] == [3, 2]


def test_a3_the_last_zap_is_the_one_that_was_paid_last(forum: Forum) -> None:
    item = post(forum)
    asked_first = forum.pending(Zap(item_id=item, amount_sats=1), "ann")
    forum.clock.tick(60)
    forum.done(Zap(item_id=item, amount_sats=1), "carol")
    assert as_time(totals(forum, item)["last_zap_at"]) == forum.clock.now()
    forum.clock.tick(60)
    pay(forum.flow, forum.sandbox, asked_first)
    assert as_time(totals(forum, item)["last_zap_at"]) == forum.clock.now()


def test_e6_the_last_comment_is_the_one_that_was_written_last(forum: Forum) -> None:
    """However late an earlier one is paid."""
    top = post(forum)
    written_first = forum.pending(Comment(parent_id=top, text="First!"), "ann")
    forum.clock.tick(60)
    middle = comment(forum, top, "carol")
    last = forum.clock.now()
    forum.clock.tick(60)
    pay(forum.flow, forum.sandbox, written_first)
    assert as_time(totals(forum, top)["last_comment_at"]) == last
    assert totals(forum, middle).get("last_comment_at") is None


def test_what_goes_back_is_taken_away_exactly(forum: Forum) -> None:
    top = post(forum)
    item = comment(forum, top, "bob")
    kept = forum.done(Zap(item_id=item, amount_sats=7), "ann")
    before = totals(forum, item), totals(forum, top)
    taken = [
        forum.done(Zap(item_id=item, amount_sats=93), "ann"),
        forum.done(Zap(item_id=item, amount_sats=500), "carol"),
        forum.done(Downzap(item_id=item, amount_sats=3), "ann"),
        forum.done(Boost(item_id=item, amount_sats=10_000), "ann"),
        forum.done(Comment(parent_id=item, text="Green."), "carol"),
    ]
    assert totals(forum, item)["votes_millionths"] == 2_000_000 + 2_698_970
    assert totals(forum, item)["zappers"] == 2
    for action_id in taken:
        assert _refunded(forum, action_id)
    after = totals(forum, item), totals(forum, top)
    for was, now in zip(before, after, strict=True):
        assert _sums(now) == _sums(was)
    _refunded(forum, kept)
    assert set(_sums(totals(forum, item)).values()) == {0}


def test_a_dispute_that_is_won_makes_it_count_again(forum: Forum) -> None:
    item = post(forum)
    receipt = pay(
        forum.flow, forum.sandbox, forum.pending(Zap(item_id=item, amount_sats=100), "ann")
    )
    dispute = forum.sandbox.open_dispute(invoice_of(receipt))
    assert dispute is not None
    assert sync(forum.flow, receipt).state is State.DISPUTED
    assert (totals(forum, item)["zappers"], totals(forum, item)["votes_millionths"]) == (0, 0)
    assert forum.sandbox.win_dispute(dispute)
    assert sync(forum.flow, receipt).state is State.PAID
    found = totals(forum, item)
    assert (found["zappers"], found["votes_millionths"], found["zapped_msats"]) == (
        *(1, 2_000_000),
        100_000,
    )


def test_what_is_shown_of_an_item(forum: Forum) -> None:
    promised = bounty_post(forum)
    answer = comment(forum, promised, "bob")
    forum.done(BountyPayment(item_id=answer))
    forum.clock.tick(60)
    forum.done(Zap(item_id=answer, amount_sats=100), "carol")
    row = forum.item(promised)
    assert row is not None
    assert (row["bounty_paid_to"], row["comments_zapped_msats"]) == (answer, 100_000)
    assert row["last_comment_at"] < forum.clock.now()
    row = forum.item(answer)
    assert row is not None
    assert (row["zappers"], row["last_zap_at"]) == (1, forum.clock.now())


def test_a_bounty_that_went_back_is_not_paid(forum: Forum) -> None:
    promised = bounty_post(forum)
    answer = comment(forum, promised, "bob")
    payment = forum.done(BountyPayment(item_id=answer))
    assert totals(forum, promised)["bounty_paid_to"] == answer
    assert _refunded(forum, payment)
    assert totals(forum, promised)["bounty_paid_to"] is None


@dataclass
class History:
    """What was done in a forum, and what follows from what of it is real."""

    forum: Forum
    items: list[str]
    parents: dict[str, str | None]
    authors: dict[str, str]
    acts: list[tuple[str, str, str, str, int]]

    def real(self) -> set[str]:
        found = rows(self.forum, "select action_id from paidflow_actions where state = 'PAID'")
        return {row["action_id"] for row in found}

    def expected(self) -> dict[str, Counter[str]]:
        """The sums of each item, counted one by one."""
        real, trust = self.real(), TrustByName()
        sums = defaultdict[str, Counter[str]](Counter)
        paid: Counter[tuple[str, str, str]] = Counter()
        for action_id, act, item, actor, sats in self.acts:
            if action_id not in real:
                continue
            sums[item][{"zap": "zapped", "downzap": "downzapped"}.get(act, "boosted")] += sats
            paid[act, item, actor] += sats
            if act == "zap":
                for above in self._above(item):
                    sums[above]["comments_zapped"] += sats
        for (act, item, actor), sats in paid.items():
            votes = round(trust.trust(actor) * math.log10(sats))
            if act == "zap":
                sums[item]["zappers"] += 1
                sums[item]["votes"] += votes
            if act == "downzap":
                sums[item]["downvotes"] += votes
        for item in self.items:
            for above in self._above(item) if item in real else ():
                sums[above]["comments"] += 1
                if self.authors[above] != self.authors[item]:
                    sums[above]["comment_trust"] += trust.trust(self.authors[item])
        return {item: +sums[item] for item in self.items}

    def _above(self, item: str) -> list[str]:
        parent = self.parents[item]
        return [] if parent is None else [parent, *self._above(parent)]


@pytest.mark.parametrize("seed", [1, 2])
def test_sums_do_not_depend_on_the_order_and_a_rebuild_gives_the_same(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock, seed: int
) -> None:
    """What is pending is settled in random order, some of it goes back, and pages have any size."""
    settings = ForumSettings(trust=TrustByName())
    with open_forum(store_url, sandbox, clock, settings) as forum:
        dice = random.Random(seed)
        small = Folding(forum.flow, [ItemTotals(settings.trust)], page=3)
        history = _live(forum, dice)
        small.run_until_idle()
        _settle(forum, dice, small)
        assert _read(forum, history.items) == history.expected()
        new = Folding(forum.flow, [ItemTotals2(settings.trust)], page=10_000)
        old = rows(forum, "select * from forum_item_totals_v1 order by item_id")
        votes = rows(forum, "select * from forum_item_votes_v1 order by item_id, actor")
        rebuild(new, "forum_item_totals")
        assert rows(forum, "select * from forum_item_totals_v2 order by item_id") == old
        assert rows(forum, "select * from forum_item_votes_v2 order by item_id, actor") == votes
        assert rows(forum, "select * from forum_item_votes order by item_id, actor") == votes
        assert len(votes) > 5


def _live(forum: Forum, dice: random.Random) -> History:
    people = ["ann", "bob", "carol", "dave"]
    forum.rich("ann", "bob")
    top = post(forum, "dave")
    history = History(forum, [top], {top: None}, {top: "dave"}, [])
    for number in range(6):
        parent, author = dice.choice(history.items), dice.choice(people)
        item = forum.done(Comment(parent_id=parent, text=f"Tea number {number}."), author)
        history.items.append(item)
        history.parents[item], history.authors[item] = parent, author
    for _ in range(40):
        forum.clock.tick(1)
        item = dice.choice(history.items)
        actor = dice.choice([one for one in people if one != history.authors[item]])
        act = dice.choice(["zap", "zap", "downzap", "boost"])
        sats = 10_000 if act == "boost" else dice.randint(1, 500)
        kind = {"zap": Zap, "downzap": Downzap, "boost": Boost}[act]
        receipt = forum.flow.perform(kind(item_id=item, amount_sats=sats), actor=actor)
        history.acts.append((receipt.action_id, act, item, actor, sats))
    return history


def _settle(forum: Forum, dice: random.Random, folding: Folding) -> None:
    pending = forum.sandbox.books()
    dice.shuffle(pending)
    for book in pending:
        forum.clock.tick(1)
        (forum.sandbox.pay if dice.random() < 0.7 else forum.sandbox.expire)(book.invoice_id)
        forum.flow.sync("sandbox", book.invoice_id)
        folding.run_once()
    paid = rows(
        forum,
        "select action_id from paidflow_actions where state = 'PAID' and kind <> 'comment'"
        " order by action_id",
    )
    for row in dice.sample(paid, len(paid) // 3):
        _refunded(forum, row["action_id"])
        folding.run_once()
    folding.run_until_idle()


def _read(forum: Forum, items: list[str]) -> dict[str, Counter[str]]:
    """The sums as the view has them, called as those that are counted one by one."""
    found: dict[str, Counter[str]] = {}
    for item in items:
        sums = Counter[str]()
        for column, amount in _sums(totals(forum, item)).items():
            name, _, unit = column.rpartition("_")
            whole = amount // 1_000 if unit == "msats" else amount
            sums[name if unit in ("msats", "millionths") else column] = whole
        found[item] = +sums
    return found


def _sums(found: Any) -> dict[str, int]:
    return {column: number for column, number in found.items() if isinstance(number, int)}


def _refunded(forum: Forum, action_id: str) -> bool:
    """Whether all of it has gone back."""
    forum.flow.refund(action_id, operator="dave", why="a test")
    forum.clock.tick(timedelta(minutes=1).total_seconds())
    forum.worker.run_until_idle()
    return not rows(
        forum,
        "select action_id from paidflow_actions where action_id = :id and state = 'PAID'",
        id=action_id,
    )
