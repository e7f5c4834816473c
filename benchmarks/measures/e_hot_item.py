"""Zaps that all go to one item, against zaps that are spread over 10,000 items."""

from __future__ import annotations

from benchmarks.cases import HOT, MANY, Case
from benchmarks.measures.a_hand_written import THREADS
from benchmarks.rounds import Measure, Round

ON_ONE = Case("paidflow", "zap", threads=THREADS, items=HOT)
ON_MANY = Case("paidflow", "zap", threads=THREADS, items=MANY)
CONTEXT = tuple(Case("hand_written", "zap", threads=THREADS, items=n) for n in (HOT, MANY))


def ratio(done: Round) -> float:
    """Zaps per second on the hot item to those on many."""
    return done[ON_ONE].rate / done[ON_MANY].rate


MEASURE = Measure(
    letter="e",
    title="zaps/s, 24 threads: one hot item / 10,000 items",
    cases=(ON_ONE, ON_MANY),
    value=ratio,
    required=0.9,
    aim=0.97,
)
