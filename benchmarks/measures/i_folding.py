"""Folding the log into a view and building it again, against a bare SELECT of the same events."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.rounds import Measure, Round

FOLD = Case("paidflow", "fold")
REBUILD = Case("paidflow", "rebuild")
SCAN = Case("paidflow", "scan")


def folding(done: Round) -> float:
    """Events per second into a new view to those of the SELECT."""
    return done[FOLD].rate / done[SCAN].rate


def rebuilding(done: Round) -> float:
    """Events per second into a new version to those of the SELECT."""
    return done[REBUILD].rate / done[SCAN].rate


MEASURE = Measure(
    letter="i",
    title="events/s out of {folded:,}: folded / only read",
    cases=(FOLD, SCAN),
    value=folding,
    required=0.3,
    aim=0.6,
)

REBUILT = Measure(
    letter="i1",
    title="events/s out of {folded:,}: rebuilt / only read",
    cases=(REBUILD, SCAN),
    value=rebuilding,
    required=0.3,
    aim=0.6,
)
