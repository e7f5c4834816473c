"""A backlog of invoices that were paid while nobody looked is settled as fast as a side can."""

from __future__ import annotations

from benchmarks.cases import Case, Result, Size
from benchmarks.databases import Databases
from benchmarks.loads.job import WARM_UP, check
from benchmarks.sides.base import Counts


def run(databases: Databases, case: Case, size: Size, round_: int) -> Result:
    """Settle the whole backlog."""
    zaps = case.load == "zap_backlog"
    warm_up = WARM_UP * case.threads
    total = size.backlog + warm_up
    with databases.fresh(case.side, case.threads, items=case.items) as side:
        side.fill_backlog(total, items=case.items if zaps else 0)
        databases.write_down()
        side.settle_backlog(0, warm_up)
        databases.meter.start()
        side.settle_backlog(warm_up, total)
        side.catch_up()
        clocks = databases.meter.stop()
        check(case, side, Counts(total, total, total if zaps else 0))
    return Result(case, round_, size.backlog, *clocks)
