from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from paidflow.store.opening import open_store
from tests.cli import shop
from tests.cli.conftest import Run
from tests.fixtures.schema_dump import FOLDER
from tests.store.test_migrations import last_version, load_postgres, load_sqlite

pytestmark = pytest.mark.empty


@pytest.fixture
def old_url(store_url: str) -> str:
    """A database that the program of version 1 has filled."""
    if store_url.startswith("sqlite"):
        text = (FOLDER / "version_1.sqlite.sql").read_text(encoding="utf-8")
        load_sqlite(Path(store_url.removeprefix("sqlite:///")), text)
    else:
        load_postgres(store_url, (FOLDER / "version_1.postgres.sql").read_text(encoding="utf-8"))
    return store_url


def test_from_nothing(run: Run) -> None:
    assert "0001 expand\n0002 expand\n" in run("migrate", "--plan").stdout
    assert "version 0, needed" in run("migrate", "--status", code=1).stdout
    assert f"the tables have version {last_version()}" in run("migrate").stdout
    assert run("migrate", "--plan").stdout == "nothing to do\n"
    assert f"version {last_version()}, needed" in run("migrate", "--status").stdout
    shop.open_flow().close()


def test_from_version_1(run: Run, old_url: str) -> None:
    assert "run paidflow migrate" in run("list", code=2).stderr
    assert run("migrate", "--plan").stdout.startswith("0002 expand\n")
    assert "0002 expand: done\n" in run("migrate").stdout
    assert "done" not in run("migrate").stdout
    assert "held-line" in run("list").stdout


def test_what_is_printed_can_be_run_by_somebody_else(run: Run, store_url: str) -> None:
    text = run("migrate", "--sql").stdout
    if store_url.startswith("sqlite"):
        with closing(sqlite3.connect(store_url.removeprefix("sqlite:///"))) as connection:
            connection.executescript(text)
    else:
        load_postgres(store_url, text)
    assert run("migrate", "--plan").stdout == "nothing to do\n"
    assert run("migrate", "--sql").stdout.strip() == ""


def test_a_prefix(run: Run, store_url: str) -> None:
    run("migrate", "--prefix", "shop_")
    store = open_store(store_url, prefix="shop_")
    store.check()
    store.close()
    assert "version 0" in run("migrate", "--status", code=1).stdout
    assert "small letters" in run("migrate", "--prefix", "No!", code=2).stderr


def test_a_role_gets_its_rights(run: Run, store_url: str) -> None:
    if store_url.startswith("sqlite"):
        assert "no such function" in run("migrate", "--grant", "ann", code=2).stderr
        return
    run("migrate")
    with psycopg.connect(store_url, autocommit=True) as owner:
        owner.execute("create role paidflow_cli_app")
        try:
            printed = run("migrate", "--sql", "--grant", "paidflow_cli_app").stdout
            assert printed.strip() == "select paidflow_grant('paidflow_cli_app');"
            run("migrate", "--grant", "paidflow_cli_app")
            allowed = "select has_table_privilege('paidflow_cli_app', 'paidflow_home', 'update')"
            assert owner.execute(allowed).fetchone() == (True,)
        finally:
            owner.execute("drop owned by paidflow_cli_app")
            owner.execute("drop role paidflow_cli_app")


def test_a_url_that_is_none(run: Run) -> None:
    assert "must begin with sqlite" in run("migrate", "--url", "mysql://x", code=2).stderr
