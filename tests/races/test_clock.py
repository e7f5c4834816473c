"""The database's clock is asked while every connection of the pool is busy."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from paidflow import PaidFlow, Receipt
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store import postgres
from paidflow.store.postgres import PostgresStore
from tests.races.arena import together
from tests.wall import NOTES, SECRET, Note, create_tables

THREADS = 12
IMPATIENCE_S = 20.0


@pytest.fixture
def narrow(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PaidFlow]:
    """A flow with far fewer connections than threads, whose clock is always out of date."""
    monkeypatch.setattr(postgres, "CLOCK_SAMPLE_S", 0.0)
    store: Any = PostgresStore(postgres_dsn, connections_max=3)
    store._pool.timeout = IMPATIENCE_S
    store.create()
    bank = SandboxGateway(":memory:", sandbox=True)
    flow = PaidFlow(store, actions=NOTES, gateways={"sandbox": bank}, secret=SECRET)
    create_tables(flow)
    yield flow
    flow.close()


def test_nobody_waits_for_the_time_inside_a_transaction(narrow: PaidFlow) -> None:
    for _ in range(3):
        with ThreadPoolExecutor(THREADS) as pool:
            perform = [lambda: narrow.perform(Note(text="gm"), actor="ann")] * THREADS
            results = together(pool, perform)
        assert all(isinstance(result, Receipt) for result in results), results
