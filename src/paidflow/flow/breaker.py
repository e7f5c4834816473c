"""Whether a gateway answers: after some failures in a row it is left alone for a while.

Then one call is let through to try it. The pattern is from Michael Nygard, Release It!, 2nd ed.,
section "Circuit Breaker". Each process has breakers of its own: what one cannot reach another may.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from enum import StrEnum

from paidflow.clock import Clock

FAILURES_MAX = 5
"""So many failures in a row open it."""

REST = timedelta(seconds=5)
REST_MAX = timedelta(seconds=40)
"""How long a gateway is left alone at first, and at most; each try in vain doubles it."""


class BreakerState(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """The breaker of one gateway; may be shared by threads.

    Args:
        clock: the time; it is asked only while something fails.

    Attributes:
        down_since: when it has opened; ``None`` while the gateway answers.
        reason: what was heard last instead of an answer.
        answers: how often it has answered.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._rest = REST
        self._try_at: datetime | None = None
        self._trying = False
        self.down_since: datetime | None = None
        self.reason = ""
        self.answers = 0

    @property
    def state(self) -> BreakerState:
        """Where it stands now."""
        if self.down_since is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self._trying else BreakerState.OPEN

    def admits(self) -> bool:
        """Whether a call may be made now; one that may, while it is open, is the try."""
        if self.down_since is None:
            return True
        now = self._clock.now()
        with self._lock:
            if self._try_at is None:  # it has answered somebody else meanwhile
                return True
            if now < self._try_at <= now + REST_MAX:
                return False
            self._trying, self._try_at = True, now + self._rest  # nobody else tries meanwhile
            return True

    def answered(self) -> None:
        """The gateway has given an answer, whatever it was."""
        self.answers += 1
        if self._failures:
            with self._lock:
                self._failures, self._rest = 0, REST
                self._try_at, self._trying, self.down_since = None, False, None

    def failed(self, reason: str) -> None:
        """There was no answer.

        Args:
            reason: why, with no secret in it.
        """
        now = self._clock.now()
        with self._lock:
            self._failures += 1
            self.reason = reason
            if self._failures < FAILURES_MAX:
                return
            if self.down_since is None:
                self.down_since = now
            elif self._trying:
                self._rest = min(self._rest * 2, REST_MAX)
            self._try_at, self._trying = now + self._rest, False
