"""Which transactions the readers of the log wait for on PostgreSQL, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from paidflow.clock import SystemClock
from paidflow.ids import RandomIds
from paidflow.store.eventlog import EventLog
from paidflow.store.postgres import PostgresStore
from tests.postgres_server import Server

SECONDS_MAX = 60
REFUSED = (
    psycopg.IntegrityError,
    psycopg.errors.RaiseException,
    psycopg.errors.GeneratedAlways,
)
INSERT = """
    insert into paidflow_events (originator_id, originator_version, topic, state, event_id,
        command_id, correlation_id, recorded_at)
    select %(stream)s, version, 't@1', '', 'e', 'c', 'c', now()
    from generate_series(%(first)s::bigint, %(first)s::bigint + %(more)s::bigint) as version
"""


class Writer:
    """A connection of an application, which appends to streams of its own."""

    def __init__(self, dsn: str) -> None:
        self.connection = psycopg.connect(dsn)

    def append(self, stream: str, first: int = 1, more: int = 0) -> None:
        self.connection.execute(INSERT, {"stream": stream, "first": first, "more": more})

    def run(self, statement: Any) -> Any:
        cursor = self.connection.execute(statement)
        return cursor.fetchone() if cursor.description else None

    def commit(self) -> None:
        self.connection.commit()

    def rollback(self) -> None:
        self.connection.rollback()

    def close(self) -> None:
        self.connection.close()


@pytest.fixture
def store(postgres_dsn: str) -> Iterator[PostgresStore]:
    opened = PostgresStore(postgres_dsn)
    opened.create()
    yield opened
    opened.close()


@pytest.fixture
def log(store: PostgresStore) -> EventLog:
    clock = SystemClock()
    return EventLog(store, clock, RandomIds(clock))


@pytest.fixture
def writers(store: PostgresStore, postgres_dsn: str) -> Iterator[list[Writer]]:
    opened = [Writer(postgres_dsn) for _ in range(3)]
    yield opened
    for writer in opened:
        writer.close()


def streams(log: EventLog) -> list[str]:
    """What a reader reads, in order."""
    return [str(notification.originator_id) for notification in log.select_notifications(1, 1000)]


def test_who_has_appended_and_is_not_over_is_waited_for(
    store: PostgresStore, log: EventLog, writers: list[Writer]
) -> None:
    slow, quick, _ = writers
    slow.append("slow")
    quick.append("quick")
    quick.commit()
    assert store.lag().waiting_since is None  # nobody has looked yet
    assert store.publish() == 0
    assert streams(log) == []
    assert log.max_notification_id() is None
    assert store.lag().positions == 2
    assert store.lag().waiting_since is not None
    slow.commit()
    assert streams(log) == ["slow", "quick"]
    assert log.max_notification_id() == 2
    assert (store.lag().positions, store.lag().waiting_since) == (0, None)


def test_who_gives_up_leaves_a_gap(log: EventLog, writers: list[Writer]) -> None:
    slow, quick, _ = writers
    slow.append("slow", more=2)
    quick.append("quick")
    quick.commit()
    slow.rollback()
    assert [(found.id, found.originator_id) for found in log.select_notifications(1, 9)] == [
        (4, "quick")
    ]


def test_a_savepoint_that_was_released_is_waited_for(log: EventLog, writers: list[Writer]) -> None:
    slow, quick, _ = writers
    slow.run("savepoint one")
    slow.append("slow")
    slow.run("release savepoint one")
    quick.append("quick")
    quick.commit()
    assert streams(log) == []
    slow.run("savepoint two")
    slow.append("slow", 2)
    slow.run("rollback to savepoint two")
    assert streams(log) == []
    slow.commit()
    assert streams(log) == ["slow", "quick"]


def test_a_savepoint_that_was_rolled_back_is_not(log: EventLog, writers: list[Writer]) -> None:
    slow, quick, _ = writers
    slow.run("savepoint one")
    slow.append("slow")
    slow.run("rollback to savepoint one")
    quick.append("quick")
    quick.commit()
    assert streams(log) == ["quick"]
    slow.append("slow")
    slow.commit()
    assert streams(log) == ["quick", "slow"]


@pytest.mark.parametrize(("end", "then"), [("commit", ["slow", "quick"]), ("rollback", ["quick"])])
def test_a_prepared_transaction_is_waited_for(
    log: EventLog, writers: list[Writer], end: str, then: list[str]
) -> None:
    slow, quick, other = writers
    name = str(slow.run("select current_database()")[0])  # prepared names are of the whole server
    slow.append("slow")
    slow.run(sql.SQL("prepare transaction {}").format(name))
    slow.close()
    quick.append("quick")
    quick.commit()
    assert streams(log) == []
    other.connection.autocommit = True
    other.run(sql.SQL(f"{end} prepared {{}}").format(name))
    assert streams(log) == then


def test_a_transaction_may_be_prepared_while_it_is_waited_for(
    log: EventLog, writers: list[Writer]
) -> None:
    slow, _, other = writers
    name = str(slow.run("select current_database()")[0])
    slow.append("slow")
    assert streams(log) == []
    slow.run(sql.SQL("prepare transaction {}").format(name))
    slow.commit()
    assert streams(log) == []
    other.connection.autocommit = True
    other.run(sql.SQL("commit prepared {}").format(name))
    assert streams(log) == ["slow"]


def test_nobody_waits_for_foreign_transactions(
    postgres_server: Server,
    postgres_dsn: str,
    store: PostgresStore,
    log: EventLog,
    writers: list[Writer],
) -> None:
    """Not for one that writes elsewhere, one that reads the log, one in a copy of this database."""
    elsewhere, reading, quick = writers
    elsewhere.run("create table diary (line text)")
    elsewhere.commit()
    elsewhere.run("insert into diary values ('gm')")
    reading.run("set transaction isolation level repeatable read")
    reading.run("select count(*) from paidflow_events")
    quick.append("quick")
    quick.commit()
    assert streams(log) == ["quick"]
    assert store.lag().waiting_since is None
    for writer in writers:
        writer.close()
    store.close()

    copy = postgres_server.create_database(postgres_dsn)
    again = PostgresStore(postgres_dsn)
    with closing(Writer(copy)) as there, closing(Writer(postgres_dsn)) as here:
        there.append("there")
        here.append("here")
        here.commit()
        assert again.publish() == 2
    again.close()
    postgres_server.drop_database(copy)


def test_newcomers_are_not_waited_for(
    store: PostgresStore, log: EventLog, writers: list[Writer]
) -> None:
    """Else readers would wait for ever where somebody always appends."""
    first, second, third = writers
    first.append("first")
    assert store.publish() == 0
    second.append("second")
    assert store.publish() == 0
    first.commit()
    assert store.publish() == 1
    assert store.publish() == 1
    third.append("third")
    second.commit()
    assert store.publish() == 2
    third.commit()
    assert streams(log) == ["first", "second", "third"]


SLOW_LOOK = """
    alter function paidflow_appending rename to quick_look;
    create function paidflow_appending() returns text[] language plpgsql as $$
    declare
        found text[] := quick_look();
    begin
        perform pg_advisory_xact_lock(1);
        return found;
    end
    $$
