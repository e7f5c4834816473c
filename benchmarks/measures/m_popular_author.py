"""Payouts that all go to one author, against payouts that are spread over 10,000 authors."""

from __future__ import annotations

from benchmarks.cases import HOT, MANY, Case
from benchmarks.measures.a_hand_written import THREADS
from benchmarks.rounds import Measure, Round

TO_ONE = Case("paidflow", "payout", threads=THREADS, items=HOT)
TO_MANY = Case("paidflow", "payout", threads=THREADS, items=MANY)


def ratio(done: Round) -> float:
    """Lifecycles per second that pay the popular author to those that pay many."""
    return done[TO_ONE].rate / done[TO_MANY].rate


MEASURE = Measure(
    letter="m",
    title="lifecycles with a payout/s, 24 threads: one popular author / 10,000 authors",
    cases=(TO_ONE, TO_MANY),
    value=ratio,
    required=0.9,
    aim=0.97,
)
