"""What a connection to PostgreSQL is told, and what a store refuses to start with."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import psycopg
import pytest
from eventsourcing.application import Application
from psycopg.conninfo import conninfo_to_dict

from paidflow import PaidFlow
from paidflow.errors import InvalidConfiguration, MissingTables
from paidflow.store.postgres import PostgresStore
from paidflow.store.postgres_session import split_dsn
from paidflow.store.settings import DATABASE_FUNCTIONS

MODULE = "paidflow.store.persistence"


@pytest.mark.parametrize(
    ("dsn", "plain", "pooled"),
    [
        ("postgresql://h/d", "postgresql://h/d", False),
        ("postgresql://h/d?pgbouncer=true", "postgresql://h/d", True),
        ("postgresql://h/d?pgbouncer=false", "postgresql://h/d", False),
        ("postgresql://h/d?pgbouncer=true&port=1", "postgresql://h/d?port=1", True),
        ("postgresql://h/d?port=1&pgbouncer=true", "postgresql://h/d?port=1", True),
        ("postgresql://h/d?a=1&pgbouncer=true&b=2", "postgresql://h/d?a=1&b=2", True),
        ("dbname=d pgbouncer=true host=h", "dbname=d  host=h", True),
    ],
)
def test_the_url_can_name_a_pooler(dsn: str, plain: str, pooled: bool) -> None:
    assert split_dsn(dsn) == (plain, pooled)


def test_nobody_guesses_what_pgbouncer_maybe_is() -> None:
    with pytest.raises(InvalidConfiguration, match="true or false"):
        split_dsn("postgresql://h/d?pgbouncer=maybe")


@pytest.mark.parametrize("pooled", [False, True])
def test_a_session_that_others_use_too_is_left_as_it_is(direct_dsn: str, pooled: bool) -> None:
    name = conninfo_to_dict(direct_dsn)["dbname"]
    with psycopg.connect(direct_dsn) as connection:
        connection.execute(f"alter database \"{name}\" set timezone = 'America/Lima'")
    store = PostgresStore(f"{direct_dsn} pgbouncer=true" if pooled else direct_dsn)
    with store.transaction("append") as tx:
        for _ in range(10):
            tx.execute("select :number + 1", number=1)
        row = tx.execute(
            "select now() as now, current_setting('TimeZone') as zone,"
            " current_setting('idle_in_transaction_session_timeout') as idle,"
            " (select count(*) from pg_prepared_statements) as prepared"
        ).fetchone()
    store.close()
    assert row is not None
    assert row["now"].utcoffset() == UTC.utcoffset(None)
    found = (row["zone"], row["idle"], row["prepared"] > 0)
    assert found == (("America/Lima", "0", False) if pooled else ("UTC", "30s", True))


@pytest.mark.parametrize("value", ["y", "YES", "true", "1", "on", "perhaps"])
def test_functions_that_lose_events_are_refused(
    store_url: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {"PERSISTENCE_MODULE": MODULE, "PAIDFLOW_URL": store_url}
    for key in (DATABASE_FUNCTIONS, f"APPLICATION_{DATABASE_FUNCTIONS}"):
        with pytest.raises(InvalidConfiguration, match="lose events and tracking"):
            Application(env={**env, key: value})
    monkeypatch.setenv(DATABASE_FUNCTIONS, value)
    with pytest.raises(InvalidConfiguration, match="lose events and tracking"):
        Application(env=env)


@pytest.mark.parametrize("value", ["y", "1"])
def test_a_flow_refuses_them_too(
    postgres_dsn: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE_FUNCTIONS, value)
    with pytest.raises(InvalidConfiguration, match="unset it"):
        PaidFlow.open(postgres_dsn, actions=[], gateways={}, secret="sixteen bytes or more")


@pytest.mark.parametrize("value", ["", "n", "False", "0", "off"])
def test_switched_off_is_fine(store_url: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATABASE_FUNCTIONS, value)
    with Application(env={"PERSISTENCE_MODULE": MODULE, "PAIDFLOW_URL": store_url}) as app:
        assert app.recorder.max_notification_id() is None
        app.close()


def test_settings_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="PAIDFLOW_URL is not set"):
        Application(env={"PERSISTENCE_MODULE": MODULE})
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    env = {"PERSISTENCE_MODULE": MODULE, "PAIDFLOW_URL": url, "CREATE_TABLE": "no"}
    with pytest.raises(MissingTables):
        Application(env=env)


def test_a_recorder_of_another_module_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'log.db'}"
    topic = "eventsourcing.popo:POPOApplicationRecorder"
    env = {"PERSISTENCE_MODULE": MODULE, "PAIDFLOW_URL": url, "APPLICATION_RECORDER_TOPIC": topic}
    with pytest.raises(InvalidConfiguration, match="not a subclass of EventLog"):
        Application(env=env)
