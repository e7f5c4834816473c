"""Lifecycles on a long log, against an empty one."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.measures.a_hand_written import PAIDFLOW, THREADS
from benchmarks.rounds import Measure, Round

FULL = Case("paidflow", "full_log", threads=THREADS)


def ratio(done: Round) -> float:
    """Lifecycles per second on the long log to those on the empty one."""
    return done[FULL].rate / done[PAIDFLOW].rate


MEASURE = Measure(
    letter="g",
    title="lifecycles/s, 24 threads: {events:,} events in the log / none",
    cases=(FULL, PAIDFLOW),
    value=ratio,
    required=0.9,
    aim=0.97,
)
