"""How long to wait before something is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MINUTE_S, HOUR_S = 60, 3600
PAUSES_S = (
    5,
    5 * MINUTE_S,
    30 * MINUTE_S,
    2 * HOUR_S,
    5 * HOUR_S,
    10 * HOUR_S,
    14 * HOUR_S,
    20 * HOUR_S,
    24 * HOUR_S,
)
"""Three days in all, as Standard Webhooks suggests."""

SILENCE_S_MIN = 5
SILENCE_S_MAX = 5 * MINUTE_S


@dataclass(frozen=True, slots=True)
class BackOff:
    """When to try again, and when to give up.

    Args:
        pauses_s: how long to wait after each try in vain; after the last one it is given up.
        failures_max: after so many tries in vain in a row the subscriber as a whole is left alone
            for a while, and then asked with one message.
        chance: a number from 0 to 1, so that not everything comes back at the same moment.
    """

    pauses_s: Sequence[float] = PAUSES_S
    failures_max: int = 5
    chance: Callable[[], float] = random.random

    def pause_s(self, tries: int) -> float | None:
        """How long to wait after so many tries of one message; ``None`` to give up."""
        if tries > len(self.pauses_s):
            return None
        return self._spread(self.pauses_s[tries - 1])

    def silence_s(self, failures: int) -> float | None:
        """How long to leave a subscriber alone after so many failures; ``None`` not to."""
        if failures < self.failures_max:
            return None
        doubled = SILENCE_S_MIN * 2 ** min(failures - self.failures_max, 20)
        return self._spread(min(doubled, SILENCE_S_MAX))

    def _spread(self, seconds: float) -> float:
        return seconds * (1 + 0.2 * self.chance())
