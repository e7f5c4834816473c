"""A subscription to the log that asks again and again; a lost connection can do it no harm."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from queue import Full, Queue

from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    OperationalError,
    Subscription,
)

from paidflow.store.contract import Store

POLL_S = 0.05
PAGE = 500
END_S = 1.0
"""How long the end of a ``with`` block waits for a question that the database has not answered."""

logger = logging.getLogger("paidflow.store")


class PollingSubscription(Subscription[ApplicationRecorder]):
    """Waits for events by asking, and lets the store wake it up earlier.

    A thread of its own asks, because a database that is away may not answer for long; whoever
    iterates is told at once to stop. An error that passes is waited out, any other one is raised.

    Args:
        recorder: the log.
        store: knows which errors pass, and when to ask again.
        gt: the position after which it begins; ``None`` is the beginning.
        topics: only events with one of these topics; none is all.
    """

    def __init__(
        self,
        recorder: ApplicationRecorder,
        store: Store,
        gt: int | None = None,
        topics: Sequence[str] = (),
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._store = store
        self._page: list[Notification] = []
        self._pages: Queue[list[Notification] | Exception | None] = Queue(2)
        self._thread: threading.Thread | None = None

    def __exit__(self, *args: object, **kwargs: object) -> None:
        super().__exit__(*args, **kwargs)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(END_S)

    def stop(self) -> None:
        """End the iteration, also one that waits in another thread."""
        super().stop()
        with suppress(Full):
            self._pages.put_nowait(None)

    def __next__(self) -> Notification:
        if self._thread is None and not self._has_been_stopped:
            self._thread = threading.Thread(target=self._pull, name="paidflow-log", daemon=True)
            self._thread.start()
        while not self._has_been_stopped and not self._page:
            found = self._pages.get()
            if isinstance(found, Exception):
                self.stop()
                raise found
            self._page = found or []
        if self._has_been_stopped:
            raise StopIteration
        return self._page.pop(0)

    def _pull(self) -> None:
        try:
            while not self._has_been_stopped:
                page = self._ask()
                if page:
                    self._last_notification_id = page[-1].id
                    self._put(page)
                if len(page) < PAGE:
                    self._store.wait_for_events(POLL_S)
        except Exception as error:
            self._put(error)

    def _ask(self) -> list[Notification]:
        try:
            after = self._last_notification_id
            return list(
                self._recorder.select_notifications(
                    after, PAGE, None, self._topics, inclusive_of_start=False
                )
            )
        except OperationalError as error:
            if not self._store.passing(error.__cause__ or error):
                raise
            logger.warning("the log cannot be read and is asked again: %s", error)
            return []

    def _put(self, found: list[Notification] | Exception) -> None:
        while not self._has_been_stopped:
            with suppress(Full):
                self._pages.put(found, timeout=POLL_S)
                return
