"""Erases the texts of everything that somebody has done."""

from __future__ import annotations

from typing import NamedTuple

from paidflow.errors import Conflict, NotAtRest
from paidflow.flow.paid_flow import PaidFlow
from paidflow.store.paging import paged

PAGE = 200


class Erased(NamedTuple):
    """What became of the actions of an actor.

    Args:
        erased: how many have no texts any more.
        waiting: the ids of those that are not finished, so that their texts are still needed.
    """

    erased: int
    waiting: list[str]


def erase_actor(flow: PaidFlow, actor: str) -> Erased:
    """Erase the texts of all actions of an actor; the log and the money stay as they are."""
    erased, waiting, first = 0, list[str](), {"action_id": ""}
    for row in paged(flow.store, "select_actions_of_actor", after=first, limit=PAGE, actor=actor):
        try:
            flow.erase(row["action_id"])
            erased += 1
        except (NotAtRest, Conflict):
            waiting.append(row["action_id"])
    return Erased(erased, waiting)
