"""The pool of a day goes to those who have earned it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from paidflow import POOL, purse
from paidflow.actions.rewards_payout import pay_rewards
from paidflow.forum import Discussion, EarnedRewards, ForumSettings, Zap
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.forum import Forum, open_forum
from tests.zaps import differences, left


@pytest.fixture
def forum(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[Forum]:
    settings = ForumSettings(rewards=EarnedRewards(author_percent=50), time_zone="Asia/Tokyo")
    with open_forum(store_url, sandbox, clock, settings) as opened:
        yield opened


def test_half_is_for_the_author_and_half_for_his_zapper(forum: Forum) -> None:
    """On New Year in Tokyo; the post of the day before earns nothing."""
    old = forum.done(Discussion(title="Of last year"), "dave")
    forum.done(Zap(item_id=old, amount_sats=1_000), "carol")
    forum.clock.tick(timedelta(hours=16).total_seconds())
    post = forum.done(Discussion(title="Which tea?"), "bob")
    forum.done(Zap(item_id=post, amount_sats=100), "ann")
    forum.folding.catch_up()
    (pool,) = left(forum.flow, POOL)
    before = left(forum.flow, purse("ann"), purse("bob"))
    forum.clock.tick(timedelta(days=1).total_seconds())
    assert pay_rewards(forum.flow) == 2
    assert left(forum.flow, POOL, purse("carol")) == (0, 0)
    gained = [
        now - was
        for was, now in zip(before, left(forum.flow, purse("ann"), purse("bob")), strict=True)
    ]
    assert gained == [pool // 2, pool - pool // 2]
    assert differences(forum.flow) == []
