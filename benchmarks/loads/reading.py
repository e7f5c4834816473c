"""Reads pages of the view, under the visibility rule or without it; every page is timed."""

from __future__ import annotations

from benchmarks.cases import Case, Result, Size
from benchmarks.databases import Databases
from benchmarks.figures import percentile
from benchmarks.loads.job import JobNotDone
from benchmarks.sides.base import PAGE_ROWS
from benchmarks.threads import in_threads

_PLACES = 50
"""At how many places of the view pages are read."""


def run(databases: Databases, case: Case, size: Size, round_: int) -> Result:
    """Read so many pages, or as many as there is time, at the same places for every case."""
    ruled = case.load == "read"
    with databases.full(case.side, case.threads, events=size.events, rows=size.rows) as side:
        places = side.rows_to_read(_PLACES)

        def read(n: int) -> None:
            found = side.read_page(places[n % len(places)], ruled=ruled)
            if found != PAGE_ROWS:
                raise JobNotDone(f"{case}: {found} rows on a page instead of {PAGE_ROWS}")

        in_threads(read, case.threads, count=len(places))
        databases.meter.start()
        done, times, _ = in_threads(read, case.threads, count=size.pages, seconds=size.seconds)
        clocks = databases.meter.stop()
    p50, p99 = (percentile(times, percent) * 1000 for percent in (50, 99))
    return Result(case, round_, done, *clocks, p50_ms=p50, p99_ms=p99)
