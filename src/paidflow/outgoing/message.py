"""What a subscriber is told about one event."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from paidflow.states.codec import decode
from paidflow.states.events import Event
from paidflow.store.records import as_text

SHOWN = frozenset(
    {
        "actor",
        "amount",
        "closure",
        "cost",
        "expires_at",
        "gateway",
        "hold",
        "hook",
        "invoice_id",
        "kind",
        "kind_version",
        "late",
        "mode",
        "number",
        "performed",
        "reason",
        "redone",
        "refund",
        "resumed",
        "reversal",
        "reversal_id",
        "source",
        "status",
    }
)
"""The fields of events that leave the house: no texts, nothing that hints at arguments or keys."""


@dataclass(frozen=True, slots=True)
class Message:
    """An event on its way to a subscriber.

    Args:
        id: the id of the event, the same however often it is sent.
        action_id: the action that it is about.
        sequence: its number among the events of the action, from 1; some may not be sent.
        kind: the kind of the action.
        actor: who does the action; ``None`` for a logged-out person.
        occurred_at: when the event was recorded, UTC.
        topic: the event's name and version as stored.
        state: the event's JSON as stored.
    """

    id: str
    action_id: str
    sequence: int
    kind: str
    actor: str | None
    occurred_at: datetime
    topic: str
    state: bytes = field(repr=False)

    @property
    def event(self) -> Event:
        """The event itself, in its current version."""
        return decode(self.topic, self.state)

    def body(self) -> bytes:
        """The message as JSON, in the shape that Standard Webhooks recommends."""
        event = self.event
        details = event.model_dump(mode="json", include=set(SHOWN))
        data: dict[str, Any] = {
            "version": event.version,
            "action_id": self.action_id,
            "sequence": self.sequence,
            "kind": self.kind,
            "actor": self.actor,
            "details": details,
        }
        moment = as_text(self.occurred_at)
        body = {"type": event.name, "timestamp": moment.replace("+00:00", "Z"), "data": data}
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
