"""The PostgreSQL server dies and comes back while a flow is used: the same objects go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psycopg
import pytest

from paidflow import PaidFlow, State, Worker
from paidflow.errors import CommitUnknown
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.postgres import PostgresStore
from tests.postgres_server import PostgresServer
from tests.waiting import LONG_S, wait_until
from tests.wall import Note, effects, open_wall

CALLERS = 4
REQUESTS = 40


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as started:
        yield started


@pytest.fixture
def bank(tmp_path: Path) -> SandboxGateway:
    return SandboxGateway(tmp_path / "bank.db", sandbox=True)


@pytest.fixture
def living(server: PostgresServer, bank: SandboxGateway) -> Iterator[PaidFlow]:
    """A flow by the database's own clock."""
    flow = open_wall(server.create_database(), {"sandbox": bank})
    yield flow
    flow.close()


def test_a_flow_goes_on_after_a_crash_of_the_database(
    server: PostgresServer, living: PaidFlow, bank: SandboxGateway
) -> None:
    receipt = living.perform(Note(text="before"), actor="ann", idempotency_key="k")
    server.kill()
    server.start()
    again = living.perform(Note(text="before"), actor="ann", idempotency_key="k")
    assert again == receipt.model_copy(update={"changed": again.changed})
    bank.pay(receipt.invoice_id or "")
    paid = living.sync("sandbox", receipt.invoice_id or "")
    assert paid is not None
    assert paid.state is State.PAID


def test_a_request_waits_until_the_database_is_back(
    server: PostgresServer, living: PaidFlow
) -> None:
    server.kill()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(living.perform, Note(text="patient"), actor="ann")
        time.sleep(0.5)
        assert not asked.done()
        server.start()
        assert asked.result(LONG_S).state is State.PENDING


def test_a_worker_survives_the_crash(
    server: PostgresServer, living: PaidFlow, bank: SandboxGateway
) -> None:
    worker = Worker(living, poll_s=0.02)
    thread = threading.Thread(target=worker.run_forever)
    thread.start()
    try:
        for crashes in range(2):
            receipt = living.perform(Note(text=f"after {crashes} crashes"), actor="ann")
            living.store._pool.timeout = 0.2  # so that the worker gets to see the error
            server.kill()
            bank.pay(receipt.invoice_id or "")
            time.sleep(1)
            assert thread.is_alive()
            server.start()
            living.store._pool.timeout = LONG_S
            wait_until(partial(_is_paid, living, receipt.action_id))
            assert effects(living, receipt.action_id) == {"perform": 1, "on_paid": 1}
    finally:
        worker.stop()
        thread.join(LONG_S)
    assert not thread.is_alive()


def test_no_request_is_lost_or_doubled_by_a_crash(server: PostgresServer, living: PaidFlow) -> None:
    """Callers who saw an error ask again, same key; those who saw none got what is there."""
    started = threading.Event()

    def call(caller: int) -> list[tuple[str, str]]:
        seen: list[tuple[str, str]] = []
        for number in range(REQUESTS):
            key, note = f"{caller}-{number}", Note(text="gm", price_sats=0)
            for _ in range(20):
                try:
                    receipt = living.perform(note, actor="ann", idempotency_key=key)
                except (CommitUnknown, psycopg.OperationalError):
                    continue
                seen.append((key, receipt.action_id))
                break
            if number == REQUESTS // 4:
                started.set()
        return seen

    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(call, caller) for caller in range(CALLERS)]
        assert started.wait(LONG_S)
        server.kill()
        server.start()
        seen = [told for asked in calls for told in asked.result(LONG_S)]
    assert len({key for key, _ in seen}) == CALLERS * REQUESTS
    with living.store.reading() as tx:
        stored = {
            row["action_id"]
            for row in tx.execute("select action_id from paidflow_actions").fetchall()
        }
    assert stored == {action_id for _, action_id in seen}


def _is_paid(flow: PaidFlow, action_id: str) -> bool:
    return flow.get(action_id, actor="ann").state is State.PAID


def test_a_frozen_transaction_ends_by_itself(server: PostgresServer) -> None:
    """Unless the database has a limit of its own, a connection of ours has one."""
    store = PostgresStore(server.create_database(), connections_max=1)
    with store.reading() as tx:
        row = tx.execute("show idle_in_transaction_session_timeout").fetchone()
    store.close()
    assert row == {"idle_in_transaction_session_timeout": "30s"}
