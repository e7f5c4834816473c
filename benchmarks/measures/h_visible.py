"""Reading a page under the visibility rule, against the same query without it."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.rounds import Measure, Round

VISIBLE = Case("paidflow", "read")
ALL = Case("paidflow", "read_all")


def ratio(done: Round) -> float:
    """The time of a page with the rule to that of one without."""
    ruled, unruled = done[VISIBLE].p50_ms, done[ALL].p50_ms
    assert ruled is not None, "the pages of this load are timed"
    assert unruled is not None, "the pages of this load are timed"
    return ruled / unruled


MEASURE = Measure(
    letter="h",
    title="time of a page of 50 out of {rows:,} rows: visible / all",
    cases=(VISIBLE, ALL),
    value=ratio,
    required=1.3,
    aim=1.1,
    at_most=True,
)
