"""Who is rewarded from the pool: policies that an operator can replace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from paidflow.flow.paid_flow import PaidFlow


class RewardsPolicy(Protocol):
    """Divides the pool of a day."""

    def weights(self, flow: PaidFlow, day: date) -> Mapping[str, int]:
        """Who gets a part of the pool, in proportion to these whole numbers. May read.

        Args:
            flow: where to look.
            day: the day that is over, in the time zone of the forum.
        """
        ...


class NoRewards:
    """The pool keeps what it has."""

    def weights(self, flow: PaidFlow, day: date) -> Mapping[str, int]:
        return {}


class StreakRewardPolicy(Protocol):
    """What a streak gives."""

    def reward_sats(self, streak_days: int) -> int:
        """For another day of a streak that is so long now; 0 is nothing."""
        ...


class NoStreakRewards:
    """A streak is its own reward."""

    def reward_sats(self, streak_days: int) -> int:
        return 0
