"""How far a view or a process application has got, in the transaction of what it writes."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Event
from typing import Any

from eventsourcing.persistence import (
    IntegrityError,
    ProcessRecorder,
    StoredEvent,
    Tracking,
    TrackingRecorder,
    WaitInterruptedError,
)

from paidflow.clock import Clock
from paidflow.ids import Ids
from paidflow.store.contract import Store, Transaction
from paidflow.store.eventlog import EventLog
from paidflow.store.failures import library_errors

WAIT_S = 0.005
WAIT_MAX_S = 0.1


class TrackedView(TrackingRecorder):
    """A view whose rows are written together with the position of their event: exactly once.

    Args:
        store: where it is.
        name: the name of the view or application that tracks; each has its own positions.
    """

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name

    @contextmanager
    def tracking(self, tracking: Tracking) -> Generator[Transaction]:
        """A transaction for the view's rows that also records the position.

        Args:
            tracking: the application that is followed, and the position of its event.

        Raises:
            IntegrityError: when this position or a later one was recorded before; then nothing
                is written.
        """
        with library_errors(self.store), self.store.transaction("append") as tx:
            self._track(tx, tracking)
            yield tx

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction for reading the view."""
        return self.store.reading()

    def insert_tracking(self, tracking: Tracking) -> None:
        """Record a position without rows.

        Raises:
            IntegrityError: when this position or a later one was recorded before.
        """
        with self.tracking(tracking):
            pass

    def max_tracking_id(self, application_name: str) -> int | None:
        """The last recorded position of an application; ``None`` when there is none."""
        with library_errors(self.store), self.store.reading() as tx:
            row = tx.query(
                "select_tracked", tracker=self.name, application=application_name
            ).fetchone()
        return row["notification_id"] if row else None

    def wait(
        self,
        application_name: str,
        notification_id: int | None,
        timeout: float = 1.0,
        interrupt: Event | None = None,
    ) -> None:
        """Wait until the view has processed a position, asking every few milliseconds.

        Raises:
            TimeoutError: when it has not in time.
            WaitInterruptedError: when ``interrupt`` was set meanwhile.
        """
        interrupt = interrupt or Event()
        give_up_at = time.monotonic() + timeout
        pause_s = WAIT_S
        while not self.has_tracking_id(application_name, notification_id):
            if interrupt.wait(pause_s):
                raise WaitInterruptedError
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"{self.name} has not processed {notification_id} in time")
            pause_s = min(pause_s * 2, WAIT_MAX_S)

    def close(self) -> None:
        """Close the store's connections."""
        self.store.close()

    def _track(self, tx: Transaction, tracking: Tracking) -> None:
        recorded = tx.query(
            "track",
            tracker=self.name,
            application=tracking.application_name,
            notification_id=tracking.notification_id,
        )
        if recorded.rowcount != 1:
            raise IntegrityError(f"{self.name} has processed {tracking.notification_id} already")


class ProcessLog(EventLog, TrackedView, ProcessRecorder):
    """The log for an application that follows another one: its events carry a position.

    Args:
        store: where it is.
        clock: the time of its events.
        ids: where ids come from.
        name: the application's name.
    """

    def __init__(self, store: Store, clock: Clock, ids: Ids, name: str) -> None:
        EventLog.__init__(self, store, clock, ids)
        self.name = name

    def write_beside(
        self, tx: Transaction, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> None:
        """Record the position of the event that was processed."""
        tracking: Tracking | None = kwargs.get("tracking")
        if tracking is not None:
            self._track(tx, tracking)
