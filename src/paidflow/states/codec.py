"""How events are written in the log and read back, also those of older versions.

The log keeps ``name@version`` and JSON, never a module path, so code can move. An upcaster brings
the JSON of one version to the next; at start-up it is checked that every version can be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from paidflow.errors import UnknownEvent, UpcastMissing
from paidflow.states.events import AttemptEvent, Event, PayOutEvent, ReversalEvent


def _concrete(parent: type[Event]) -> Iterator[type[Event]]:
    for child in parent.__subclasses__():
        if child not in (AttemptEvent, PayOutEvent, ReversalEvent):
            yield child
        yield from _concrete(child)


EVENT_TYPES: dict[str, type[Event]] = {kind.name: kind for kind in _concrete(Event)}

# What was added to an event later is left out where it says nothing, for programs that run beside.
_SPARSE = frozenset(
    kind
    for kind in EVENT_TYPES.values()
    if any(not field.is_required() for field in kind.model_fields.values())
)

_CURRENT = {f"{name}@{kind.version}": kind for name, kind in EVENT_TYPES.items()}
_TOPICS = {kind: topic for topic, kind in _CURRENT.items()}


def is_action_topic(topic: str) -> bool:
    """Whether a topic of the log is one of paidflow's; other programs may write there too."""
    return topic.startswith("paid-action.")


def encode(event: Event) -> tuple[str, bytes]:
    """The topic and the state that the log stores for an event."""
    kind = type(event)
    topic = _TOPICS.get(kind) or f"{kind.name}@{kind.version}"
    serializer = kind.__pydantic_serializer__
    return topic, serializer.to_json(event, exclude_defaults=kind in _SPARSE)


def decode(topic: str, state: bytes | str, types: dict[str, type[Event]] = EVENT_TYPES) -> Event:
    """The event that a topic and a state stand for, in its current version.

    Args:
        topic: ``name@version`` as stored.
        state: JSON as stored.
        types: name -> class; tests pass their own.

    Raises:
        UnknownEvent: when the name is unknown, or the version is newer than this program.
        UpcastMissing: when an older version has no way to the current one.
    """
    current = _CURRENT.get(topic) if types is EVENT_TYPES else None
    if current is not None:
        return current.__pydantic_validator__.validate_json(state)
    name, _, number = topic.rpartition("@")
    kind = types.get(name)
    if kind is None or not number.isdecimal() or int(number) > kind.version:
        raise UnknownEvent(topic)
    if int(number) == kind.version:
        return kind.model_validate_json(state)
    data = cast("dict[str, Any]", json.loads(state))
    for version in range(int(number), kind.version):
        upcast = kind.upcasters.get(version)
        if upcast is None:
            raise UpcastMissing(f"{name} from version {version}")
        data = upcast(data)
    return kind.model_validate_json(json.dumps(data))


def check_upcasters(types: dict[str, type[Event]] = EVENT_TYPES) -> None:
    """Check that every version of every event can be brought to the current one.

    Raises:
        UpcastMissing: naming the first event and version that cannot.
    """
    for name, kind in types.items():
        for version in range(1, kind.version):
            if version not in kind.upcasters:
                raise UpcastMissing(f"{name} from version {version}")
