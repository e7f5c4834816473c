"""What a person is told, against the bare query without the rule."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.loads.forum_pages import to_bare
from benchmarks.rounds import Measure

SHOWN = Case("paidflow", "notifications")

MEASURE = Measure(
    letter="r",
    title="time of a page of notifications out of {items:,} items: shown / bare query",
    cases=(SHOWN,),
    value=lambda done: to_bare(done[SHOWN]),
    required=1.5,
    aim=1.2,
    at_most=True,
)
