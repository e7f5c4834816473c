"""The events of each aggregate, through the eventsourcing library's interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.persistence import AggregateRecorder, ProgrammingError, StoredEvent

from paidflow.clock import Clock
from paidflow.ids import Ids
from paidflow.store.contract import Store, Transaction
from paidflow.store.failures import library_errors

_LAST = 2**62


class Streams(AggregateRecorder):
    """Appends to streams and reads them. Ids are kept as text, also where they are UUIDs.

    Args:
        store: where they are.
        clock: the time of events that are inserted here.
        ids: where ids come from.
    """

    forwards: ClassVar[str] = "select_stream"
    backwards: ClassVar[str] = "select_stream_backwards"

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self.store = store
        self._clock = clock
        self._ids = ids

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Append events, all or none.

        Raises:
            IntegrityError: when one of the versions is taken.
            ProgrammingError: when one of the streams is an action of paidflow.
        """
        self.append(stored_events, **kwargs)
        return None

    def append(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> list[int]:
        """Append events and whatever belongs to them, in one transaction.

        Returns:
            Their positions in the log, which readers may not see yet.
        """
        command_id = self._ids.new_id()
        rows = [self._row(event, command_id) for event in stored_events]
        with library_errors(self.store), self.store.transaction("append", command_id) as tx:
            if rows:
                _refuse_actions(tx, stored_events)
                tx.query("lock_appends")
                tx.append(rows)
            found = tx.query("select_positions", command_id=command_id).fetchall()
            self.write_beside(tx, stored_events, **kwargs)
        return [row["notification_id"] for row in found]

    def write_beside(
        self, tx: Transaction, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> None:
        """Write what belongs to the events, in their transaction; for subclasses.

        Args:
            tx: the open transaction.
            stored_events: the events, already written.
            kwargs: what the application passed to ``save``.
        """

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of one aggregate or action."""
        with library_errors(self.store), self.store.reading() as tx:
            rows = tx.query(
                self.backwards if desc else self.forwards,
                originator_id=str(originator_id),
                gt=-1 if gt is None else gt,
                lte=_LAST if lte is None else lte,
                limit=_LAST if limit is None else limit,
            ).fetchall()
        return [StoredEvent(**columns(row)) for row in rows]

    def _row(self, event: StoredEvent, command_id: str) -> dict[str, Any]:
        return {
            "action_id": str(event.originator_id),
            "version": event.originator_version,
            "topic": event.topic,
            "state": event.state,
            "event_id": self._ids.new_id(),
            "command_id": command_id,
            "correlation_id": command_id,
            "now": self._clock.now(),
        }


class Snapshots(Streams):
    """Aggregates as they once were; only a shortcut, so they are not in the log."""

    forwards = "select_snapshots"
    backwards = "select_snapshots_backwards"

    def append(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> list[int]:
        """Keep snapshots; they have no positions."""
        with library_errors(self.store), self.store.transaction("append") as tx:
            for event in stored_events:
                values = vars(event) | {"originator_id": str(event.originator_id)}
                tx.query("insert_snapshot", **values)
        return []


def columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a stored event."""
    return {
        "originator_id": row["originator_id"],
        "originator_version": row["originator_version"],
        "topic": row["topic"],
        "state": bytes(row["state"]),
    }


def _refuse_actions(tx: Transaction, stored_events: Sequence[StoredEvent]) -> None:
    """Only paidflow writes the history of an action; an event of others would break it."""
    for stream in {str(event.originator_id) for event in stored_events}:
        if tx.query("select_is_action", originator_id=stream).fetchone() is not None:
            raise ProgrammingError(f"{stream} is an action of paidflow, which alone may append")
