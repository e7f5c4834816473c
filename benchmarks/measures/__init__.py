"""The measures, one module for each."""

from __future__ import annotations

from benchmarks.measures import (
    a_hand_written,
    b_eventsourcing,
    c_threads,
    d_backlog,
    e_hot_item,
    f_processes,
    g_full_log,
    h_visible,
    i_folding,
    j_credits,
    k_memory,
    l_loop,
    m_popular_author,
    n_hot_list,
    o_tree,
    p_profile,
    q_hot_folding,
    r_notifications,
)
from benchmarks.rounds import Measure

MEASURES: tuple[Measure, ...] = (
    a_hand_written.MEASURE,
    a_hand_written.TUNED,
    b_eventsourcing.MEASURE,
    c_threads.MEASURE,
    d_backlog.MEASURE,
    d_backlog.WITH_HOOK,
    e_hot_item.MEASURE,
    f_processes.MEASURE,
    f_processes.ALONE,
    g_full_log.MEASURE,
    h_visible.MEASURE,
    i_folding.MEASURE,
    i_folding.REBUILT,
    j_credits.MEASURE,
    k_memory.MEASURE,
    l_loop.MEASURE,
    m_popular_author.MEASURE,
    n_hot_list.MEASURE,
    o_tree.MEASURE,
    p_profile.MEASURE,
    q_hot_folding.MEASURE,
    r_notifications.MEASURE,
)

CONTEXT = (*a_hand_written.CONTEXT, *e_hot_item.CONTEXT)
"""Cases that no measure compares; they show where the others stand."""
