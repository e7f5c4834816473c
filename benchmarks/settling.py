"""Settles a backlog in processes of one thread each, like workers that share the work."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from contextlib import closing
from multiprocessing.connection import Connection

from benchmarks.cases import Case
from benchmarks.processor import own_seconds
from benchmarks.sides import side_class

_ANSWER_S = 300


def settle_in_processes(
    case: Case,
    dsn: str,
    invoices: Sequence[str],
    warm_up: int,
    *,
    start: Callable[[], None],
) -> float:
    """Share the invoices between the processes and wait until all are settled.

    Args:
        case: which side, and how many processes.
        dsn: the database of the side.
        invoices: what waits.
        warm_up: how many of its own each process settles first.
        start: called when all processes are ready, right before they begin.

    Returns:
        Processor seconds of the processes, from their start on.
    """
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection] = []
    workers: list[multiprocessing.context.SpawnProcess] = []
    try:
        for number in range(case.processes):
            ours, theirs = context.Pipe()
            share = invoices[number :: case.processes]
            worker = context.Process(
                target=_work, args=(theirs, case.side, dsn, share, warm_up), daemon=True
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


def _work(pipe: Connection, name: str, dsn: str, invoices: Sequence[str], warm_up: int) -> None:
    with closing(side_class(name)(dsn, 1)) as side:
        for invoice_id in invoices[:warm_up]:
            side.settle(invoice_id)
        pipe.send(0.0)
        pipe.recv()
        before = own_seconds()
        for invoice_id in invoices[warm_up:]:
            side.settle(invoice_id)
        pipe.send(own_seconds() - before)
