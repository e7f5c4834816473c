"""When an action becomes real for everybody, and when it is not any more."""

from __future__ import annotations

from collections.abc import Iterator

from paidflow.states.events import Event, Paid, Restored, Reversed
from paidflow.views.batch import Batch, Recorded

CHANGES: tuple[type[Event], ...] = (Paid, Reversed, Restored)
"""The events after which an action is real, or is not."""

_SIGNS = {Paid: 1, Restored: 1, Reversed: -1}


def changes(batch: Batch) -> Iterator[tuple[str, int]]:
    """The actions that become real (1), or are not real any more (-1), in the order of the log."""
    return ((recorded.action_id, sign) for recorded, sign in recorded_changes(batch))


def recorded_changes(batch: Batch) -> Iterator[tuple[Recorded, int]]:
    """The same, with what the log has recorded."""
    prefixes = {f"{kind.name}@": sign for kind, sign in _SIGNS.items()}
    for recorded in batch:
        for prefix, sign in prefixes.items():
            if recorded.topic.startswith(prefix):
                yield recorded, sign