"""
IS_LOOKING = """
    select 1 from pg_locks
    where locktype = 'advisory' and objid = 1 and not granted
        and database = (select oid from pg_database where datname = current_database())
"""


def test_who_appends_during_the_look_is_not_published(
    store: PostgresStore, writers: list[Writer]
) -> None:
    quick, slow, other = writers
    quick.append("quick")
    quick.run(SLOW_LOOK)
    quick.commit()
    quick.run("select pg_advisory_xact_lock(1)")
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(store.publish)
        while other.run(IS_LOOKING) is None:
            assert not asked.done()
            other.commit()
        slow.append("slow")
        quick.commit()
        assert asked.result(SECONDS_MAX) == 1


def test_another_process_goes_on_with_the_plan(
    postgres_dsn: str, store: PostgresStore, writers: list[Writer]
) -> None:
    slow, quick, _ = writers
    slow.append("slow")
    assert store.publish() == 0
    store.close()
    quick.append("quick")
    slow.commit()
    other = PostgresStore(postgres_dsn)
    assert other.publish() == 1
    other.close()


def test_who_appends_late_comes_after_what_it_read(log: EventLog, writers: list[Writer]) -> None:
    """Also if its transaction is the older one: it wrote to its own table first."""
    early, other, _ = writers
    other.run("create table diary (line text)")
    other.commit()
    early.run("insert into diary values ('gm')")
    other.append("cause")
    other.commit()
    assert early.run("select originator_id from paidflow_events") == ("cause",)
    early.append("effect")
    early.commit()
    assert streams(log) == ["cause", "effect"]


LOOK_AND_INSERT = """
    insert into paidflow_events (originator_id, originator_version, topic, state, event_id,
        command_id, correlation_id, recorded_at)
    select $1, version, 't@1', convert_to(seen::text, 'UTF8'), 'e', 'c', 'c', now()
    from (select paidflow_appending() as seen offset 0) seen, generate_series($2, $2 + 1) as version
