"""Perform and settle, again and again: on an empty log, on a full one, or with items."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.cases import Case, Result, Size
from benchmarks.databases import Databases
from benchmarks.loads.job import WARM_UP, check
from benchmarks.sides.base import Counts, Side
from benchmarks.threads import in_threads


def run(databases: Databases, case: Case, size: Size, round_: int) -> Result:
    """Run lifecycles from all threads for a time."""
    if case.load == "full_log":
        opened = databases.full(case.side, case.threads, events=size.events, rows=size.rows)
    else:
        opened = databases.fresh(case.side, case.threads, items=case.items)
    with opened as side:
        before = side.counts()
        program = getattr(side, "run", None)  # a side that is a program of its own
        measure = _measure if program is None else _measure_program
        warmed, result = measure(databases, case, size, round_, side)
        total = warmed + result.done
        check(case, side, before + Counts(total, total, total if case.load == "zap" else 0))
    return result


def _measure(
    databases: Databases, case: Case, size: Size, round_: int, side: Side
) -> tuple[int, Result]:
    step = _step(case, side)
    warmed, _, _ = in_threads(step, case.threads, count=WARM_UP * case.threads)
    side.catch_up()
    databases.meter.start()
    done, _, _ = in_threads(
        step, case.threads, count=size.count, seconds=size.seconds, first=warmed
    )
    side.catch_up()
    return warmed, Result(case, round_, done, *databases.meter.stop())


def _measure_program(
    databases: Databases, case: Case, size: Size, round_: int, side: Side
) -> tuple[int, Result]:
    databases.meter.start()
    done, seconds = side.run(seconds=size.seconds, count=size.count)
    _, own, server = databases.meter.stop()
    return 0, Result(case, round_, done, seconds, own, server)


def _step(case: Case, side: Side) -> Callable[[int], object]:
    if case.load == "zap":
        return lambda n: side.zap(n, n % case.items)
    if case.load == "payout":
        return lambda n: side.pay_out(n, n % case.items)
    return lambda n: side.settle(side.perform(n))
