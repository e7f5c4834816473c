"""What somebody gets for having spent something every day."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from paidflow.actions.contract import Context
from paidflow.actions.forum_action import settings_of
from paidflow.actions.incomes import add_income
from paidflow.actions.system_action import SystemAction
from paidflow.ledger.accounts import POOL, purse
from paidflow.money import Money, sats
from paidflow.states.postings import Posting


class StreakReward(SystemAction):
    """Reward a streak from the pool, with what the policy gives for it.

    Args:
        winner: whose streak.
        day: the last day of it, such as ``2030-01-31``.
        streak_days: how long it is.
    """

    kind = "streak-reward"

    winner: str
    day: str
    streak_days: int = Field(gt=0)

    def cost(self, ctx: Context) -> Money:
        return sats(settings_of(ctx).streak_rewards.reward_sats(self.streak_days))

    def paying_account(self, ctx: Context) -> str:
        return POOL

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return [Posting(purse(self.winner), self.cost(ctx))]

    def perform(self, ctx: Context) -> None:
        if ctx.cost is not None and ctx.cost.amount:
            add_income(ctx, "streak", self.winner, ctx.cost, self.day)
