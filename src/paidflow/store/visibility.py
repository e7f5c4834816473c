"""Who sees what: one rule, written once. Real, or mine."""

from __future__ import annotations

import re

from paidflow.errors import InvalidArguments
from paidflow.states.part import WHOLE_ID_CHARACTERS
from paidflow.store.names import PLAIN, Names

_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,2}")


def visible(column: str, names: Names = PLAIN) -> str:
    """The condition under which a viewer sees the thing that an action has created.

    An action keeps its id through all its attempts, so its row always speaks of the latest one.
    The condition is never null. It is a value and not an ``exists``, which PostgreSQL would join
    with all actions instead of asking for each row of a page. The viewer is the parameter
    ``:viewer``; null is a logged-out one. What a part of an action has created is hidden from
    everybody: that is for ``visible_part``.

    Args:
        column: the column with the action's id, such as ``posts.id``.
        names: under which names paidflow's tables are in the database.

    Raises:
        InvalidArguments: when this is not the name of a column.
    """
    _check(column)
    return _seen(column, names)


def visible_part(column: str, names: Names = PLAIN) -> str:
    """The same for the thing that an action or a part of one has created.

    A part is seen by whoever sees its action: its id begins with the action's.

    Args:
        column: the column with the id, such as ``uploads.id``.
        names: under which names paidflow's tables are in the database.

    Raises:
        InvalidArguments: when this is not the name of a column.
    """
    _check(column)
    whole = WHOLE_ID_CHARACTERS
    action_id = (
        f"case substr({column}, {whole + 1}, 1) when '.' then substr({column}, 1, {whole})"
        f" else {column} end"
    )
    return _seen(action_id, names)


def _check(column: str) -> None:
    if not _COLUMN.fullmatch(column):
        raise InvalidArguments(f"{column!r} is not the name of a column")


def _seen(action_id: str, names: Names) -> str:
    return (
        "coalesce((select paidflow_seen.state = 'PAID' or paidflow_seen.actor = :viewer"
        f" from {names.fill('paidflow_actions')} paidflow_seen"
        f" where paidflow_seen.action_id = {action_id}), false)"
    )
