"""What a subscriber is: a name, the events that it wants, and a way to be told."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from paidflow.errors import InvalidConfiguration
from paidflow.outgoing.message import Message
from paidflow.outgoing.outcome import Acknowledged, Outcome
from paidflow.states.codec import EVENT_TYPES
from paidflow.states.events import Event

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,79}")


class Subscriber(ABC):
    """Somebody who is told of events.

    Args:
        name: its name in the database, for ever.
        events: the events that it wants; a parent stands for its children.

    Raises:
        InvalidConfiguration: when the name does not fit, or there are no such events.
    """

    def __init__(self, name: str, events: Sequence[type[Event]] = (Event,)) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):  # pyright: ignore
            raise InvalidConfiguration(
                "a subscriber needs a name of small letters, digits, dots, dashes and _"
            )
        self.name = name
        self.topics = sorted(
            topic for topic, kind in EVENT_TYPES.items() if issubclass(kind, tuple(events))
        )
        if not self.topics:
            raise InvalidConfiguration(f"{name} needs the events that it wants")

    @abstractmethod
    def deliver(self, message: Message, now: datetime) -> Outcome:
        """Tell it. What is raised counts as not acknowledged.

        Args:
            message: what to tell.
            now: the moment of this try, UTC.
        """


class Callback(Subscriber):
    """A callable in this program; it acknowledges by returning.

    Args:
        name: its name in the database, for ever.
        call: is given the message; it may be given the same one again.
        events: the events that it wants; a parent stands for its children.
    """

    def __init__(
        self,
        name: str,
        call: Callable[[Message], object],
        *,
        events: Sequence[type[Event]] = (Event,),
    ) -> None:
        super().__init__(name, events)
        self._call = call

    def deliver(self, message: Message, now: datetime) -> Outcome:
        self._call(message)
        return Acknowledged()


def check_subscribers(subscribers: Iterable[Subscriber]) -> None:
    """Check subscribers when they are put to work.

    Raises:
        InvalidConfiguration: when two have the same name, which would share one place in the log.
    """
    names: set[str] = set()
    for subscriber in subscribers:
        if subscriber.name in names:
            raise InvalidConfiguration(f"two subscribers have the name {subscriber.name}")
        names.add(subscriber.name)
