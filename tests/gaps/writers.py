"""Writers of the log with bad habits."""

from __future__ import annotations

import json
import queue
import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg

from paidflow.errors import Conflict
from paidflow.store.contract import Store, Transaction
from tests.gaps.truth import Event

NOW = datetime(2030, 1, 1, tzinfo=UTC)
TABLES = (
    "create table diary (line text)",
    # Who has appended tells the others here, in the same transaction.
    "create table letters (id integer primary key, stream text, version bigint)",
)
EVENT: dict[str, Any] = {
    "topic": "t@1",
    "state": b"[]",
    "event_id": "e",
    "command_id": "c",
    "correlation_id": "c",
    "now": NOW,
}
"""What is the same in all events."""

SHARED_STREAMS = 12
PREPARED_MAX = 4
RECONNECT_S = 0.05
SECONDS_MAX = 300


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How often a transaction does what, from 0 to 1.

    Args:
        elsewhere_first: writes to a table of its own, long before it appends.
        savepoints: has a savepoint, which it releases or rolls back.
        gives_up: is rolled back.
        prepares: is prepared, and somebody else ends it.
        archived: somebody archives the streams all the time.
        events_max: how many events it appends at most to one stream at once.
        rest_s: how long it rests at most, some times.
    """

    elsewhere_first: float = 0.0
    savepoints: float = 0.0
    gives_up: float = 0.05
    prepares: float = 0.0
    archived: bool = False
    events_max: int = 20
    rest_s: float = 0.02


@dataclass(frozen=True)
class Prepared:
    """A prepared transaction, or one that may be."""

    name: str
    events: list[Event]


class Tally:
    """What the writers were told: the events whose commit was acknowledged.

    Args:
        wanted: how many there should be.
    """

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.committed: set[Event] = set()
        self.prepared: queue.Queue[Prepared | None] = queue.Queue()
        self.slots = threading.Semaphore(PREPARED_MAX)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let everybody come to an end."""
        self.wanted = 0
        self.prepared.put(None)

    def reopen(self, more: int) -> None:
        """Let it go on until there are some more."""
        self.wanted = len(self.committed) + more

    def wait_for(self, share: float) -> None:
        """Wait until a share of the wanted events is there."""
        give_up_at = time.monotonic() + SECONDS_MAX
        goal = self.wanted * share
        while len(self.committed) < goal:
            assert time.monotonic() < give_up_at, f"{len(self.committed)} of {goal} events"
            time.sleep(0.01)

    def add(self, events: list[Event]) -> None:
        with self._lock:
            self.committed.update(events)

    @property
    def is_full(self) -> bool:
        return len(self.committed) >= self.wanted


