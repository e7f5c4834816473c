"""What a forum does by itself, again and again; all of it may run in any number of processes."""

from __future__ import annotations

from datetime import timedelta

from paidflow.actions.auto_withdrawal import auto_withdraw
from paidflow.actions.forum_action import forum_day, forum_settings
from paidflow.actions.poll_vote import tally_votes
from paidflow.actions.rewards_payout import pay_rewards
from paidflow.actions.streak_reward import StreakReward
from paidflow.actions.system_action import perform_once
from paidflow.actions.territory_billing import bill_territories
from paidflow.actions.territory_revenue import pay_revenues
from paidflow.actions.uploads import collect_uploads
from paidflow.automatic_retry import AutomaticRetry
from paidflow.flow.paid_flow import PaidFlow
from paidflow.money import sats
from paidflow.tasks import PeriodicTask
from paidflow.views.due_deletions import delete_due
from paidflow.views.reader import Reader
from paidflow.views.streaks import Streaks

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def tasks(automatic: AutomaticRetry | None = None) -> list[PeriodicTask]:
    """What a worker of a forum has to do again and again.

    Args:
        automatic: which failed payments are tried again by themselves.
    """
    found = [
        PeriodicTask("automatic withdrawals", MINUTE, auto_withdraw),
        PeriodicTask("bills of territories", HOUR, bill_territories),
        PeriodicTask("deletions", MINUTE, delete_due),
        PeriodicTask("revenues of territories", HOUR, pay_revenues),
        PeriodicTask("streaks", HOUR, pay_streaks),  # first, for rewards may take all of the pool
        PeriodicTask("rewards", HOUR, pay_rewards),
        PeriodicTask("tallies of votes", MINUTE, _tally),
        PeriodicTask("unpaid files", HOUR, _collect),
    ]
    return found if automatic is None else [*found, automatic.task()]


def pay_streaks(flow: PaidFlow) -> int:
    """Give what the streaks up to the day before have earned; once for each person and day.

    Returns:
        How many people got something.
    """
    settings = forum_settings(flow)
    day = forum_day(flow) - timedelta(days=1)
    done = 0
    for streak in Streaks(Reader(flow), sats(settings.streak_day_min_sats)).all(day):
        if settings.streak_rewards.reward_sats(streak.days):
            reward = StreakReward(winner=streak.actor, day=day.isoformat(), streak_days=streak.days)
            done += perform_once(flow, reward, f"{streak.actor} {day.isoformat()}")
    return done


def _collect(flow: PaidFlow) -> int:
    return len(collect_uploads(flow, flow.clock.now()))


def _tally(flow: PaidFlow) -> int:
    return tally_votes(flow.transaction())
