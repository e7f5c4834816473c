"""Perform from credits; every call is timed."""

from __future__ import annotations

from benchmarks.cases import Case, Result, Size
from benchmarks.databases import Databases
from benchmarks.figures import percentile
from benchmarks.loads.job import WARM_UP, check
from benchmarks.sides.base import ACTORS, Counts
from benchmarks.threads import in_threads


def run(databases: Databases, case: Case, size: Size, round_: int) -> Result:
    """Make so many calls from all threads."""
    with databases.fresh(case.side, case.threads, purses=ACTORS) as side:
        call = side.perform_from_credits
        warmed, _, _ = in_threads(call, case.threads, count=WARM_UP * case.threads)
        databases.meter.start()
        done, times, _ = in_threads(call, case.threads, count=size.calls, first=warmed)
        side.catch_up()
        clocks = databases.meter.stop()
        check(case, side, Counts(warmed + done, warmed + done))
    p50, p99 = (percentile(times, percent) * 1000 for percent in (50, 99))
    return Result(case, round_, done, *clocks, p50_ms=p50, p99_ms=p99)
