"""How much memory a worker keeps while it settles more and more."""

from __future__ import annotations

import gc
import multiprocessing
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.cases import Case, Result, Size
from benchmarks.databases import Databases
from benchmarks.loads.job import check
from benchmarks.processor import own_seconds
from benchmarks.sides import side_class
from benchmarks.sides.base import Counts

_STATUS = Path("/proc/self/status")


def run(databases: Databases, case: Case, size: Size, round_: int) -> Result:
    """Settle a backlog in a process of its own, and read its memory at two moments."""
    with databases.fresh(case.side, case.threads) as side:
        side.fill_backlog(size.memory_to, items=0)
        databases.write_down()
        databases.meter.start()
        kept, own = _in_process(case, side.dsn, size)
        elapsed, _, server = databases.meter.stop()
        check(case, side, Counts(size.memory_to, size.memory_to))
    return Result(case, round_, size.memory_to, elapsed, own, server, grown_mb=kept)


def _in_process(case: Case, dsn: str, size: Size) -> tuple[float, float]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    worker = context.Process(
        target=_work, args=(theirs, case, dsn, size.memory_from, size.memory_to), daemon=True
    )
    worker.start()
    theirs.close()
    try:
        return ours.recv()  # raises EOFError if it has died
    finally:
        ours.close()
        worker.join()


def _work(pipe: Connection, case: Case, dsn: str, first: int, last: int) -> None:
    with closing(side_class(case.side)(dsn, case.threads)) as side:
        side.settle_backlog(0, first)
        before = resident_mb()
        side.settle_backlog(first, last)
        pipe.send((resident_mb() - before, own_seconds()))


def resident_mb() -> float:
    """The memory that this process has in use, after its garbage was collected."""
    gc.collect()
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
