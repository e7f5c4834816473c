"""Deletes what its author wanted to be deleted by now, with ``@delete in N unit`` in its text."""

from __future__ import annotations

from paidflow.actions.delete_item import DeleteItem
from paidflow.actions.system_action import perform_for
from paidflow.flow.paid_flow import PaidFlow
from paidflow.store.queries import named
from paidflow.views.reader import Reader
from paidflow.views.sql import read_sql

AT_ONCE = 100

_SQL = named(read_sql("deletions"))


def delete_due(flow: PaidFlow) -> int:
    """Delete for their authors what is due, at most 100 items at once.

    Any number of processes may do it at the same moment. The view ``forum_calls`` has to be folded,
    and says until when an author may still think otherwise.

    Args:
        flow: with ``DeleteItem`` among its actions.

    Returns:
        How many items were deleted.
    """
    due = Reader(flow).select(_SQL["due"], viewer=None, now=flow.clock.now(), limit=AT_ONCE)
    return sum(perform_for(flow, DeleteItem(item_id=row["id"]), row["author"]) for row in due)
