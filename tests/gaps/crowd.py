"""Many writers and some readers at the same time, and what the readers got."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    OperationalError,
    Subscription,
)

from paidflow.clock import SystemClock
from paidflow.flow.paid_flow import open_store
from paidflow.ids import RandomIds
from paidflow.store.eventlog import EventLog
from tests.gaps.truth import Event, Line, line_of, wrongs
from tests.gaps.writers import (
    NOW,
    SHARED_STREAMS,
    TABLES,
    Draft,
    Habits,
    Tally,
    end_prepared,
    write_on_postgres,
    write_on_sqlite,
)

WRITERS = 24
STALLED_S = 60.0
"""Readers give up when none of them has come any further for so long after the last write."""

PAUSE_S = 0.01
STEPS = {"tail": 500, "small steps": 7}
"""How many events the readers ask for at once."""


class Crowd:
    """A log with everybody who writes and reads it.

    Args:
        url: an empty database.
        habits: how the writers behave.
        events: how many they append, at least.
        seed: of all chance.
    """

    def __init__(self, url: str, habits: Habits, events: int, seed: int = 1) -> None:
        self.tally = Tally(events)
        self.read: dict[str, list[Line]] = {name: [] for name in (*STEPS, "subscription")}
        self._habits = habits
        self._seed = seed
        self._goal: int | None = None
        self._moved_at = 0.0
        self._open(url)
        self.store.create()
        with self.store.transaction("test") as tx:
            for table in TABLES:
                tx.execute(table)
            names = [f"own-{number}" for number in range(WRITERS)]
            names += [f"shared-{number}" for number in range(SHARED_STREAMS)]
            for name in names:  # each as an action that is finished, so that it can be archived
                tx.execute(
                    "insert into paidflow_actions (action_id, kind, state, performed, version,"
                    " cost, currency, created_at, state_since)"
                    " values (:name, 'test', 'PAID', :yes, 1, 0, 'BTC', :now, :now)",
                    name=name,
                    yes=True,
                    now=NOW,
                )

    def move(self, url: str, events: int) -> None:
        """Go on elsewhere with the same log; readers go on where they were.

        Args:
            url: where the log is now.
            events: how many more are appended, at least.
        """
        self.store.close()
        self._goal = None
        self.tally.reopen(events)
        self._open(url)

    def run(self, meanwhile: Callable[[], None] | None = None) -> None:
        """Let all of them work until all is written and read.

        Args:
            meanwhile: is called while they work.
        """
        with ThreadPoolExecutor(WRITERS + 8) as pool:
            reading = [pool.submit(self._tail, name, limit) for name, limit in STEPS.items()]
            reading += [pool.submit(self._subscribe), pool.submit(self._hasten)]
            if self._habits.archived:
                reading.append(pool.submit(self._archive))
            writing = [pool.submit(self._write, number) for number in range(WRITERS)]
            ending = pool.submit(self._end_prepared)
            try:
                if meanwhile:
                    meanwhile()
                for job in writing:
                    job.result()
            finally:
                self.tally.close()
                ending.exception()
                with suppress(Exception):
                    self._goal = max(self.stored().values(), default=0)
                self._goal = self._goal or 0
                self._moved_at = time.monotonic()
            for job in (*reading, ending):
                job.result()

    def wrongs(self) -> dict[str, dict[str, int]]:
        """The mistakes of each reader, and of the log itself; empty if there is none."""
        stored = self.stored()
        log = [line_of(found) for found in self._log.select_notifications(1, len(stored) + 1)]
        found = {name: wrongs(lines, stored) for name, lines in self.read.items()}
        found |= {"the log": wrongs(log, stored)}
        found |= {"the writers": {"lost": len(self.tally.committed - stored.keys())}}
        return {
            name: {what: count for what, count in counts.items() if count}
            for name, counts in found.items()
            if any(counts.values())
        }

    def stored(self) -> dict[Event, int]:
        """All events that are in the log and their positions."""
        query = "select originator_id, originator_version, notification_id from paidflow_log"
        with self.store.reading() as tx:
            rows = tx.execute(query).fetchall()
        return {
            (row["originator_id"], row["originator_version"]): row["notification_id"]
            for row in rows
        }

    def count_archived(self) -> int:
        """How many events have left the log."""
        with self.store.reading() as tx:
            row = tx.execute("select count(*) as total from paidflow_events_archive").fetchone()
        return row["total"] if row else 0

    def close(self) -> None:
        self.store.close()

    def position(self, name: str) -> int:
        """How far a reader has come."""
        lines = self.read[name]
        return lines[-1].position if lines else 0

    def _open(self, url: str) -> None:
        self.url = url
        self.store = open_store(url)
        self._is_postgres = not url.startswith("sqlite")
        clock = SystemClock()
        self._log = EventLog(self.store, clock, RandomIds(clock))

    def _write(self, number: int) -> None:
        draft = Draft(f"own-{number}", self._habits, random.Random(self._seed * 1000 + number))
        if self._is_postgres:
            write_on_postgres(self.url, self.store, self.tally, draft)
        else:
            write_on_sqlite(self.store, self.tally, draft)

    def _end_prepared(self) -> None:
        if self._is_postgres:
            end_prepared(self.url, self.tally, random.Random(self._seed))

    def _is_done(self, position: int) -> bool:
        goal = self._goal
        return goal is not None and (
            position >= goal or time.monotonic() - self._moved_at > STALLED_S
        )

    def _come(self, read: Notification) -> Line:
        self._moved_at = time.monotonic()
        return line_of(read)

    def _tail(self, name: str, limit: int) -> None:
        position = self.position(name)
        while not self._is_done(position):
            try:
                page = self._log.select_notifications(position + 1, limit)
            except Exception as error:
                self._survive(error)
                continue
            self.read[name] += map(self._come, page)
            position = page[-1].id if page else position
            if not page:
                time.sleep(PAUSE_S)

    def _hasten(self) -> None:
        """Publish all the time: the more often, the more could go wrong."""
        position = 0
        while not self._is_done(position):
            try:
                position = self.store.publish()
            except Exception as error:
                self._survive(error)

    def _subscribe(self) -> None:
        name = "subscription"
        while not self._is_done(self.position(name)):
            try:
                with self._log.subscribe(gt=self.position(name) or None) as subscription:
                    stopper = threading.Thread(target=self._stop, args=[subscription])
                    stopper.start()
                    self.read[name].extend(map(self._come, subscription))
                    stopper.join()
            except Exception as error:
                self._survive(error)

    def _stop(self, subscription: Subscription[ApplicationRecorder]) -> None:
        """End a subscription which has brought everything, for it would go on waiting."""
        while not self._is_done(self.position("subscription")):
            time.sleep(PAUSE_S)
        subscription.stop()

    def _archive(self) -> None:
        while self._goal is None:
            self.store.archive(NOW + timedelta(days=1), limit=3)
            time.sleep(PAUSE_S)

    def _survive(self, error: Exception) -> None:
        if not (self.store.passing(error) or isinstance(error, OperationalError)):
            raise error
        time.sleep(PAUSE_S)
