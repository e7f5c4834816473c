from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from tests.postgres_server import PostgresServer, Server

RUN_WITHOUT_STOP = """
import signal
import time
from tests.postgres_server import PostgresServer
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a shell
server = PostgresServer()
server.start()
print(server.pid, server.folder, server.data, flush=True)
time.sleep({seconds})
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


def query(dsn: str, statement: LiteralString) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(statement).fetchone()
    assert row
    return row[0]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_shared_server_is_recent_enough(postgres_server: Server) -> None:
    assert int(str(query(postgres_server.dsn(), "show server_version_num"))) >= 140_000


@pytest.mark.empty
def test_each_test_gets_an_empty_database(postgres_server: Server, postgres_dsn: str) -> None:
    mine = query(postgres_dsn, "select current_database()")
    other = postgres_server.create_database()
    try:
        assert query(other, "select current_database()") != mine
        tables = "select count(*) from pg_tables where schemaname = 'public'"
        assert query(postgres_dsn, tables) == 0
    finally:
        postgres_server.drop_database(other)


def test_drop_takes_the_database_away_from_its_users(postgres_server: Server) -> None:
    dsn = postgres_server.create_database()
    with closing(psycopg.connect(dsn)):
        postgres_server.drop_database(dsn)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(dsn)


def test_root_runs_it_as_nobody(server: PostgresServer) -> None:
    expected = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    assert (server.data / "postmaster.pid").stat().st_uid == expected


@pytest.mark.parametrize("fsync", [False, True])
def test_settings(fsync: bool) -> None:
    with PostgresServer(fsync=fsync, max_connections=33, settings=["work_mem=5MB"]) as server:
        dsn = server.dsn()
        assert query(dsn, "show fsync") == ("on" if fsync else "off")
        assert query(dsn, "show synchronous_commit") == "on"
        assert query(dsn, "show max_connections") == "33"
        assert query(dsn, "show max_prepared_transactions") == "10"
        assert query(dsn, "show work_mem") == "5MB"


def test_committed_data_survives_a_crash_and_uncommitted_does_not(server: PostgresServer) -> None:
    dsn = server.create_database()
    with psycopg.connect(dsn) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (1)")
    with closing(psycopg.connect(dsn)) as unfinished:
        unfinished.execute("insert into kept values (2)")
        crashed = server.pid
        server.kill()
        assert not is_running(crashed)
        with pytest.raises(psycopg.OperationalError):
            unfinished.execute("select 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn)
    server.start()
    assert query(dsn, "select array_agg(n) from kept") == [1]


def test_crash_ends_a_backend_that_is_busy(server: PostgresServer) -> None:
    with closing(psycopg.connect(server.dsn())) as sleeper:
        sleeper.pgconn.send_query(b"select pg_sleep(600)")
        server.kill()
    server.start()
    assert query(server.dsn(), "select count(*) from pg_stat_activity where query ~ '600'") == 1


def test_stop_leaves_no_process_and_no_folder() -> None:
    server = PostgresServer()
    with server:
        pid, folder, data = server.pid, server.folder, server.data
        # Stopping does not wait for clients to leave.
        client = psycopg.connect(server.dsn())
    client.close()
    assert not is_running(pid)
    assert not folder.exists()
    assert not data.exists()
    server.stop()


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_run_that_never_stops_its_server_leaves_nothing(interrupted: bool) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", RUN_WITHOUT_STOP.format(seconds=600 if interrupted else 0)],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stdout
    pid, *folders = run.stdout.readline().split()
    if interrupted:
        assert is_running(int(pid))
        run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    assert not is_running(int(pid))
    assert not any(Path(folder).exists() for folder in folders)


def test_a_forked_child_does_not_stop_the_server(server: PostgresServer) -> None:
    child = os.fork()
    if child == 0:
        server.stop()
        os._exit(0)
    os.waitpid(child, 0)
    assert query(server.dsn(), "select 1") == 1


def test_a_taken_port_is_left_to_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as owner, socket.socket() as probe:
        for sock in (owner, probe):
            sock.bind(("127.0.0.1", 0))
        owner.listen()
        taken, free = (sock.getsockname()[1] for sock in (owner, probe))
        probe.close()
        ports = iter([taken, free])
        monkeypatch.setattr("tests.postgres_server.free_port", lambda: next(ports))
        with PostgresServer() as server:
            assert query(server.dsn(), "show port") == str(free)


def test_failing_to_start_says_why_and_leaves_nothing() -> None:
    server = PostgresServer(settings=["no_such_setting=1"])
    with pytest.raises(RuntimeError, match="no_such_setting"):
        server.start()
    with pytest.raises(AssertionError, match="never started, or is stopped"):
        _ = server.folder
