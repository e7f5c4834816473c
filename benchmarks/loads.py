"""Runs one case on a fresh database: create, warm up, measure, count what was really done."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import psycopg

from benchmarks.cases import Case, Result, Size
from benchmarks.figures import percentile
from benchmarks.processor import own_seconds, server_seconds
from benchmarks.settling import settle_in_processes
from benchmarks.sides import side_class
from benchmarks.sides.base import ACTORS, Counts, Side
from tests.postgres_server import PostgresServer, Server

WARM_UP = 3
"""Calls per thread before the clock runs: connections open, statements are prepared."""

_FILL_THREADS = 8


class JobNotDone(AssertionError):
    """A side did not do what it was measured for."""


def run_case(server: Server, case: Case, size: Size, round_: int) -> Result:
    """Run one case once.

    Raises:
        JobNotDone: when the tables do not hold what was done.
    """
    with fresh_database(server) as dsn:
        threads = _FILL_THREADS if case.load == "settle" else case.threads
        with closing(side_class(case.side)(dsn, threads)) as side:
            items = case.items if case.load == "zap" else 1
            side.create(items=items, purses=ACTORS if case.load == "credits" else 0)
            meter = _Meter(server)
            match case.load:
                case "settle":
                    result = _settle(meter, case, side, size, round_)
                case "credits":
                    result = _credits(meter, case, side, size, round_)
                case _:
                    result = _lifecycles(meter, case, side, size, round_)
    return result


@contextmanager
def fresh_database(server: Server) -> Iterator[str]:
    """An empty database on a server that has written everything else down."""
    dsn = server.create_database()
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("checkpoint")
    try:
        yield dsn
    finally:
        server.drop_database(dsn)


class _Meter:
    """Reads the clocks on both sides of the socket."""

    def __init__(self, server: Server) -> None:
        self._postmaster = server.pid if isinstance(server, PostgresServer) else None

    def start(self) -> None:
        self._at, self._own, self._server = self._read()

    def stop(self) -> tuple[float, float, float | None]:
        """Seconds since the start: of the clock, of our processor, of the server's."""
        at, own, server = self._read()
        spent = None if server is None or self._server is None else server - self._server
        return at - self._at, own - self._own, spent

    def _read(self) -> tuple[float, float, float | None]:
        server = None if self._postmaster is None else server_seconds(self._postmaster)
        return time.perf_counter(), own_seconds(), server


def _lifecycles(meter: _Meter, case: Case, side: Side, size: Size, round_: int) -> Result:
    run = getattr(side, "run", None)  # a side that is a program of its own
    warmed = 0
    if run is None:
        step = _step(case, side)
        warmed, _, _ = in_threads(step, case.threads, count=WARM_UP * case.threads)
        side.catch_up()
    meter.start()
    seconds: float | None = None
    if run is None:
        done, _, _ = in_threads(
            step, case.threads, count=size.count, seconds=size.seconds, first=warmed
        )
        side.catch_up()
    else:
        done, seconds = run(seconds=size.seconds, count=size.count)
    elapsed, own, server = meter.stop()
    total = warmed + done
    expected = Counts(total, total, total if case.load == "zap" else 0)
    _check(case, expected, side.counts())
    return Result(case, round_, done, seconds or elapsed, own, server)


def _step(case: Case, side: Side) -> Callable[[int], object]:
    if case.load == "zap":
        return lambda n: side.zap(n, n % case.items)
    return lambda n: side.settle(side.perform(n))


def _credits(meter: _Meter, case: Case, side: Side, size: Size, round_: int) -> Result:
    call = side.perform_from_credits
    warmed, _, _ = in_threads(call, case.threads, count=WARM_UP * case.threads)
    meter.start()
    done, times, _ = in_threads(call, case.threads, count=size.calls, first=warmed)
    side.catch_up()
    elapsed, own, server = meter.stop()
    _check(case, Counts(warmed + done, warmed + done), side.counts())
    return Result(
        case,
        round_,
        done,
        elapsed,
        own,
        server,
        p50_ms=percentile(times, 50) * 1000,
        p99_ms=percentile(times, 99) * 1000,
    )


def _settle(meter: _Meter, case: Case, side: Side, size: Size, round_: int) -> Result:
    warm_up = WARM_UP * case.processes
    _, _, invoices = in_threads(side.perform, _FILL_THREADS, count=size.backlog + warm_up)
    own = settle_in_processes(
        case, side.dsn, [str(invoice) for invoice in invoices], WARM_UP, start=meter.start
    )
    side.catch_up()
    elapsed, _, server = meter.stop()
    total = size.backlog + warm_up
    _check(case, Counts(total, total), side.counts())
    return Result(case, round_, size.backlog, elapsed, own, server)


def _check(case: Case, expected: Counts, found: Counts) -> None:
    if found != expected:
        raise JobNotDone(f"{case}: {found} instead of {expected}")


def in_threads(
    step: Callable[[int], object],
    threads: int,
    *,
    count: int | None = None,
    seconds: float | None = None,
    first: int = 0,
) -> tuple[int, list[float], list[object]]:
    """Call a step with growing numbers until the count or the time is reached.

    Returns:
        How many calls were made, how long each took, and what they returned.
    """
    numbers = itertools.count(first)  # next() on it is atomic
    last = None if count is None else first + count
    deadline = None if seconds is None else time.perf_counter() + seconds
    calls: list[tuple[float, object]] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            while not raised:
                n, began = next(numbers), time.perf_counter()
                if (last is not None and n >= last) or (deadline and began >= deadline):
                    return
                returned = step(n)
                calls.append((time.perf_counter() - began, returned))
        except BaseException as error:
            raised.append(error)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    _run(workers)
    if raised:
        raise raised[0]
    return len(calls), [took for took, _ in calls], [returned for _, returned in calls]


def _run(workers: Sequence[threading.Thread]) -> None:
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
