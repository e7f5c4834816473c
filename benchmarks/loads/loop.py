"""How long an event loop is kept waiting while many coroutines perform at the same time."""

from __future__ import annotations

import asyncio
import itertools
import time

from benchmarks.cases import Case, Result, Size
from benchmarks.databases import Databases
from benchmarks.figures import percentile
from benchmarks.loads.job import WARM_UP, check
from benchmarks.sides.base import Counts
from benchmarks.sides.with_paidflow import WithPaidflow

Clocks = tuple[float, float, float | None]
"""How long it took, own processor time, and that of the server."""

LOOK_S = 0.001
"""How often the loop is asked to come back."""


def run(databases: Databases, case: Case, size: Size, round_: int) -> Result:
    """Perform from so many coroutines, and see by how much the loop is late."""
    with databases.fresh(case.side, case.threads) as side:
        assert isinstance(side, WithPaidflow)

        async def measure() -> tuple[list[str], list[str], list[float], Clocks]:
            warmed = await _perform(side, case.tasks, count=WARM_UP * case.tasks)
            databases.meter.start()
            lags: list[float] = []
            watching = asyncio.ensure_future(_watch(lags))
            opened = await _perform(
                side, case.tasks, count=size.count, seconds=size.seconds, first=len(warmed)
            )
            watching.cancel()
            return warmed, opened, lags, databases.meter.stop()

        warmed, opened, lags, clocks = asyncio.run(measure())
        for invoice_id in (*warmed, *opened):
            side.settle(invoice_id)
        total = len(warmed) + len(opened)
        check(case, side, Counts(total, total))
    p50, p99 = (percentile(lags, percent) * 1000 for percent in (50, 99))
    return Result(case, round_, len(opened), *clocks, lag_p50_ms=p50, lag_p99_ms=p99)


async def _perform(
    side: WithPaidflow,
    tasks: int,
    *,
    count: int | None = None,
    seconds: float | None = None,
    first: int = 0,
) -> list[str]:
    """The invoices of so many performs, or of as many as fit into the time."""
    numbers = itertools.count(first)
    last = None if count is None else first + count
    deadline = None if seconds is None else time.perf_counter() + seconds
    invoices: list[str] = []

    async def caller() -> None:
        while deadline is None or time.perf_counter() < deadline:
            number = next(numbers)
            if last is not None and number >= last:
                return
            invoices.append(await side.perform_in_loop(number))

    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(caller())
    return invoices


async def _watch(lags: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(LOOK_S)
        lags.append(time.perf_counter() - began - LOOK_S)
