"""Donations: money for the pool."""

from __future__ import annotations

import pytest

from paidflow import POOL
from paidflow.forum import Donate
from paidflow.testing.payer import pay
from tests.actions.support import refused
from tests.acts import rows
from tests.forum import Forum
from tests.zaps import differences, left

DONATIONS = "select actor, amount_msats from forum_donations"


@pytest.mark.parametrize("actor", ["ann", None])
def test_a7_it_is_in_the_pool_and_in_its_table_once_the_money_is_there(
    forum: Forum, actor: str | None
) -> None:
    receipt = forum.pending(Donate(amount_sats=100), actor)
    assert rows(forum, DONATIONS) == []
    pay(forum.flow, forum.sandbox, receipt)
    assert rows(forum, DONATIONS) == [{"actor": actor, "amount_msats": 100_000}]
    assert left(forum.flow, POOL) == (100_000,)
    assert differences(forum.flow) == []


def test_a7_a_donation_that_fails_leaves_nothing(forum: Forum) -> None:
    forum.failed(Donate(amount_sats=100), "ann")
    assert rows(forum, DONATIONS) == []
    assert left(forum.flow, POOL) == (0,)


def test_a7_a_donation_is_of_one_sat_or_more(forum: Forum) -> None:
    with refused("amount_sats"):
        forum.flow.perform(Donate(amount_sats=0), actor="ann")
