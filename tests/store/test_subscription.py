"""Subscriptions on both stores; on PostgreSQL while connections and servers die."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent

from paidflow.ids import RandomIds
from paidflow.store import subscription as module
from paidflow.store.contract import Store
from paidflow.store.eventlog import EventLog
from paidflow.store.opening import open_store
from tests.commit_proxy import CommitProxy
from tests.postgres_server import PostgresServer

SECONDS_MAX = 30
"""Less than the pool waits for a connection, so that nobody only ends because the pool gave up."""


def open_log(url: str) -> EventLog:
    store = open_store(url)
    store.create()
    return EventLog(store, store, RandomIds(store))


@pytest.fixture
def log(store_url: str) -> Iterator[EventLog]:
    opened = open_log(store_url)
    yield opened
    opened.store.close()


@pytest.fixture
def postgres_log(postgres_dsn: str) -> Iterator[EventLog]:
    opened = open_log(postgres_dsn)
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server that may be killed."""
    with PostgresServer() as started:
        yield started


def event(version: int, topic: str = "topic") -> StoredEvent:
    return StoredEvent("stream", version, topic, b"state")


class Reader:
    """Reads a subscription in a thread of its own."""

    def __init__(self, log: EventLog, gt: int | None = None, topics: tuple[str, ...] = ()) -> None:
        self.versions: list[int] = []
        self.errors: list[Exception] = []
        self._subscription = log.subscribe(gt, topics)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._subscription.stop()
        self._thread.join(SECONDS_MAX)
        assert not self._thread.is_alive()

    def wait_for(self, wanted: list[int], meanwhile: Callable[[], None] = lambda: None) -> None:
        give_up_at = time.monotonic() + SECONDS_MAX
        while len(self.versions) < len(wanted) and time.monotonic() < give_up_at:
            meanwhile()
            time.sleep(0.02)
        assert self.versions[: len(wanted)] == wanted

    def _read(self) -> None:
        try:
            with self._subscription:
                for notification in self._subscription:
                    self.versions.append(notification.originator_version)
        except Exception as error:
            self.errors.append(error)


def test_it_goes_on_with_what_comes_later(log: EventLog) -> None:
    log.insert_events([event(1)])
    with Reader(log) as reader:
        reader.wait_for([1])
        log.insert_events([event(2), event(3)])
        reader.wait_for([1, 2, 3])


def test_it_begins_after_a_position(log: EventLog) -> None:
    first, _ = log.insert_events([event(1), event(2)]) or ()
    with Reader(log, gt=first) as reader:
        log.insert_events([event(3)])
        reader.wait_for([2, 3])


def test_it_shows_only_its_topics(log: EventLog) -> None:
    log.insert_events([event(1), event(2, "wanted"), event(3)])
    with Reader(log, topics=("wanted", "never")) as reader:
        log.insert_events([event(4), event(5, "wanted")])
        reader.wait_for([2, 5])


def test_two_see_everything_each(log: EventLog) -> None:
    with Reader(log) as one, Reader(log) as other:
        for version in range(1, 2 * module.PAGE, 100):
            log.insert_events([event(version + index) for index in range(100)])
        everything = list(range(1, 2 * module.PAGE + 1))
        one.wait_for(everything)
        other.wait_for(everything)


def test_nothing_follows_a_stop(log: EventLog) -> None:
    log.insert_events([event(1), event(2)])
    with log.subscribe() as subscription:
        assert next(subscription).originator_version == 1
        subscription.stop()
        assert list(subscription) == []


def test_a_closed_store_ends_it(postgres_log: EventLog) -> None:
    with Reader(postgres_log) as reader:
        postgres_log.insert_events([event(1)])
        reader.wait_for([1])
        postgres_log.store.close()
        reader._thread.join(SECONDS_MAX)
        assert [type(error) for error in reader.errors] == [OperationalError]


