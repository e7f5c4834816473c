"""Runs the benchmarks on a PostgreSQL of their own; ``--help`` tells the options."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import psycopg

from benchmarks.cases import LONG, SHORT, Case, Result
from benchmarks.chart import write_chart
from benchmarks.databases import Databases
from benchmarks.loads import run_case
from benchmarks.measures import CONTEXT, MEASURES
from benchmarks.output import HOW, lines_of, tables, write_json
from benchmarks.rounds import cases_of, outcomes, rounds_of, run_rounds
from benchmarks.sides import NAMES
from tests.postgres_server import PostgresServer

SETTINGS = (
    "synchronous_commit=on",
    "max_connections=200",
    # Checkpoints come between the cases and not in the middle of one.
    "max_wal_size=8GB",
    "checkpoint_timeout=1h",
    "shared_buffers=512MB",
)
_SHOWN = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print the tables, write both files."""
    options = _options(arguments)
    size = SHORT if options.short else LONG
    if options.rounds:
        size = replace(size, rounds_max=options.rounds)
    if options.settlements:
        most = options.settlements
        size = replace(size, memory_from=most // 10, memory_to=most)
    chosen = [m for m in MEASURES if not options.measure or m.letter in options.measure]
    sides = set(options.side or NAMES)
    cases = cases_of(chosen, sides)
    if not options.measure:
        cases += [case for case in CONTEXT if case.side in sides]
    if not cases:
        sys.exit("nothing to run: these sides have no part in these measures")
    rounds = rounds_of(cases, chosen, size.rounds, size.rounds_max)
    # Terminated, it ends as if interrupted, so that it stops its PostgreSQL.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    with PostgresServer(fsync=True, settings=SETTINGS) as server, Databases(server) as databases:
        server_settings = _settings(server)

        def run(case: Case, number: int) -> Result:
            result = run_case(databases, case, size, number)
            print(
                f"[{time.monotonic() - began:5.0f} s] round {number + 1}/{rounds[case]}"
                f" {case.side}, {case.title(size)}: {result.rate:,.0f}/s",
                file=sys.stderr,
            )
            return result

        results = run_rounds(rounds, run)
    found = outcomes(chosen, results)
    lines = lines_of(results, size)
    print(tables(lines, found, size))
    print(f"\n{HOW}")
    options.out.mkdir(parents=True, exist_ok=True)
    write_json(options.out / "results.json", size, server_settings, results, found)
    write_chart(options.out / "results.svg", lines, found, size)
    print(f"\nwritten to {options.out}: results.json, results.svg")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="three short rounds")
    parser.add_argument("--side", action="append", choices=NAMES, help="only this; may repeat")
    letters = [measure.letter for measure in MEASURES]
    parser.add_argument("--measure", action="append", choices=letters, help="only; may repeat")
    parser.add_argument("--rounds", type=int, help="how many at most")
    parser.add_argument("--settlements", type=int, help="after how many a worker's memory is read")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    return parser.parse_args(arguments)


def _settings(server: PostgresServer) -> dict[str, str]:
    with psycopg.connect(server.dsn()) as connection:
        rows = connection.execute(
            "select name, current_setting(name) from pg_settings where name = any(%s)",
            [list(_SHOWN)],
        )
        return dict(rows.fetchall())


if __name__ == "__main__":
    main()
