"""Lifecycles with 24 threads, against plain hand-written psycopg; the other sides for context."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.rounds import Measure, Round

THREADS = 24
PAIDFLOW = Case("paidflow", threads=THREADS)
HAND_WRITTEN = Case("hand_written", threads=THREADS)
PAIDFLOW_ROWS = Case("paidflow_rows", threads=THREADS)
CONTEXT = tuple(Case(side, threads=THREADS) for side in ("hand_tuned", "sqlalchemy", "pgbench"))


def ratio(done: Round) -> float:
    """paidflow's lifecycles per second to the hand-written ones."""
    return done[PAIDFLOW].rate / done[HAND_WRITTEN].rate


def ratio_tuned(done: Round) -> float:
    """The same where posts are offered as rows and threads share transactions."""
    return done[PAIDFLOW_ROWS].rate / done[HAND_WRITTEN].rate


TUNED = Measure(
    letter="a1",
    title="the same, with rows as data and group commit",
    cases=(PAIDFLOW_ROWS, HAND_WRITTEN),
    value=ratio_tuned,
    required=0.8,
    aim=1.2,
)

MEASURE = Measure(
    letter="a",
    title="lifecycles/s, 24 threads: paidflow / hand-written",
    cases=(PAIDFLOW, HAND_WRITTEN),
    value=ratio,
    required=0.8,
    aim=1.2,
)
