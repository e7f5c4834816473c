"""The slowest calls of perform from credits, against the hand-written transaction."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.rounds import Measure, Round

PAIDFLOW = Case("paidflow", "credits", threads=8)
HAND_WRITTEN = Case("hand_written", "credits", threads=8)


def ratio(done: Round) -> float:
    """paidflow's 99th percentile to the hand-written one."""
    ours, theirs = done[PAIDFLOW].p99_ms, done[HAND_WRITTEN].p99_ms
    assert ours is not None, "the calls of this load are timed"
    assert theirs is not None, "the calls of this load are timed"
    return ours / theirs


MEASURE = Measure(
    letter="j",
    title="p99 of perform from credits, 8 threads: paidflow / hand-written",
    cases=(PAIDFLOW, HAND_WRITTEN),
    value=ratio,
    required=2,
    aim=1.3,
    at_most=True,
    rounds=7,
)
