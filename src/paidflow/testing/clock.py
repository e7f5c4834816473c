"""A clock that stands still until it is told to move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Time for tests.

    Args:
        start: the first moment, UTC.
    """

    def __init__(self, start: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """The moment it was set to."""
        return self._now

    def tick(self, seconds: float = 0, **more: float) -> None:
        """Move on, or back; ``more`` is what ``timedelta`` takes."""
        self._now += timedelta(seconds=seconds, **more)
