"""A large tree of comments, against the bare query without the rule."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.loads.forum_pages import to_bare
from benchmarks.rounds import Measure

SHOWN = Case("paidflow", "tree")

MEASURE = Measure(
    letter="o",
    title="time of a tree of {tree:,} comments: shown / bare query",
    cases=(SHOWN,),
    value=lambda done: to_bare(done[SHOWN]),
    required=1.5,
    aim=1.2,
    at_most=True,
)
