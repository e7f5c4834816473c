"""What all loads share: how they warm up, and how they find out whether the job was done."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.sides.base import Counts, Side

WARM_UP = 3
"""Calls per thread before the clock runs: connections open, statements are prepared."""


class JobNotDone(AssertionError):
    """A side did not do what it was measured for."""


def check(case: Case, side: Side, expected: Counts) -> None:
    """Compare what is in the tables with what was asked for.

    Raises:
        JobNotDone: when it is something else.
    """
    found = side.counts()
    if found != expected:
        raise JobNotDone(f"{case}: {found} instead of {expected}")
