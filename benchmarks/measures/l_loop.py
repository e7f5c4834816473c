"""How late an event loop is at worst, while 200 coroutines perform through ``flow.aio``."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.rounds import Measure, Round

LOOP = Case("paidflow", "loop", tasks=200)


def lag_ms(done: Round) -> float:
    """The 99th percentile of how late it is."""
    lag = done[LOOP].lag_p99_ms
    assert lag is not None, "the loop of this load is watched"
    return lag


MEASURE = Measure(
    letter="l",
    title="loop lag p99, 200 performs at once",
    cases=(LOOP,),
    value=lag_ms,
    required=50,
    aim=20,
    at_most=True,
    rounds=3,
    unit=" ms",
)
