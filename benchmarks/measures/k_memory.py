"""By how much a worker grows while it settles."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.rounds import Measure, Round

WORKER = Case("paidflow", "memory")


def grown_mb(done: Round) -> float:
    """The growth of its memory."""
    grown = done[WORKER].grown_mb
    assert grown is not None, "the memory of this load is read"
    return grown


MEASURE = Measure(
    letter="k",
    title="memory of a worker: {memory_to:,} settlements - {memory_from:,}",
    cases=(WORKER,),
    value=grown_mb,
    required=5,
    aim=0.5,  # nothing, in whole megabytes
    at_most=True,
    rounds=1,
    unit=" MB",
)
