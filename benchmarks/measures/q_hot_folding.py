"""Folding zaps on one item into all views of a forum: how many times a thousand per second."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.rounds import Measure, Round

FOLD = Case("paidflow", "fold_zaps")
ZAPS_PER_SECOND = 1_000


def keeping_up(done: Round) -> float:
    """How many times as fast as they come."""
    return done[FOLD].rate / ZAPS_PER_SECOND


MEASURE = Measure(
    letter="q",
    title="acts/s on one item folded into all views of a forum / 1,000",
    cases=(FOLD,),
    value=keeping_up,
    required=1,
    aim=3,
)
