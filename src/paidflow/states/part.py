"""A part: an action that another one carries, and that shares its fate."""

from __future__ import annotations

from dataclasses import dataclass

from paidflow.money import Money

WHOLE_ID_CHARACTERS = 36
"""How long the id of an action is that has parts: as long as a UUID in its usual form."""


@dataclass(frozen=True, slots=True)
class Part:
    """What the log tells of a part.

    Args:
        kind: the kind of action that it is.
        cost: what it costs by itself; zero or more.
    """

    kind: str
    cost: Money


def part_id(action_id: str, number: int) -> str:
    """The id of a part, and of the thing that it creates.

    Args:
        action_id: the action that carries it.
        number: its place among the parts, from 1.
    """
    return f"{action_id}.{number}"
