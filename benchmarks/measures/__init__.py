"""The measures, one module for each."""

from __future__ import annotations

from benchmarks.measures import (
    a_hand_written,
    b_eventsourcing,
    c_threads,
    e_hot_item,
    f_processes,
    j_credits,
)
from benchmarks.rounds import Measure

MEASURES: tuple[Measure, ...] = (
    a_hand_written.MEASURE,
    b_eventsourcing.MEASURE,
    c_threads.MEASURE,
    e_hot_item.MEASURE,
    f_processes.MEASURE,
    f_processes.ALONE,
    j_credits.MEASURE,
)

CONTEXT = (*a_hand_written.CONTEXT, *e_hot_item.CONTEXT)
"""Cases that no measure compares; they show where the others stand."""
