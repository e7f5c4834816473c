"""The pool goes back to the people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from paidflow import POOL, Money, PaidFlow, msats, purse, sats
from paidflow.actions.rewards_payout import divided, pay_rewards
from paidflow.errors import InsufficientFunds, InvalidField
from paidflow.forum import ForumSettings, RewardsPayout
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.forum import Forum, open_forum
from tests.zaps import differences, fund, left


class ByName:
    """Divides by what the test says, and notes the days."""

    def __init__(self) -> None:
        self.given: dict[str, int] = {"ann": 2, "bob": 1}
        self.days: list[date] = []

    def weights(self, flow: PaidFlow, day: date) -> Mapping[str, int]:
        self.days.append(day)
        return self.given


@pytest.fixture
def policy() -> ByName:
    return ByName()


@pytest.fixture
def forum(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock, policy: ByName
) -> Iterator[Forum]:
    """A forum in Tokyo whose pool is divided by a policy."""
    settings = ForumSettings(rewards=policy, time_zone="Asia/Tokyo")
    with open_forum(store_url, sandbox, clock, settings) as opened:
        yield opened
        assert differences(opened.flow) == []


def test_the_pool_of_the_day_before_is_divided_once(forum: Forum, policy: ByName) -> None:
    fund(forum.flow, POOL, 10_000)
    assert pay_rewards(forum.flow) == 2
    assert left(forum.flow, POOL, purse("ann"), purse("bob")) == (0, 6_667, 3_333)
    fund(forum.flow, POOL, 9_000, "of the next day")
    assert pay_rewards(forum.flow) == 0
    forum.clock.tick(hours=14, minutes=59)
    assert pay_rewards(forum.flow) == 0
    forum.clock.tick(minutes=1)  # midnight in Tokyo
    assert pay_rewards(forum.flow) == 2
    assert policy.days == [date(2029, 12, 31), date(2030, 1, 1)]
    assert left(forum.flow, POOL, purse("ann"), purse("bob")) == (0, 12_667, 6_333)


def test_many_processes_divide_it_once(forum: Forum) -> None:
    fund(forum.flow, POOL, 9_000)
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(pay_rewards, [forum.flow] * 4)) == 2
    assert left(forum.flow, POOL, purse("ann"), purse("bob")) == (0, 6_000, 3_000)


def test_what_was_added_meanwhile_is_not_a_second_reward(forum: Forum, policy: ByName) -> None:
    """Another process looks into the pool a moment later, and sees another amount."""
    fund(forum.flow, POOL, 9_000)
    first = RewardsPayout(day="2029-12-31", rewards_msats={"ann": 1_000})
    system = ForumSettings().system
    forum.flow.perform(first, actor=system, idempotency_key="2029-12-31")
    with forum.flow.transaction() as tx:
        tx.execute("delete from forum_incomes")  # as if it had looked before
    assert pay_rewards(forum.flow) == 0
    assert left(forum.flow, POOL) == (8_000,)


@pytest.mark.parametrize("weights", [{}, {"ann": 0}])
def test_when_nobody_has_earned_anything_the_pool_keeps_it(
    forum: Forum, policy: ByName, weights: dict[str, int]
) -> None:
    policy.given = weights
    fund(forum.flow, POOL, 10_000)
    assert pay_rewards(forum.flow) == 0
    assert left(forum.flow, POOL) == (10_000,)


def test_an_empty_pool_gives_nothing(forum: Forum) -> None:
    assert pay_rewards(forum.flow) == 0


def test_no_more_than_the_pool_has(forum: Forum) -> None:
    fund(forum.flow, POOL, 10_000)
    payout = RewardsPayout(day="2030-01-01", rewards_msats={"ann": 10_001})
    with pytest.raises(InsufficientFunds):
        forum.flow.perform(payout, actor=ForumSettings().system)


@pytest.mark.parametrize("rewards", [{}, {"ann": 0}, {"ann": 5, "bob": -1}])
def test_what_is_no_reward(forum: Forum, rewards: dict[str, int]) -> None:
    fund(forum.flow, POOL, 10_000)
    payout = RewardsPayout(day="2030-01-01", rewards_msats=rewards)
    with pytest.raises(InvalidField, match="rewards_msats"):
        forum.flow.perform(payout, actor=ForumSettings().system)


@pytest.mark.parametrize(
    ("amount", "weights", "expected"),
    [
        (sats(3), {"ann": 1, "bob": 2}, {"bob": 2_000, "ann": 1_000}),
        (msats(10), {"ann": 1, "bob": 1, "carol": 1}, {"ann": 3, "bob": 3, "carol": 4}),
        (msats(1), {"ann": 1, "bob": 1}, {"bob": 1}),
        (sats(9), {"ann": 1, "bob": 5, "carol": 3, "dave": 1}, {"bob": 5_625, "carol": 3_375}),
        (sats(0), {"ann": 1}, {}),
        (sats(1), {"ann": -1}, {}),
    ],
)
def test_dividing(amount: Money, weights: dict[str, int], expected: dict[str, int]) -> None:
    people_max = 2 if len(weights) == 4 else 10
    assert divided(amount, weights, people_max) == expected
