"""The actions that share one fate: an action, and the parts that it carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paidflow.actions.contract import PaidAction
from paidflow.errors import InvalidArguments, InvalidConfiguration
from paidflow.states.part import WHOLE_ID_CHARACTERS, Part, part_id


@dataclass(frozen=True, slots=True)
class Member:
    """An action that is paid alone or with others.

    Args:
        action: the action.
        action_id: its id, and that of the thing that it creates.
        carried_by: the id of the action that carries it; ``None`` for the one that does.
    """

    action: PaidAction
    action_id: str
    carried_by: str | None = None


def members_of(
    action: PaidAction, action_id: str, known: Sequence[Part] | None = None
) -> tuple[Member, ...]:
    """An action and then its parts, in their order.

    Args:
        action: the action.
        action_id: its id.
        known: the parts that it was requested with; ``None`` for a new one.

    Raises:
        InvalidConfiguration: when a part has parts itself, or the id is no UUID in form.
        InvalidArguments: when it carries something else than it was requested with.
    """
    parts = tuple(action.parts())
    if known is not None and [type(part).kind for part in parts] != [part.kind for part in known]:
        raise InvalidArguments(f"{action.kind} carries something else than it was requested with")
    if parts and len(action_id) != WHOLE_ID_CHARACTERS:
        raise InvalidConfiguration(
            f"an action with parts needs an id of {WHOLE_ID_CHARACTERS} characters"
        )
    for part in parts:
        if part.parts():
            raise InvalidConfiguration(f"{part.kind} is a part, so it cannot have parts itself")
    carried = [
        Member(part, part_id(action_id, number), action_id)
        for number, part in enumerate(parts, start=1)
    ]
    return (Member(action, action_id), *carried)
