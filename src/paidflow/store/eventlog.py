"""The log through the interfaces of the ``eventsourcing`` library, on the same tables.

Its users read, append and subscribe as they are used to. paidflow's own writes do not go through
here. This is the only module that imports the library; importing it does not change the process:
the library patches ``dataclasses``, and that is taken back when it was not there before.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from paidflow.clock import Clock
from paidflow.errors import Conflict
from paidflow.ids import Ids
from paidflow.store.contract import Store

_was_there = "eventsourcing.domain" in sys.modules
_PATCHED = "_process_class"
_process_class = getattr(dataclasses, _PATCHED)

from eventsourcing.persistence import (  # noqa: E402
    ApplicationRecorder,
    IntegrityError,
    Notification,
    StoredEvent,
    Subscription,
)

if not _was_there:
    setattr(dataclasses, _PATCHED, _process_class)

POLL_S = 0.05
PUBLISH_AGAIN_S = 0.002
PAGE = 500
_LAST = 2**62


class EventLog(ApplicationRecorder):
    """The events of all actions in the order in which they were committed.

    Args:
        store: where they are.
        clock: the time of events that are inserted here.
        ids: where ids come from.
    """

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        super().__init__()
        self._store = store
        self._clock = clock
        self._ids = ids

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Append events; returns their positions once they can be read.

        That waits for the transactions that have appended before and are still open.

        Raises:
            IntegrityError: when one of the versions is taken; nothing is appended.
        """
        command_id = self._ids.new_id()
        rows = [
            {
                "action_id": str(event.originator_id),
                "version": event.originator_version,
                "topic": event.topic,
                "state": event.state,
                "event_id": self._ids.new_id(),
                "command_id": command_id,
                "correlation_id": command_id,
                "now": self._clock.now(),
            }
            for event in stored_events
        ]
        try:
            with self._store.transaction("append", command_id) as tx:
                tx.append(rows)
                found = tx.query("select_positions", command_id=command_id).fetchall()
        except Conflict as error:
            raise IntegrityError(str(error)) from error
        positions = [row["notification_id"] for row in found]
        while positions and self._store.publish() < positions[-1]:
            time.sleep(PUBLISH_AGAIN_S)
        return positions

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of one action."""
        name = "select_stream_backwards" if desc else "select_stream"
        with self._store.reading() as tx:
            rows = tx.query(
                name,
                originator_id=str(originator_id),
                gt=0 if gt is None else gt,
                lte=_LAST if lte is None else lte,
                limit=_LAST if limit is None else limit,
            ).fetchall()
        return [StoredEvent(**_columns(row)) for row in rows]

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
            with self._store.reading() as tx:
                rows = tx.query("select_log", after=after, stop=last, limit=page).fetchall()
            found += [
                Notification(**_columns(row), id=row["notification_id"])
                for row in rows
                if not topics or row["topic"] in topics
            ]
            after = rows[-1]["notification_id"] if rows else after
            if len(rows) < page:
                if at_end or after >= last:
                    break
                at_end = True
                self._store.publish()
        return found[:limit]

    def max_notification_id(self) -> int | None:
        """The position of the last event; ``None`` when there is none."""
        self._store.publish()
        with self._store.reading() as tx:
            row = tx.query("select_last_position").fetchone()
        return row["last"] if row else None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """All events after a position, and then those that are still to come."""
        return PollingSubscription(self, gt, topics)


class PollingSubscription(Subscription[ApplicationRecorder]):
    """Asks the log again and again; a lost message or connection can do it no harm."""

    def __init__(
        self, recorder: ApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._page: list[Notification] = []

    def __next__(self) -> Notification:
        while not self._page:
            if self._has_been_stopped:
                raise StopIteration
            self._page = list(
                self._recorder.select_notifications(
                    self._last_notification_id, PAGE, None, self._topics, inclusive_of_start=False
                )
            )
            if not self._page:
                time.sleep(POLL_S)
        notification = self._page.pop(0)
        self._last_notification_id = notification.id
        return notification


def _columns(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "originator_id": row["originator_id"],
        "originator_version": row["originator_version"],
        "topic": row["topic"],
        "state": bytes(row["state"]),
    }
