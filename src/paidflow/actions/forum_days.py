"""Days as people in a time zone have them."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo


def local_day(moment: datetime, time_zone: str) -> date:
    """The day that a moment belongs to.

    Args:
        moment: with a time zone of its own.
        time_zone: such as ``UTC`` or ``America/Chicago``.
    """
    return moment.astimezone(ZoneInfo(time_zone)).date()
