"""The log through the eventsourcing library's interface, on the same tables.

The library's users read, append and subscribe as they are used to. paidflow's own writes do not go
through here, and importing ``paidflow`` does not import this module: the library patches
``dataclasses`` when it is imported, which only concerns those who use it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    StoredEvent,
    Subscription,
)

from paidflow.store.failures import library_errors
from paidflow.store.streams import Streams, columns
from paidflow.store.subscription import PollingSubscription

PUBLISH_AGAIN_S = 0.002
PAGE = 500
_LAST = 2**62


class EventLog(Streams, ApplicationRecorder):
    """The events of all actions and aggregates in the order in which they were committed."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Append events, all or none; returns their positions once they can be read.

        That waits for the transactions that have appended before and are still open.

        Raises:
            IntegrityError: when one of the versions is taken.
            ProgrammingError: when one of the streams is an action of paidflow.
        """
        positions = self.append(stored_events, **kwargs)
        with library_errors(self.store):
            while positions and self.store.publish() < positions[-1]:
                time.sleep(PUBLISH_AGAIN_S)
        return positions

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """The events between two positions, in the order of commits."""
        after = 0 if start is None else start - inclusive_of_start
        last = _LAST if stop is None else stop
        page = PAGE if topics else limit
        found: list[Notification] = []
        at_end = False
        while len(found) < limit:
            with library_errors(self.store), self.store.reading() as tx:
                rows = tx.query("select_log", after=after, stop=last, limit=page).fetchall()
            found += [
                Notification(**columns(row), id=row["notification_id"])
                for row in rows
                if not topics or row["topic"] in topics
            ]
            after = rows[-1]["notification_id"] if rows else after
            if len(rows) < page:
                if at_end or after >= last:
                    break
                at_end = True
                with library_errors(self.store):
                    self.store.publish()
        return found[:limit]

    def max_notification_id(self) -> int | None:
        """The position of the last event; ``None`` when there is none."""
        with library_errors(self.store):
            self.store.publish()
        with library_errors(self.store), self.store.reading() as tx:
            row = tx.query("select_last_position").fetchone()
        return row["last"] if row else None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """All events after a position, and then those that are still to come."""
        return PollingSubscription(self, self.store, gt, topics)
