"""Lifecycles with 24 threads, against the plain eventsourcing library."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.measures.a_hand_written import PAIDFLOW, THREADS
from benchmarks.rounds import Measure, Round

EVENTSOURCING = Case("eventsourcing", threads=THREADS)


def ratio(done: Round) -> float:
    """paidflow's lifecycles per second to the library's."""
    return done[PAIDFLOW].rate / done[EVENTSOURCING].rate


MEASURE = Measure(
    letter="b",
    title="lifecycles/s, 24 threads: paidflow / eventsourcing",
    cases=(PAIDFLOW, EVENTSOURCING),
    value=ratio,
    required=4,
    aim=8,
)
