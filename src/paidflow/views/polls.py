"""Polls as people see them: what others have voted for, and whether they have voted themselves."""

from __future__ import annotations

from dataclasses import dataclass

from paidflow.states.machine import State
from paidflow.store.queries import named
from paidflow.views.reader import Reader
from paidflow.views.sql import read_sql

_SQL = named(read_sql("polls"))


@dataclass(frozen=True, slots=True)
class PollOption:
    """An option of a poll.

    Args:
        position: its number, from 1.
        text: what it says.
        votes: how many paid votes it has.
    """

    position: int
    text: str
    votes: int


@dataclass(frozen=True, slots=True)
class Ballot:
    """The last vote of a person in a poll.

    Args:
        action_id: to pay it, or to try again.
        state: where it stands.
        option: what it is for; ``None`` once it is paid, because nobody knows it any more.
    """

    action_id: str
    state: State
    option: int | None


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll.

    Args:
        options: what one can vote for.
        ballot: the viewer's own vote; ``None`` if there is none.
    """

    options: tuple[PollOption, ...]
    ballot: Ballot | None


class Polls:
    """Reads polls for one viewer at a time.

    Args:
        reader: what keeps the rule of who sees what.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def one(self, item_id: str, *, viewer: str | None) -> Poll | None:
        """A poll; ``None`` if there is none that the viewer may see."""
        options = self._reader.select(_SQL["options"], viewer=viewer, id=item_id)
        if not options:
            return None
        mine = self._reader.select(_SQL["ballot"], viewer=viewer, id=item_id)
        return Poll(
            tuple(PollOption(row["position"], row["text"], int(row["votes"])) for row in options),
            Ballot(mine[0]["id"], State(mine[0]["state"]), mine[0]["option"]) if mine else None,
        )
