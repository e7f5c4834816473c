"""Rewards: the pool goes back to the people, once a day, as a policy divides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from heapq import nlargest

from paidflow.actions.contract import Context
from paidflow.actions.forum_action import forum_day, forum_settings, settings_of
from paidflow.actions.incomes import add_income, is_paid
from paidflow.actions.system_action import SystemAction, perform_once
from paidflow.errors import InvalidField
from paidflow.flow.paid_flow import PaidFlow
from paidflow.ledger.accounts import POOL, purse
from paidflow.money import Money, msats
from paidflow.states.postings import Posting, pro_rata


class RewardsPayout(SystemAction):
    """Pay rewards from the pool.

    Args:
        day: what they are for, such as ``2030-01-31``.
        rewards_msats: actor -> how much.
    """

    kind = "rewards-payout"

    day: str
    rewards_msats: Mapping[str, int]

    def cost(self, ctx: Context) -> Money:
        return msats(sum(self.rewards_msats.values()))

    def validate_request(self, ctx: Context) -> None:
        super().validate_request(ctx)
        most = settings_of(ctx).rewarded_people_max
        if not 1 <= len(self.rewards_msats) <= most:
            raise InvalidField("rewards_msats", f"1 to {most} people")
        if min(self.rewards_msats.values()) <= 0:
            raise InvalidField("rewards_msats", "everybody gets more than nothing")

    def paying_account(self, ctx: Context) -> str:
        return POOL

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return [Posting(purse(who), msats(amount)) for who, amount in self.rewards_msats.items()]

    def perform(self, ctx: Context) -> None:
        for who, amount in self.rewards_msats.items():
            add_income(ctx, "reward", who, msats(amount), self.day)


def pay_rewards(flow: PaidFlow) -> int:
    """Divide what is in the pool for the day before; once, however often this is called.

    Returns:
        How many people were rewarded.
    """
    settings = forum_settings(flow)
    day = forum_day(flow) - timedelta(days=1)
    if is_paid(flow, "reward", day.isoformat()):
        return 0
    weights = settings.rewards.weights(flow, day)
    rewards = divided(flow.balance_of(POOL), weights, settings.rewarded_people_max)
    if not rewards:
        return 0
    payout = RewardsPayout(day=day.isoformat(), rewards_msats=rewards)
    return len(rewards) if perform_once(flow, payout, day.isoformat()) else 0


def divided(amount: Money, weights: Mapping[str, int], people_max: int) -> dict[str, int]:
    """An amount divided by weights, to the millisatoshi; nobody gets nothing.

    Args:
        amount: what there is.
        weights: actor -> a whole number; those of less than one get nothing.
        people_max: only so many get something, those with the greatest weights.

    Returns:
        actor -> millisatoshis.
    """
    positive = {who: weight for who, weight in weights.items() if weight > 0}
    chosen = nlargest(people_max, sorted(positive), key=lambda who: positive[who])
    lines = tuple(Posting(who, Money(positive[who], amount.currency)) for who in chosen)
    if not lines or amount.amount <= 0:
        return {}
    return {line.account: line.amount.amount for line in pro_rata(amount.amount, lines)}
