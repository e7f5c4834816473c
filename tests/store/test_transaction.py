"""The unit of work: one's own, somebody else's, and what a hook can do inside."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from paidflow import Context, PaidFlow, State, sats
from paidflow.errors import Conflict, InvalidConfiguration, TransactionOpen
from paidflow.flow.paid_flow import open_store
from tests.flow.support import snapshot
from tests.wall import Note

ROW = "insert into wall (id, text, undone) values (:id, :text, 0)"


@pytest.fixture
def foreign(flow: PaidFlow, store_url: str) -> Iterator[Any]:
    """A connection that the embedder has opened."""
    if store_url.startswith("sqlite"):
        connection: Any = sqlite3.connect(store_url.removeprefix("sqlite:///"))
    else:
        connection = psycopg.connect(store_url)
    yield connection
    connection.close()


def wall(flow: PaidFlow) -> list[str]:
    with flow.store.reading() as tx:
        rows = tx.execute("select text from wall order by text").fetchall()
    return [row["text"] for row in rows]


def write_and_raise(tx: Any, row_id: str, error: type[BaseException]) -> None:
    tx.execute(ROW, id=row_id, text="lost")
    raise error


def write_and_fail(tx: Any, row_id: str) -> None:
    tx.execute(ROW, id=row_id, text="lost")
    tx.execute("select * from no_such_table")


def test_what_is_written_is_committed(flow: PaidFlow) -> None:
    with flow.store.transaction("test") as tx:
        tx.execute(ROW, id="1", text="kept")
    assert wall(flow) == ["kept"]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_error_rolls_back(flow: PaidFlow, error: type[BaseException]) -> None:
    with pytest.raises(error), flow.store.transaction("test") as tx:
        write_and_raise(tx, "1", error)
    assert wall(flow) == []
    test_what_is_written_is_committed(flow)


def test_what_is_written_while_reading_is_lost(flow: PaidFlow) -> None:
    with flow.store.reading() as tx:
        tx.execute(ROW, id="1", text="lost")
    assert wall(flow) == []


def test_joined_commits_with_the_caller(flow: PaidFlow, foreign: Any) -> None:
    with flow.store.join(foreign) as tx:
        assert tx.raw is foreign
        tx.execute(ROW, id="1", text="kept")
    assert wall(flow) == []
    foreign.commit()
    assert wall(flow) == ["kept"]


def test_joined_rolls_back_with_the_caller(flow: PaidFlow, foreign: Any) -> None:
    with flow.store.join(foreign) as tx:
        tx.execute(ROW, id="1", text="lost")
    foreign.rollback()
    assert wall(flow) == []


def test_a_failure_inside_takes_back_only_what_was_inside(flow: PaidFlow, foreign: Any) -> None:
    foreign.execute("insert into wall (id, text, undone) values ('0', 'before', 0)")
    with pytest.raises(ZeroDivisionError), flow.store.join(foreign) as tx:
        write_and_raise(tx, "1", ZeroDivisionError)
    with pytest.raises((sqlite3.Error, psycopg.Error)), flow.store.join(foreign) as tx:
        write_and_fail(tx, "2")
    with flow.store.join(foreign) as tx:
        tx.execute(ROW, id="3", text="inside")
    foreign.commit()
    assert wall(flow) == ["before", "inside"]


def test_joined_twice(flow: PaidFlow, foreign: Any) -> None:
    with flow.store.join(foreign) as outer:
        outer.execute(ROW, id="1", text="outer")
        with pytest.raises(ZeroDivisionError), flow.store.join(foreign) as inner:
            write_and_raise(inner, "2", ZeroDivisionError)
    foreign.commit()
    assert wall(flow) == ["outer"]


def test_joined_without_a_transaction(flow: PaidFlow, store_url: str) -> None:
    """Each statement would be committed by itself, so it is refused."""
    if store_url.startswith("sqlite"):
        path = store_url.removeprefix("sqlite:///")
        connection: Any = sqlite3.connect(path, isolation_level=None)
    else:
        connection = psycopg.connect(store_url, autocommit=True)
    refusals = (InvalidConfiguration, psycopg.errors.NoActiveSqlTransaction)
    with pytest.raises(refusals), flow.store.join(connection) as tx:
        tx.execute(ROW, id="1", text="lost")
    assert wall(flow) == []
    connection.execute("begin")
    with flow.store.join(connection) as tx:
        tx.execute(ROW, id="1", text="kept")
    connection.execute("commit")
    assert wall(flow) == ["kept"]
    connection.close()


def test_joined_is_a_transaction_like_any_other(flow: PaidFlow, foreign: Any) -> None:
    with flow.store.join(foreign), pytest.raises(TransactionOpen):
        flow.balance("ann")
    assert flow.balance("ann") == sats(0)


def test_a_hook_finds_its_step_written(flow: PaidFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def perform(self: Note, ctx: Context) -> None:
        said.append("perform")
        row = ctx.tx.execute(
            """select s.state, s.version, a.balance,
                (select count(*) from paidflow_events where originator_id = :id) as events,
                (select count(*) from paidflow_claims where action_id = :id) as claims,
                (select count(*) from paidflow_payloads where action_id = :id) as payloads
            from paidflow_actions s, paidflow_accounts a where s.action_id = :id""",
            id=ctx.action_id,
        ).fetchone()
        assert row is not None
        assert dict(row) == {
            "state": "PAID",
            "version": 2,
            "balance": 15_000,
            "events": 2,
            "claims": 1,
            "payloads": 1,
        }

    flow.grant("ann", sats(25), key="g")
    monkeypatch.setattr(Note, "perform", perform)
    receipt = flow.perform(Note(text="gm", claim="one"), actor="ann")
    assert receipt.state is State.PAID
    assert said == ["perform"]


ODD_TEXTS = [
    "it's",
    "100%",
    "%s %(id)s %%",
    ":id",
    "a::text",
    "'; drop table wall; --",
    "ünïcödé 🌩",
    "",
]


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_parameters_are_values(flow: PaidFlow, text: str) -> None:
    with flow.store.transaction("test") as tx:
        tx.execute(ROW, id="1", text=text)
        found = tx.execute("select text from wall where text = :text", text=text).fetchone()
    assert found == {"text": text}


@pytest.mark.parametrize("text", ["a:b", ":id", "50%", "%s", "it''s :id at 5%", "::", ""])
def test_quoted_texts_are_left_alone(flow: PaidFlow, text: str) -> None:
    with flow.store.reading() as tx:
        row = tx.execute(f"select '{text}' as said, :id as id", id="1").fetchone()
    assert row == {"said": text.replace("''", "'"), "id": "1"}


def test_percent_signs_like_and_modulo(flow: PaidFlow) -> None:
    with flow.store.transaction("test") as tx:
        tx.execute(ROW, id="1", text="gm")
        sql = "select text, 7 % 4 as rest from wall where text like 'g%' and id = :id"
        assert tx.execute(sql, id="1").fetchone() == {"text": "gm", "rest": 3}
        assert tx.execute("select 7 % 4 as rest").fetchone() == {"rest": 3}


@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
def test_casts(flow: PaidFlow) -> None:
    with flow.store.reading() as tx:
        sql = "select :number::text || 'a:b'::text as said, '5'::int % 3 as rest"
        assert tx.execute(sql, number=7).fetchone() == {"said": "7a:b", "rest": 2}


def test_one_parameter_in_several_places_and_rowcount(flow: PaidFlow) -> None:
    with flow.store.transaction("test") as tx:
        tx.execute("insert into wall (id, text, undone) values (:id, :id, 0)", id="1")
        assert tx.execute("update wall set undone = 1 where text = :id", id="1").rowcount == 1
        assert tx.execute("update wall set undone = 1 where text = :id", id="2").rowcount == 0
        assert tx.execute("select * from wall where id = :id", id="2").fetchone() is None


def test_a_lost_race_writes_nothing(flow: PaidFlow) -> None:
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    flow.perform(prepared)
    before = snapshot(flow)
    with pytest.raises(Conflict):
        flow.perform(prepared)
    assert snapshot(flow) == before


@pytest.mark.empty
def test_create_twice_and_at_once(store_url: str) -> None:
    stores = [open_store(store_url) for _ in range(6)]
    with ThreadPoolExecutor(len(stores)) as pool:
        list(pool.map(lambda store: store.create(), stores))
    for store in stores:
        store.create()
        store.check()
        with store.reading() as tx:
            rows = tx.execute("select version from paidflow_schema order by version").fetchall()
        assert [row["version"] for row in rows] == [s.version for s in store.migrations.steps]
        store.close()
