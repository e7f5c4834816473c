"""What a reader of the log has read, and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from eventsourcing.persistence import Notification

Event = tuple[str, int]
"""Stream and version."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event as a reader got it, with the events that its writer had read before."""

    position: int
    event: Event
    causes: tuple[Event, ...]


def line_of(notification: Notification) -> Line:
    causes = tuple((stream, version) for stream, version in json.loads(notification.state))
    event = (str(notification.originator_id), notification.originator_version)
    return Line(notification.id, event, causes)


def wrongs(lines: Iterable[Line], stored: Mapping[Event, Any]) -> dict[str, int]:
    """How many mistakes of each sort; empty if the reader has read what it should.

    Args:
        lines: in the order in which they were read.
        stored: all events that are in the log at the end.
    """
    seen: set[Event] = set()
    last_of: dict[str, int] = {}
    last = doubled = unordered = stepped = early = 0
    for line in lines:
        stream, version = line.event
        doubled += line.event in seen
        unordered += line.position <= last
        stepped += version != last_of.get(stream, 0) + 1
        early += any(cause not in seen for cause in line.causes)
        seen.add(line.event)
        last_of[stream] = version
        last = line.position
    found = {
        "missed": len(stored.keys() - seen),
        "invented": len(seen - stored.keys()),
        "doubled": doubled,
        "positions not increasing": unordered,
        "versions out of order": stepped,
        "effects before causes": early,
    }
    return {what: count for what, count in found.items() if count}
