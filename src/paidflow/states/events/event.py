"""What every event is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from paidflow.states.machine import Trigger


class _EventType(type(BaseModel)):
    """Asks for the type of an event as Python does; pydantic's way takes five times as long."""

    __instancecheck__ = type.__instancecheck__


class Event(BaseModel, metaclass=_EventType):
    """Something that happened to a paid action; ``name`` and ``version`` are for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    version: ClassVar[int] = 1
    upcasters: ClassVar[dict[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {}
    fact: ClassVar[bool] = False
    private: ClassVar[frozenset[str]] = frozenset()
    """The fields that are not the business of a payer whose money is passed on."""

    @property
    def trigger(self) -> Trigger | None:
        """What this fires in the state table; ``None`` for a fact."""
        return None


Events = tuple[Event, ...]
