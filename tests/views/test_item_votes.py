"""What votes weigh, and who has voted."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidflow.forum import Downzap, Zap
from paidflow.views.item_votes import weight
from tests.acts import post, rows, totals
from tests.forum import Forum

WHOLE = 1_000_000
VOTES = "select actor, zapped_msats, downzapped_msats from forum_item_votes order by actor"


@pytest.mark.parametrize(
    ("trust", "sats", "votes"),
    [
        (WHOLE, 0, 0),
        (WHOLE, 1, 0),
        (WHOLE, 2, 301_030),
        (WHOLE, 10, 1_000_000),
        (WHOLE, 100, 2_000_000),
        (WHOLE, 101, 2_004_321),
        (WHOLE, 1_000_000, 6_000_000),
        (WHOLE // 2, 100, 1_000_000),
        (WHOLE // 3, 1_000, 999_999),
        (0, 100, 0),
    ],
)
def test_a3_a_vote_weighs_trust_times_the_logarithm(trust: int, sats: int, votes: int) -> None:
    assert weight(trust, sats * 1_000) == votes


def test_a3_less_than_a_sat_weighs_nothing() -> None:
    assert weight(WHOLE, 999) == 0


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=8), st.integers(0, WHOLE))
def test_a3_what_is_added_bit_by_bit_is_what_the_total_weighs(paid: list[int], trust: int) -> None:
    """The formula of the origin adds the logarithm of total / max(total - paid, 1) each time."""
    reached = [sum(paid[:count]) for count in range(len(paid) + 1)]
    weights = [weight(trust, sats * 1_000) for sats in reached]
    assert sum(after - before for before, after in pairwise(weights)) == weights[-1]
    assert weights == sorted(weights)


@pytest.mark.parametrize("pieces", [(1_000,), (30, 70, 900), (900, 70, 30)])
def test_a3_a_person_counts_once_however_often_he_zaps(
    forum: Forum, pieces: tuple[int, ...]
) -> None:
    item = post(forum)
    forum.rich("ann")
    for amount in pieces:
        forum.done(Zap(item_id=item, amount_sats=amount), "ann")
        forum.folding.catch_up()
    found = totals(forum, item)
    assert (found["zappers"], found["votes_millionths"]) == (1, 3_000_000)
    assert rows(forum, VOTES) == [
        {"actor": "ann", "zapped_msats": 1_000_000, "downzapped_msats": 0}
    ]


def test_a4_zaps_and_downzaps_of_a_person_are_counted_apart(forum: Forum) -> None:
    item = post(forum)
    forum.rich("ann")
    forum.done(Zap(item_id=item, amount_sats=100), "ann")
    forum.done(Downzap(item_id=item, amount_sats=10), "ann")
    assert rows(forum, VOTES) == [
        {"actor": "ann", "zapped_msats": 100_000, "downzapped_msats": 10_000}
    ]
    found = totals(forum, item)
    assert (found["votes_millionths"], found["downvotes_millionths"]) == (2_000_000, 1_000_000)


def test_logged_out_people_pay_and_do_not_vote(forum: Forum) -> None:
    item = post(forum)
    forum.done(Zap(item_id=item, amount_sats=100), None)
    found = totals(forum, item)
    assert (found["zapped_msats"], found["zappers"], found["votes_millionths"]) == (100_000, 0, 0)
    assert rows(forum, VOTES) == []
