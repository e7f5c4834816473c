"""Profiles, one's own wallet, and sums by day: only what is real, or mine."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from paidflow import Receipt, State, msats, sats
from paidflow.errors import InvalidArguments
from paidflow.forum import Comment, Discussion, Profiles, Statistics, WalletHistory, Zap
from paidflow.testing.payer import pay
from tests.forum import Forum

TEA = Discussion(title="Which tea?")


def test_c2_a_profile_counts_what_is_real(forum: Forum) -> None:
    post = forum.done(TEA, "ann")
    since = forum.clock.now()
    forum.clock.tick(60)
    forum.done(Comment(parent_id=post, text="Green."), "ann")
    forum.done(Zap(item_id=post, amount_sats=100), "bob")
    forum.failed(TEA, "carol")
    forum.folding.catch_up()
    for viewer in ("ann", "bob", None):
        ann = Profiles(forum.reader).one("ann", viewer=viewer)
        assert (ann.posts, ann.comments, ann.spent, ann.stacked) == (1, 1, sats(2), sats(70))
        assert (ann.since, ann.pending) == (since, ())
    bob = Profiles(forum.reader).one("bob", viewer=None)
    assert (bob.posts, bob.spent, bob.stacked, bob.since) == (0, sats(100), sats(0), None)


def test_c3_what_is_pending_is_in_ones_own_profile_alone(forum: Forum) -> None:
    forum.pending(TEA, "ann")
    forum.folding.catch_up()
    profiles = Profiles(forum.reader)
    mine, theirs = profiles.one("ann", viewer="ann"), profiles.one("ann", viewer="bob")
    assert (mine.posts, mine.spent, mine.pending) == (0, sats(0), (sats(1),))
    assert mine.since == forum.clock.now()
    assert (theirs.pending, theirs.since) == ((), None)


def test_what_is_reversed_counts_no_more(forum: Forum) -> None:
    post = forum.done(TEA, "ann")
    zap = forum.done(Zap(item_id=post, amount_sats=100), "bob")
    forum.flow.refund(zap, operator="olga", why="a mistake")
    forum.work()
    profiles = Profiles(forum.reader)
    assert profiles.one("ann", viewer=None).stacked == sats(0)
    assert profiles.one("bob", viewer=None).spent == sats(0)


def test_c2_sums_by_day(forum: Forum) -> None:
    post = forum.done(TEA, "ann")
    first = forum.clock.now().date()
    forum.clock.tick(timedelta(days=1).total_seconds())
    forum.done(Zap(item_id=post, amount_sats=100), "bob")
    forum.done(Zap(item_id=post, amount_sats=10), "carol")
    forum.pending(Zap(item_id=post, amount_sats=1000), "bob")
    forum.folding.catch_up()
    second = first + timedelta(days=1)
    assert _days(forum, first, second) == {
        (first, "discussion"): (1, 1, sats(1), sats(0)),
        (second, "zap"): (2, 3, sats(110), msats(77_000)),
    }
    assert list(_days(forum, first, first)) == [(first, "discussion")]
    own = Statistics(forum.reader).days_of("ann", first, second)
    assert [(line.kind, line.times, line.stacked) for line in own] == [
        ("discussion", 1, sats(0)),
        ("zap", 0, sats(77)),
    ]


def test_c2_the_history_of_a_wallet(forum: Forum) -> None:
    forum.flow.grant("ann", sats(200), key="welcome")
    forum.clock.tick(1)
    post = forum.done(TEA, "bob")
    forum.done(Zap(item_id=post, amount_sats=100), "ann")
    forum.pending(Zap(item_id=post, amount_sats=70), "carol")
    history = WalletHistory(forum.flow, forum.reader)
    ann, bob = (history.credits(actor) for actor in ("ann", "bob"))
    assert [one.kind for one in ann] == ["zap", "zap", None]
    assert sorted(one.line.amount.amount for one in ann) == [-70_000, -30_000, 200_000]
    assert [(one.kind, one.line.amount) for one in bob] == [("zap", sats(70))]
    assert history.credits("ann", before=ann[0].line.cursor) == ann[1:]
    assert history.withdrawable("ann") == []
    with pytest.raises(InvalidArguments, match="cursor"):
        history.credits("ann", before="x")


def test_c3_what_waits_for_its_payment(forum: Forum) -> None:
    history = WalletHistory(forum.flow, forum.reader)
    first = forum.pending(TEA, "ann")
    forum.clock.tick(1)
    second = forum.pending(Discussion(title="Which cup?"), "ann")
    forum.failed(TEA, "bob")
    waiting = history.pending("ann")
    assert [one.action_id for one in waiting] == [second.action_id, first.action_id]
    assert (waiting[0].kind, waiting[0].amount) == ("discussion", sats(10))
    assert waiting[0].state is State.PENDING
    assert history.pending("bob") == []
    _paid(forum, first)
    assert [one.action_id for one in history.pending("ann")] == [second.action_id]


def _paid(forum: Forum, receipt: Receipt) -> None:
    assert pay(forum.flow, forum.sandbox, receipt).state is State.PAID


def _days(forum: Forum, since: date, until: date) -> dict[tuple[date, str], object]:
    return {
        (line.day, line.kind): (line.times, line.people, line.spent, line.stacked)
        for line in Statistics(forum.reader).days(since, until)
    }
