"""Folds acts on one item into all views of a forum."""

from __future__ import annotations

from benchmarks.cases import Case, Result, Size
from benchmarks.databases import Databases
from benchmarks.forum.plan import hot_shape_of
from benchmarks.loads.job import JobNotDone


def run(databases: Databases, case: Case, size: Size, round_: int) -> Result:
    """Fold the log, until every act counts."""
    with databases.unfolded_forum(hot_shape_of(size)) as site:
        databases.meter.start()
        site.fold()
        clocks = databases.meter.stop()
        counted, there = site.counted_msats(), site.acted_msats()
    if counted != there:
        raise JobNotDone(f"{case}: {counted} msats counted instead of {there}")
    return Result(case, round_, size.hot_acts, *clocks)
