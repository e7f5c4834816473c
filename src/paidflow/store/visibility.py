"""Who sees what: one rule, written once. Real, or mine."""

from __future__ import annotations

import re

from paidflow.errors import InvalidArguments

_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,2}")


def visible(column: str) -> str:
    """The condition under which a viewer sees the thing that an action has created.

    An action keeps its id through all its attempts, so its row always speaks of the latest one.
    The condition is never null. It is a value and not an ``exists``, which PostgreSQL would join
    with all actions instead of asking for each row of a page. The viewer is the parameter
    ``:viewer``; null is a logged-out one.

    Args:
        column: the column with the action's id, such as ``posts.id``.

    Raises:
        InvalidArguments: when this is not the name of a column.
    """
    if not _COLUMN.fullmatch(column):
        raise InvalidArguments(f"{column!r} is not the name of a column")
    return (
        "coalesce((select paidflow_seen.state = 'PAID' or paidflow_seen.actor = :viewer"
        f" from paidflow_actions paidflow_seen where paidflow_seen.action_id = {column}), false)"
    )
