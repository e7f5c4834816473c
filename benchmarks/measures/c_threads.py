"""What more threads bring: 24 threads to one, against the same ratio of the hand-written side."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.measures.a_hand_written import HAND_WRITTEN, PAIDFLOW
from benchmarks.rounds import Measure, Round

PAIDFLOW_ALONE = Case("paidflow", threads=1)
HAND_WRITTEN_ALONE = Case("hand_written", threads=1)


def ratio(done: Round) -> float:
    """How much paidflow gains from threads, to how much the hand-written side gains."""
    gained = done[PAIDFLOW].rate / done[PAIDFLOW_ALONE].rate
    return gained / (done[HAND_WRITTEN].rate / done[HAND_WRITTEN_ALONE].rate)


MEASURE = Measure(
    letter="c",
    title="24 threads / 1 thread: paidflow / hand-written",
    cases=(PAIDFLOW, HAND_WRITTEN, PAIDFLOW_ALONE, HAND_WRITTEN_ALONE),
    value=ratio,
    required=1.0,
    aim=1.2,
)
