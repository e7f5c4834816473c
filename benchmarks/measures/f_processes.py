"""Two worker processes against one, and one against the hand-written side, settling a backlog."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.rounds import Measure, Round

ONE = Case("paidflow", "settle", processes=1)
TWO = Case("paidflow", "settle", processes=2)
HAND_WRITTEN = Case("hand_written", "settle", processes=1)


def gained(done: Round) -> float:
    """Settlements per second of two processes to those of one."""
    return done[TWO].rate / done[ONE].rate


def against_hand_written(done: Round) -> float:
    """Settlements per second of one process to those of the hand-written one."""
    return done[ONE].rate / done[HAND_WRITTEN].rate


MEASURE = Measure(
    letter="f",
    title="settlements/s: two processes / one",
    cases=(ONE, TWO),
    value=gained,
    required=1.3,
    aim=1.8,
)

ALONE = Measure(
    letter="f1",
    title="settlements/s, one process: paidflow / hand-written",
    cases=(ONE, HAND_WRITTEN),
    value=against_hand_written,
    required=1.0,
    aim=1.0,
)
