"""Shows where the time of one lifecycle goes: own functions, round trips, and statements."""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import psycopg

from benchmarks.__main__ import SETTINGS
from benchmarks.output import table
from benchmarks.sides import NAMES, side_class
from benchmarks.sides.base import Side
from benchmarks.turns import Turns
from tests.postgres_server import PostgresServer

_WARM_UP = 30
_SHOWN = 40
_COUNTING = ("shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=top")
_STATEMENTS = """
    select calls, total_exec_time, regexp_replace(query, '\\s+', ' ', 'g')
    from pg_stat_statements where query not like '%pg_stat_statements%'
    order by calls desc, total_exec_time desc limit 40
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run lifecycles on one thread, print three tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="how many lifecycles")
    names = [name for name in NAMES if name != "pgbench"]
    parser.add_argument("--side", choices=names, default="paidflow")
    options = parser.parse_args(arguments)
    with PostgresServer(fsync=True, settings=(*SETTINGS, *_COUNTING)) as server:
        dsn = server.create_database()
        with closing(side_class(options.side)(dsn, 1)) as side:
            side.create(items=1, purses=0)
            print(own_time(side, options.count))
        print(statements(dsn, options.side, options.count))
        trips = round_trips(dsn, options.side, options.count)
        print(f"\n{trips:.1f} round trips per lifecycle")


def own_time(side: Side, count: int) -> str:
    """Processor time of this thread by package and by function, in ms per lifecycle."""
    _run(side, 0, _WARM_UP)
    # The thread's own clock: waiting for the server is no time.
    profile = cProfile.Profile(time.thread_time)
    profile.runcall(_run, side, _WARM_UP, count)
    by_package: Counter[str] = Counter()
    rows: list[tuple[float, int, str]] = []
    for (path, line, name), (_, calls, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        by_package[_package(path)] += own
        rows.append((own, calls, f"{_place(path, line)} {name}"))
    packages = [(name, f"{own / count * 1000:.3f}") for name, own in by_package.most_common(12)]
    functions = [
        (f"{own / count * 1000:.3f}", f"{calls / count:.1f}", name)
        for own, calls, name in sorted(rows, reverse=True)[:_SHOWN]
    ]
    return "\n\n".join(
        [
            f"{sum(by_package.values()) / count * 1000:.2f} ms of own processor time, profiled",
            table([("package", "own ms"), *packages]),
            table([("own ms", "calls", "function"), *functions]),
        ]
    )


def statements(dsn: str, name: str, count: int) -> str:
    """What the server was asked for, per lifecycle."""
    with (
        psycopg.connect(dsn, autocommit=True) as connection,
        closing(side_class(name)(dsn, 1)) as side,
    ):
        connection.execute("create extension pg_stat_statements")
        _run(side, 0, _WARM_UP)
        connection.execute("select pg_stat_statements_reset()")
        _run(side, _WARM_UP, count)
        found = connection.execute(_STATEMENTS).fetchall()
    rows = [
        (f"{calls / count:.2f}", f"{took / count:.3f}", query[:100]) for calls, took, query in found
    ]
    return "\n" + table([("calls", "server ms", "statement"), *rows])


def round_trips(dsn: str, name: str, count: int) -> float:
    """How often a lifecycle waits for the server."""
    with Turns(dsn) as turns, closing(side_class(name)(turns.dsn, 1)) as side:
        _run(side, 0, _WARM_UP)
        before = turns.count
        _run(side, _WARM_UP, count)
        return (turns.count - before) / count


def _run(side: Side, first: int, count: int) -> None:
    for n in range(first, first + count):
        side.settle(side.perform(n))


def _package(path: str) -> str:
    parts = Path(path).parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1]
    return next((name for name in ("paidflow", "benchmarks") if name in parts), "python")


def _place(path: str, line: int) -> str:
    return f"{'/'.join(Path(path).parts[-2:])}:{line}" if line else ""


if __name__ == "__main__":
    main()
