"""A worker that finds a backlog, against the hand-written side that settles it one by one."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.measures.a_hand_written import THREADS
from benchmarks.rounds import Measure, Round

ITEMS = 20
"""How many items the zaps of a backlog go to."""

PAIDFLOW = Case("paidflow", "backlog", threads=THREADS)
HAND_WRITTEN = Case("hand_written", "backlog", threads=THREADS)
PAIDFLOW_HOOK = Case("paidflow", "zap_backlog", threads=THREADS, items=ITEMS)
HAND_WRITTEN_HOOK = Case("hand_written", "zap_backlog", threads=THREADS, items=ITEMS)


def ratio(done: Round) -> float:
    """Settlements per second of the worker to the hand-written ones."""
    return done[PAIDFLOW].rate / done[HAND_WRITTEN].rate


def ratio_with_hook(done: Round) -> float:
    """The same where each settlement inserts one more row."""
    return done[PAIDFLOW_HOOK].rate / done[HAND_WRITTEN_HOOK].rate


MEASURE = Measure(
    letter="d",
    title="settlements/s of a backlog: worker / hand-written, 24 threads",
    cases=(PAIDFLOW, HAND_WRITTEN),
    value=ratio,
    required=4,
    aim=6,
)

WITH_HOOK = Measure(
    letter="d1",
    title="the same, with a hook of one statement",
    cases=(PAIDFLOW_HOOK, HAND_WRITTEN_HOOK),
    value=ratio_with_hook,
    required=2,
    aim=3,
)
