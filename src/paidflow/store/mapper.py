"""paidflow's own events for programs on the eventsourcing library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, ProgrammingError, StoredEvent

from paidflow.states import codec
from paidflow.states.events import Event


@dataclass(frozen=True)
class ActionEvent:
    """An event of one of paidflow's actions, as a projection or a follower gets it.

    Args:
        originator_id: the id of the action.
        originator_version: its place in the history of the action, from 1.
        event: what happened.
    """

    originator_id: str
    originator_version: int
    event: Event


class ActionMapper(Mapper[Any]):
    """The library's mapper, which also reads paidflow's events; they are never encrypted."""

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[Any]:
        """The event that was stored.

        Raises:
            UnknownEvent: when it is one of a newer paidflow.
        """
        if not codec.is_action_topic(stored_event.topic):
            return super().to_domain_event(stored_event)
        event = codec.decode(stored_event.topic, stored_event.state)
        return ActionEvent(str(stored_event.originator_id), stored_event.originator_version, event)

    def to_stored_event(self, domain_event: DomainEventProtocol[Any]) -> StoredEvent:
        """What is stored for an event.

        Raises:
            ProgrammingError: when it is one of paidflow's.
        """
        if isinstance(domain_event, ActionEvent):
            raise ProgrammingError("the events of an action are only written by paidflow")
        return super().to_stored_event(domain_event)
