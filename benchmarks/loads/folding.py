"""Folds a long log into a view, builds it again, or only reads the same events."""

from __future__ import annotations

from benchmarks.cases import Case, Result, Size
from benchmarks.databases import Databases
from benchmarks.loads.job import JobNotDone
from benchmarks.sides.base import FOLDED_ACTORS


def run(databases: Databases, case: Case, size: Size, round_: int) -> Result:
    """Fold all events of the log that the view is made of."""
    opened = databases.full(
        case.side, case.threads, events=size.folded, rows=0, actors=FOLDED_ACTORS
    )
    with opened as side:
        # Every round has a view of its own, and leaves it behind.
        view = f"{case.load}_{round_}"
        if case.load == "rebuild":
            side.fold(view)
        databases.meter.start()
        match case.load:
            case "fold":
                side.fold(view)
            case "rebuild":
                side.rebuild(view)
            case _:
                done = side.scan()
        clocks = databases.meter.stop()
        expected = side.events_to_fold()
        if case.load != "scan":
            done = side.folded(view)
    if done != expected:
        raise JobNotDone(f"{case}: {done} events instead of {expected}")
    return Result(case, round_, done, *clocks)
