"""An event that a subscriber has not acknowledged yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from paidflow.store.records import as_time


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An event that waits, or was given up.

    Args:
        name: the subscriber.
        message_id: the id that it is sent with.
        action_id: the action that the event is about.
        position: the event's place in the log.
        topic: the event's name and version.
        tries: how often it was sent in vain.
        reason: what came of the last try; ``None`` before the first one.
        next_try_at: when it is due; an earlier event of the action may be in front of it.
        given_up_at: since when it waits for an operator.
    """

    name: str
    message_id: str
    action_id: str
    position: int
    topic: str
    tries: int
    reason: str | None
    next_try_at: datetime | None
    given_up_at: datetime | None

    @property
    def sentence(self) -> str:
        """What happened, for an operator."""
        if self.given_up_at is not None:
            return f"{self.topic} was given up after {self.tries} tries: {self.reason}."
        if self.tries:
            return f"{self.topic} was tried {self.tries} times: {self.reason}."
        return f"{self.topic} is on its way."


def to_undelivered(row: Mapping[str, Any]) -> Undelivered:
    """The event that a database row holds."""
    return Undelivered(
        name=row["subscriber"],
        message_id=row["event_id"],
        action_id=row["action_id"],
        position=row["position"],
        topic=row["topic"],
        tries=row["tries"],
        reason=row["reason"],
        next_try_at=as_time(row["next_try_at"]),
        given_up_at=as_time(row["given_up_at"]),
    )
