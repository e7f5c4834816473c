"""A policy for the pool: it goes to the authors and the zappers of the best items of the day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from paidflow.actions.forum_action import forum_settings
from paidflow.flow.paid_flow import PaidFlow
from paidflow.money import sats
from paidflow.views.reader import Reader
from paidflow.views.rewards import Rewards

WHOLE = sats(1_000_000)
"""What is divided to find the parts; the finer, the more exact."""


class EarnedRewards:
    """Divides the pool by the formula of ``Rewards``, for ``ForumSettings.rewards``.

    Args:
        items_max: how many items are rewarded.
        author_percent: the share of their authors; their zappers get the rest.
    """

    def __init__(self, *, items_max: int = 100, author_percent: int = 50) -> None:
        self._items_max = items_max
        self._author_percent = author_percent

    def weights(self, flow: PaidFlow, day: date) -> Mapping[str, int]:
        """What each person has earned with the items that were paid on this day."""
        settings = forum_settings(flow)
        since = datetime.combine(day, time(), ZoneInfo(settings.time_zone))
        until = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(settings.time_zone))
        rewards = Rewards(
            flow,
            Reader(flow),
            trust=settings.trust,
            items_max=self._items_max,
            author_percent=self._author_percent,
        )
        earned = rewards.people(WHOLE, since, until)
        return {reward.actor: reward.amount.amount for reward in earned}
