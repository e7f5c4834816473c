"""Invoices are settled one by one in processes of one thread each, like workers that share."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from contextlib import closing
from multiprocessing.connection import Connection

from benchmarks.cases import Case, Result, Size
from benchmarks.databases import Databases
from benchmarks.loads.job import WARM_UP, check
from benchmarks.processor import own_seconds
from benchmarks.sides import side_class
from benchmarks.sides.base import Counts
from benchmarks.threads import in_threads

_ANSWER_S = 300
_FILL_THREADS = 8


def run(databases: Databases, case: Case, size: Size, round_: int) -> Result:
    """Share the invoices between the processes and wait until all are settled."""
    total = size.invoices + WARM_UP * case.processes
    with databases.fresh(case.side, _FILL_THREADS) as side:
        _, _, invoices = in_threads(side.perform, _FILL_THREADS, count=total)
        own = _settle(case, side.dsn, list(map(str, invoices)), databases.meter.start)
        side.catch_up()
        elapsed, _, server = databases.meter.stop()
        check(case, side, Counts(total, total))
    return Result(case, round_, size.invoices, elapsed, own, server)


def _settle(case: Case, dsn: str, invoices: Sequence[str], start: Callable[[], None]) -> float:
    """Processor seconds of the processes, from ``start`` on, which is called when all are ready."""
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection] = []
    workers: list[multiprocessing.context.SpawnProcess] = []
    try:
        for number in range(case.processes):
            ours, theirs = context.Pipe()
            share = invoices[number :: case.processes]
            worker = context.Process(
                target=_work, args=(theirs, case.side, dsn, share), daemon=True
            )
            worker.start()
            theirs.close()
            pipes.append(ours)
            workers.append(worker)
        for pipe in pipes:
            _receive(pipe)
        start()
        for pipe in pipes:
            pipe.send("go")
        return sum(_receive(pipe) for pipe in pipes)
    finally:
        for pipe in pipes:
            pipe.close()
        for worker in workers:
            worker.join(_ANSWER_S)


def _receive(pipe: Connection) -> float:
    if not pipe.poll(_ANSWER_S):
        raise TimeoutError("a process that settles gives no answer")
    return pipe.recv()  # raises EOFError if it has died


def _work(pipe: Connection, name: str, dsn: str, invoices: Sequence[str]) -> None:
    with closing(side_class(name)(dsn, 1)) as side:
        for invoice_id in invoices[:WARM_UP]:
            side.settle(invoice_id)
        pipe.send(0.0)
        pipe.recv()
        before = own_seconds()
        for invoice_id in invoices[WARM_UP:]:
            side.settle(invoice_id)
        pipe.send(own_seconds() - before)