class Draft:
    """What one transaction does before it ends.

    Args:
        name: the stream that only this writer appends to.
    """

    def __init__(self, name: str, habits: Habits, chance: random.Random) -> None:
        self._name = name
        self._habits = habits
        self._chance = chance

    def write(self, tx: Transaction) -> list[Event]:
        """Returns the events that it appended and did not take back."""
        h = self._habits
        if self._often(h.elsewhere_first):
            tx.execute("insert into diary (line) values (:line)", line=self._name)
            self._rest()
        events = self._append(tx)
        if self._often(h.savepoints):
            tx.execute("savepoint odd")
            more = self._append(tx)
            self._rest()
            if self._often(0.5):
                tx.execute("rollback to savepoint odd")
                more = []
            tx.execute("release savepoint odd")
            events += more
        if self._often(0.3):
            events += self._append(tx)
        if events:
            stream, version = events[-1]
            letter = self._chance.getrandbits(31)
            tx.execute(
                "insert into letters values (:id, :stream, :version) on conflict do nothing",
                id=letter,
                stream=stream,
                version=version,
            )
        return events

    def rest(self) -> None:
        """Keep the transaction open."""
        self._rest()

    def gives_up(self) -> bool:
        return self._often(self._habits.gives_up)

    def prepares(self) -> bool:
        return self._often(self._habits.prepares)

    def _often(self, probability: float) -> bool:
        return self._chance.random() < probability

    def _rest(self) -> None:
        if self._often(0.7):
            time.sleep(self._chance.uniform(0, self._habits.rest_s))

    def _append(self, tx: Transaction) -> list[Event]:
        causes = self._read_others(tx)
        shared = self._often(0.3)
        stream = f"shared-{self._chance.randrange(SHARED_STREAMS)}" if shared else self._name
        end = {"originator_id": stream, "gt": 0, "lte": 2**62, "limit": 1}
        found = tx.query("select_stream_backwards", **end).fetchone()
        first = found["originator_version"] + 1 if found else 1
        versions = range(first, first + self._chance.randint(1, self._habits.events_max))
        if self._habits.archived:
            self._move(tx, stream, first, versions[-1] + 1)
        self._insert(tx, stream, versions, json.dumps(causes))
        return [(stream, version) for version in versions]

    def _read_others(self, tx: Transaction) -> list[list[Any]]:
        """Events of others, in their letters or in the log, published or not."""
        if self._often(0.5):
            query = "select stream, version from letters where id >= :place order by id limit 2"
            rows = tx.execute(query, place=self._chance.getrandbits(31)).fetchall()
            return [[row["stream"], row["version"]] for row in rows]
        query = (
            "select originator_id, originator_version from paidflow_events"
            " order by notification_id desc limit 3"
        )
        rows = tx.execute(query).fetchall()
        return [[row["originator_id"], row["originator_version"]] for row in rows]

    def _move(self, tx: Transaction, stream: str, before: int, after: int) -> None:
        """Compare and set the version, as steps do; here it is the next one to be written."""
        update = (
            "update paidflow_actions set version = :after"
            " where action_id = :stream and version = :before"
        )
        if tx.execute(update, stream=stream, before=before, after=after).rowcount != 1:
            raise Conflict

    def _insert(self, tx: Transaction, stream: str, versions: range, state: str) -> None:
        if hasattr(tx.raw, "pgconn") and self._often(0.7):
            event = EVENT | {"action_id": stream, "state": state}
            del event["now"]
            events = [event | {"version": version} for version in versions]
            steps = {"now": NOW.isoformat(), "events": events}
            tx.execute("select paidflow_write(:steps)", steps=json.dumps(steps))
            return
        row = EVENT | {"action_id": stream, "state": state.encode()}
        tx.append([row | {"version": version} for version in versions])


def write_on_sqlite(store: Store, tally: Tally, draft: Draft) -> None:
    """Append until there is enough."""
    while not tally.is_full:
        events: list[Event] = []
        with suppress(Conflict, _GaveUp), store.transaction("test") as tx:
            events = draft.write(tx)
            if draft.gives_up():
                events = []
                raise _GaveUp
        tally.add(events)


class _GaveUp(Exception):
    pass


def write_on_postgres(dsn: str, store: Store, tally: Tally, draft: Draft) -> None:
    """Append on a connection of its own until there is enough, also if the server crashes."""
    while not tally.is_full:
        with suppress(psycopg.OperationalError), psycopg.connect(dsn) as connection:
            while not tally.is_full:
                _transact(connection, store, tally, draft)
        if not tally.is_full:
            time.sleep(RECONNECT_S)


def _transact(
    connection: psycopg.Connection[Any], store: Store, tally: Tally, draft: Draft
) -> None:
    try:
        with store.join(connection) as tx:
            events = draft.write(tx)
    except (Conflict, psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected):
        connection.rollback()
        return
    draft.rest()
    if draft.gives_up():
        connection.rollback()
    elif draft.prepares():
        name = uuid4().hex
        tally.slots.acquire()
        try:
            connection.execute(f"prepare transaction '{name}'")
        finally:
            tally.prepared.put(Prepared(name, events))
        connection.commit()
    else:
        connection.commit()
        tally.add(events)


def end_prepared(dsn: str, tally: Tally, chance: random.Random) -> None:
    """Commit or roll back what others have prepared, in an order of its own."""
    waiting: list[Prepared] = []
    more = True
    while more or waiting:
        with suppress(psycopg.OperationalError), psycopg.connect(dsn, autocommit=True) as there:
            while more or waiting:
                with suppress(queue.Empty):
                    while more:
                        found = tally.prepared.get(timeout=0.01)
                        more = found is not None
                        waiting += [found] if found else []
                if waiting:
                    chosen = chance.randrange(len(waiting))
                    _end(there, tally, waiting[chosen], commits=chance.random() < 0.9)
                    del waiting[chosen]


def _end(
    connection: psycopg.Connection[Any], tally: Tally, prepared: Prepared, *, commits: bool
) -> None:
    # Whoever prepared or ended it may not have been told so, if the server crashed.
    with suppress(psycopg.errors.UndefinedObject):
        end = "commit" if commits else "rollback"
        connection.execute(f"{end} prepared '{prepared.name}'")
        if commits:
            tally.add(prepared.events)
    tally.slots.release()