"""
"""Two events, which say who held the lock just before they were given their positions."""
FORMS = {
    "prepared": (f"prepare form (text, bigint) as {LOOK_AND_INSERT}", "execute form('stream', {})"),
    "plpgsql": (
        "create function form(text, bigint) returns void language plpgsql as"
        f" $$ begin {LOOK_AND_INSERT}; end $$",
        "select form('stream', {})",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_insert_has_the_lock_before_its_position(writers: list[Writer], form: str) -> None:
    """However it is run, the tenth time as well: plans are kept."""
    writer, *_ = writers
    create, run = FORMS[form]
    writer.run("set plan_cache_mode = force_generic_plan")
    writer.run(create)
    writer.commit()
    for first in range(1, 20, 2):
        writer.run(run.format(first))
        me = writer.run("select virtualtransaction from pg_locks where pid = pg_backend_pid()")[0]
        query = "select convert_from(state, 'UTF8') from paidflow_events"
        rows = writer.connection.execute(f"{query} where originator_version >= {first}").fetchall()
        writer.commit()
        assert rows == [(f"{{{me}}}",)] * 2


def test_inserting_through_the_library_waits_for_who_was_first(
    log: EventLog, writers: list[Writer]
) -> None:
    slow, *_ = writers
    slow.append("slow")
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(log.insert_events, [StoredEvent("mine", 1, "t@1", b"")])
        while slow.run("select count(*) from paidflow_sequencer where candidate = 2") == (0,):
            assert not asked.done()
        assert streams(log) == []
        slow.commit()
        assert asked.result(SECONDS_MAX) == [2]
    assert streams(log) == ["slow", "mine"]


def test_what_was_published_is_on_disk(postgres_dsn: str, store: PostgresStore) -> None:
    """Also if the database is set to commit without waiting for the disk."""
    name = sql.Identifier(str(conninfo_to_dict(postgres_dsn)["dbname"]))
    with closing(Writer(postgres_dsn)) as owner:
        owner.run(sql.SQL("alter database {} set synchronous_commit = off").format(name))
        owner.commit()
    careless = PostgresStore(postgres_dsn)
    with closing(Writer(postgres_dsn)) as writer:
        writer.append("stream")
        writer.commit()
        (written,) = writer.run("select pg_current_wal_insert_lsn()")
        assert careless.publish() == 1
        assert writer.run(f"select pg_current_wal_flush_lsn() > '{written}'") == (True,)
    careless.close()


@pytest.mark.parametrize(
    "statement",
    [
        "update paidflow_sequencer set published = 4",
        "update paidflow_sequencer set candidate = 5",
        "update paidflow_sequencer set waiting_for = '{}'",
        "update paidflow_sequencer set candidate = 5, waiting_for = '{}', waiting_since = now()",
        "insert into paidflow_sequencer default values",
        "insert into paidflow_sequencer (is_only_row) values (false)",
        "delete from paidflow_sequencer",
        "truncate paidflow_sequencer",
        "insert into paidflow_events values (9, 'a', 1, 't', '', 'e', 'c', 'c', now())",
    ],
)
def test_the_database_refuses_what_would_break_the_order(
    store: PostgresStore, writers: list[Writer], statement: str
) -> None:
    writer, *_ = writers
    writer.append("stream", more=4)
    writer.commit()
    assert store.publish() == 5
    with pytest.raises(REFUSED):
        writer.run(statement)
    writer.rollback()
    assert store.publish() == 5


def test_positions_that_are_given_out_again_are_noticed(
    store: PostgresStore, writers: list[Writer]
) -> None:
    writer, *_ = writers
    writer.append("stream", more=4)
    writer.commit()
    assert store.publish() == 5
    writer.run("select setval('paidflow_events_notification_id_seq', 3)")
    writer.commit()
    with pytest.raises(psycopg.errors.RaiseException, match="published up to 5"):
        store.publish()
