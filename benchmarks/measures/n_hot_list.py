"""The first page of the hot list of a forum, against the bare query without the rule."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.loads.forum_pages import to_bare
from benchmarks.rounds import Measure

SHOWN = Case("paidflow", "hot")

MEASURE = Measure(
    letter="n",
    title="time of the hot list of {items:,} items: shown / bare query",
    cases=(SHOWN,),
    value=lambda done: to_bare(done[SHOWN]),
    required=1.5,
    aim=1.2,
    at_most=True,
)
