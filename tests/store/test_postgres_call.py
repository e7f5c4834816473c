"""Hot statements are prepared in sessions of our own, and in no others."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from paidflow.store import postgres_call
from paidflow.store.contract import Transaction
from paidflow.store.postgres import PostgresStore
from paidflow.store.postgres_call import call

PREPARED = "select count(*) as total from pg_prepared_statements where name like 'paidflow_%'"


@pytest.fixture
def store(direct_dsn: str) -> Iterator[PostgresStore]:
    """A store with one session."""
    opened = PostgresStore(direct_dsn, connections_max=1)
    opened.create()
    yield opened
    opened.close()


def look(tx: Transaction) -> None:
    assert tx.query("select_action", action_id="nobody").fetchone() is None


def prepared(store: PostgresStore) -> int:
    with store.reading() as tx:
        row = tx.execute(PREPARED).fetchone()
    assert row is not None
    return row["total"]


def test_a_statement_is_prepared_once(store: PostgresStore) -> None:
    assert prepared(store) == 0
    for _ in range(3):
        with store.reading() as tx:
            look(tx)
    assert prepared(store) == 1


def test_a_session_that_has_forgotten(store: PostgresStore) -> None:
    """Whoever is in a transaction loses it, but only once."""
    with store.reading() as tx:
        look(tx)
    forgotten = pytest.raises(psycopg.errors.InvalidSqlStatementName)
    with forgotten, store.transaction("test") as tx:
        tx.execute("deallocate all")
        look(tx)
    with store.transaction("test") as tx:
        look(tx)
    assert prepared(store) == 1


def test_outside_of_a_transaction_nobody_notices(store: PostgresStore) -> None:
    with store.reading() as tx:
        look(tx)
    with store.transaction("test") as tx:
        tx.execute("discard plans; deallocate all")
    for _ in range(2):
        with store.reading() as tx:
            look(tx)
    assert prepared(store) == 1


def test_a_session_keeps_only_so_many(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_call, "PREPARED_MAX", 2)
    with store.transaction("test") as tx:
        for number in range(4):
            rows = call(tx.raw, f"select {number}::bigint as number, :text as text", ["gm"])
            assert rows.fetchall() == [{"number": number, "text": "gm"}]
    assert prepared(store) == 2


def test_behind_a_pooler_nothing_is_prepared(direct_dsn: str) -> None:
    store = PostgresStore(f"{direct_dsn} pgbouncer=true", connections_max=1)
    store.create()
    with store.reading() as tx:
        look(tx)
    assert prepared(store) == 0
    store.close()
