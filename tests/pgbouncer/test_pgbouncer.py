"""What is different behind PgBouncer in transaction mode; `make test-pgbouncer` runs it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from paidflow import State, Worker
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.postgres import PostgresStore
from tests.pgbouncer_server import SESSIONS, PgBouncer
from tests.postgres_server import PostgresServer
from tests.store.test_subscription import Reader, event, open_log
from tests.wall import Note, effects, open_wall

pytestmark = pytest.mark.pgbouncer


@pytest.fixture
def through(direct_dsn: str, pgbouncer: PgBouncer) -> str:
    """The database of this test through PgBouncer."""
    return pgbouncer.dsn(direct_dsn)


@pytest.fixture
def bank(tmp_path: Path) -> SandboxGateway:
    return SandboxGateway(tmp_path / "bank.db", sandbox=True)


@pytest.fixture
def behind() -> Iterator[tuple[PostgresServer, PgBouncer]]:
    """A server that may be killed, and a PgBouncer in front of it."""
    with PostgresServer() as server, PgBouncer(server.dsn()) as bouncer:
        yield server, bouncer


def _sessions(dsn: str, sql: str) -> list[TupleRow]:
    """What all sessions behind PgBouncer answer."""
    clients = [psycopg.connect(dsn, prepare_threshold=None) for _ in range(SESSIONS)]
    try:
        return [row for client in clients for row in client.execute(sql).fetchall()]
    finally:
        for client in clients:
            client.close()


def test_nothing_is_left_in_the_sessions_of_others(through: str, bank: SandboxGateway) -> None:
    with open_wall(through, {"sandbox": bank}) as flow:
        receipts = [flow.perform(Note(text="gm"), actor="ann") for _ in range(20)]
        for receipt in receipts:
            bank.pay(receipt.invoice_id or "")
        assert Worker(flow).run_until_idle() >= 0
        assert {flow.get(r.action_id, actor="ann").state for r in receipts} == {State.PAID}
    pids = _sessions(through, "select pg_backend_pid()")
    assert len(set(pids)) == SESSIONS
    assert _sessions(through, "select name from pg_prepared_statements") == []
    assert _sessions(through, "select * from pg_listening_channels()") == []
    assert set(_sessions(through, "show idle_in_transaction_session_timeout")) == {("0",)}
    # The server is shared: databases of other tests have locks of their own.
    locks = (
        "select 1 from pg_locks join pg_database on pg_database.oid = pg_locks.database"
        " where locktype = 'advisory' and datname = current_database()"
    )
    assert _sessions(through, locks) == []


def test_moments_are_read_in_utc(through: str, direct_dsn: str) -> None:
    with psycopg.connect(direct_dsn) as connection:
        name = connection.info.dbname
        connection.execute(f"alter database \"{name}\" set timezone = 'America/Lima'")
    store = PostgresStore(through)
    with store.reading() as tx:
        row = tx.execute("select now() as now, current_setting('TimeZone') as zone").fetchone()
    assert row is not None
    assert row["zone"] == "America/Lima"
    assert row["now"].utcoffset() == UTC.utcoffset(None)
    assert store.now().utcoffset() == UTC.utcoffset(None)
    store.close()


def test_a_flow_and_a_subscription_survive_the_server(
    behind: tuple[PostgresServer, PgBouncer], bank: SandboxGateway
) -> None:
    server, bouncer = behind
    dsn = bouncer.dsn(server.create_database())
    log = open_log(dsn)
    with open_wall(dsn, {"sandbox": bank}) as flow, Reader(log) as reader:
        receipt = flow.perform(Note(text="gm"), actor="ann", idempotency_key="k")
        log.insert_events([event(7)])
        reader.wait_for([1, 2, 7])
        server.kill()
        server.start()
        bank.pay(receipt.invoice_id or "")
        _until_it_answers(lambda: flow.sync("sandbox", receipt.invoice_id or ""))
        assert flow.get(receipt.action_id, actor="ann").state is State.PAID
        assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
        reader.wait_for([1, 2, 7, 3, 4])
    log.store.close()


def _until_it_answers(call: object) -> None:
    for _ in range(50):
        try:
            call()  # type: ignore[operator]
        except psycopg.OperationalError:
            continue
        return
    raise AssertionError("the database did not come back")
