"""Readers of the log count while servers die, move and change their roles."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from paidflow.store.postgres import PostgresStore
from tests.gaps.crowd import Crowd
from tests.gaps.writers import Habits
from tests.postgres_server import PostgresServer, StandbyServer
from tests.waiting import wait_until

EVENTS = 10_000
ALL = Habits(savepoints=0.3, gives_up=0.1, elsewhere_first=0.3, prepares=0.1)
SEQUENCER = """
import sys
from paidflow.store.postgres import PostgresStore
store = PostgresStore(sys.argv[1])
while True:
    store.publish()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as started:
        yield started


@pytest.fixture
def crowd(server: PostgresServer) -> Iterator[Crowd]:
    opened = Crowd(server.create_database(), ALL, EVENTS)
    yield opened
    opened.close()


def append(connection: psycopg.Connection, stream: str) -> int:
    """Append one event; returns its position."""
    row = connection.execute(
        "insert into paidflow_events (originator_id, originator_version, topic, state, event_id,"
        " command_id, correlation_id, recorded_at)"
        " values (%s, 1, 't@1', '[]', 'e', 'c', 'c', now()) returning notification_id",
        [stream],
    ).fetchone()
    assert row
    return row[0]


def test_the_server_is_killed(server: PostgresServer, crowd: Crowd) -> None:
    def kill() -> None:
        for share in (0.3, 0.6):
            crowd.tally.wait_for(share)
            server.kill()
            server.start()

    crowd.run(kill)
    assert crowd.wrongs() == {}


def test_one_process_of_the_server_is_killed(server: PostgresServer, crowd: Crowd) -> None:
    """PostgreSQL throws all connections out and recovers, without a new start."""

    def kill() -> None:
        with psycopg.connect(crowd.url) as connection:
            started = connection.execute("select pg_postmaster_start_time()").fetchone()
        for share in (0.3, 0.6):
            crowd.tally.wait_for(share)
            with psycopg.connect(crowd.url) as connection:
                os.kill(connection.info.backend_pid, signal.SIGKILL)
                with pytest.raises(psycopg.OperationalError):
                    connection.execute("select 1")
        crowd.tally.wait_for(0.7)
        with psycopg.connect(crowd.url) as connection:
            assert connection.execute("select pg_postmaster_start_time()").fetchone() == started

    crowd.run(kill)
    assert crowd.wrongs() == {}


def test_a_restored_copy_goes_on(server: PostgresServer, crowd: Crowd) -> None:
    """In another cluster, which counts transactions from the beginning; the plan is a stale one."""
    crowd.run()
    file = str(server.data / "dump")
    with psycopg.connect(crowd.url) as left_behind, PostgresServer() as fresh:
        append(left_behind, "left behind")
        with psycopg.connect(crowd.url) as other:
            last = append(other, "other")
        assert crowd.store.publish() < last
        assert crowd.store.lag().waiting_since is not None
        server.run("pg_dump", f"--dbname={crowd.url}", "--format=custom", f"--file={file}")
        url = fresh.create_database()
        server.run("pg_restore", f"--dbname={url}", "--exit-on-error", file)
        crowd.move(url, EVENTS)
        crowd.run()
        assert crowd.wrongs() == {}
        assert crowd.position("tail") > last + EVENTS
        crowd.close()
        left_behind.rollback()


def test_a_standby_is_promoted() -> None:
    """In the middle, while everybody is at work; a prepared transaction moves with them."""
    with PostgresServer() as primary, StandbyServer(primary) as standby:
        url = _url_of_both(primary, standby)
        crowd = Crowd(url, ALL, EVENTS // 2)

        def promote() -> None:
            crowd.tally.wait_for(0.5)
            with psycopg.connect(url) as slow:
                position = append(slow, "slow")
                slow.execute("prepare transaction 'slow'")
            primary.kill()
            standby.promote()
            crowd.tally.wait_for(0.8)
            assert crowd.position("tail") < position
            with psycopg.connect(url, autocommit=True) as there:
                there.execute("commit prepared 'slow'")

        crowd.run(promote)
        assert crowd.wrongs() == {}
        assert "slow" in {line.event[0] for line in crowd.read["tail"]}
        crowd.close()


def _url_of_both(primary: PostgresServer, standby: PostgresServer) -> str:
    """A database of the primary, wherever the primary is."""
    first, second = (conninfo_to_dict(one.dsn()) for one in (primary, standby))
    return make_conninfo(
        primary.create_database(),
        host=f"{first['host']},{second['host']}",
        port=f"{first['port']},{second['port']}",
        target_session_attrs="read-write",
    )


def test_a_standby_can_be_read() -> None:
    with PostgresServer() as primary, StandbyServer(primary) as standby:
        dsn = primary.create_database()
        writing = PostgresStore(dsn)
        writing.create()
        with psycopg.connect(dsn) as connection:
            append(connection, "read")
        assert writing.publish() == 1
        with psycopg.connect(dsn) as connection:
            append(connection, "not published")
        reading = PostgresStore(standby.dsn(str(conninfo_to_dict(dsn)["dbname"])))
        wait_until(lambda: reading.publish() >= 1)
        with reading.reading() as tx:
            rows = tx.query("select_log", after=0, stop=9, limit=9).fetchall()
        assert [row["originator_id"] for row in rows] == ["read"]
        writing.close()
        reading.close()


def test_a_killed_sequencer_keeps_nobody_waiting(server: PostgresServer) -> None:
    dsn = server.create_database()
    store = PostgresStore(dsn)
    store.create()
    with psycopg.connect(dsn) as slow, psycopg.connect(dsn) as quick:
        first = append(slow, "slow")
        sequencer = subprocess.Popen([sys.executable, "-c", SEQUENCER, dsn])
        try:
            while store.lag().waiting_since is None:
                assert sequencer.poll() is None
        finally:
            sequencer.kill()
            sequencer.wait()
        second = append(quick, "quick")
        quick.commit()
        assert store.publish() < first
        slow.commit()
        # The server may still be working on the last step that the dead one has asked for.
        wait_until(lambda: store.publish() >= second)
    store.close()


@pytest.mark.parametrize("prepared_first", [True, False])
def test_a_prepared_transaction_is_waited_for_after_a_crash(
    server: PostgresServer, prepared_first: bool
) -> None:
    """Also if the plan was made before: the server gives it another virtual id."""
    dsn = server.create_database()
    store = PostgresStore(dsn)
    store.create()
    with closing(psycopg.connect(dsn)) as slow:
        position = append(slow, "slow")
        if prepared_first:
            slow.execute("prepare transaction 'slow'")
        assert store.publish() < position
        assert store.lag().waiting_since is not None
        if not prepared_first:
            slow.execute("prepare transaction 'slow'")
    server.kill()
    server.start()
    for _ in range(2):
        assert store.publish() < position
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("commit prepared 'slow'")
    assert store.publish() == position
    store.close()