def test_it_survives_the_end_of_all_its_connections(
    postgres_log: EventLog, postgres_dsn: str
) -> None:
    versions = iter(range(1, 10_000))
    with Reader(postgres_log) as reader:
        for _ in range(3):
            last = _insert(postgres_log, versions)
            reader.wait_for(list(range(1, last + 1)))
            with psycopg.connect(postgres_dsn, autocommit=True) as connection:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )
        last = _insert(postgres_log, versions)
        reader.wait_for(list(range(1, last + 1)))


def _insert(log: EventLog, versions: Iterator[int]) -> int:
    """Insert the next event, again and again until it is stored."""
    version = next(versions)
    unknown = False
    for _ in range(20):
        try:
            log.insert_events([event(version)])
        except OperationalError:
            unknown = True
            continue
        except IntegrityError:
            assert unknown  # it was stored before the connection broke
        return version
    raise AssertionError("the database did not come back")


def test_it_survives_a_crash_of_the_server(server: PostgresServer) -> None:
    """Nothing is missed or doubled while somebody appends and the server dies twice."""
    log = open_log(server.create_database())
    written = threading.Event()

    def write() -> int:
        versions = iter(range(1, 10_000))
        last = 0
        while not written.is_set():
            last = _insert(log, versions)
        return last

    with Reader(log) as reader, ThreadPoolExecutor() as pool:
        writer = pool.submit(write)
        for crash in range(1, 3):
            reader.wait_for(list(range(1, 50 * crash + 1)))
            server.kill()
            server.start()
        reader.wait_for(list(range(1, len(reader.versions) + 50)))
        written.set()
        reader.wait_for(list(range(1, writer.result(SECONDS_MAX) + 1)))
    assert reader.errors == []
    log.store.close()


def test_it_can_be_stopped_while_the_database_is_away(postgres_dsn: str) -> None:
    with CommitProxy(postgres_dsn) as proxy:
        log = open_log(proxy.dsn)
        with Reader(log) as reader:
            log.insert_events([event(1)])
            reader.wait_for([1])
            proxy.refuse()
            proxy.drop_all()
            time.sleep(0.5)  # until it asks in vain
            reader.stop()
        assert reader.errors == []
        log.store.close()


def test_it_outlasts_the_patience_of_the_pool(
    postgres_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    with CommitProxy(postgres_dsn) as proxy:
        log = open_log(proxy.dsn)
        with Reader(log) as reader:
            log.insert_events([event(1)])
            reader.wait_for([1])
            log.store._pool.timeout = 0.2
            proxy.refuse()
            proxy.drop_all()
            give_up_at = time.monotonic() + SECONDS_MAX
            while "is asked again" not in caplog.text and not reader.errors:
                assert time.monotonic() < give_up_at
                time.sleep(0.02)
            proxy.admit()
            log.store._pool.timeout = SECONDS_MAX
            log.insert_events([event(2)])
            reader.wait_for([1, 2])
        assert reader.errors == []
        log.store.close()


@pytest.mark.parametrize("killed", [False, True])
def test_a_hint_comes_before_the_next_question(
    postgres_log: EventLog, postgres_dsn: str, killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks once, and then only when it hears something."""
    monkeypatch.setattr(module, "POLL_S", 4 * SECONDS_MAX)
    inserted: list[int] = []

    def insert() -> None:
        inserted.append(len(inserted) + 1)
        postgres_log.insert_events([event(inserted[-1])])

    with Reader(postgres_log) as reader:
        reader.wait_for([1, 2], insert)
        if killed:
            _kill_listeners(postgres_dsn)
            seen = len(reader.versions)
            reader.wait_for(list(range(1, seen + 6)), insert)
        insert()  # wakes it up, so that it sees that it was stopped


def _kill_listeners(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        killed = connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and query like 'listen %'"
            " and pid <> pg_backend_pid()"
        ).fetchall()
    assert killed == [(True,)]


@pytest.mark.empty
def test_a_broken_log_is_told(store_url: str) -> None:
    """An error that does not pass is not waited out."""
    store: Store = open_store(store_url)
    with Reader(EventLog(store, store, RandomIds(store))) as reader:
        reader._thread.join(SECONDS_MAX)
        assert "paidflow_log" in str(reader.errors)
    store.close()
