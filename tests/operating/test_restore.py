"""A database that is restored with production settings sends nothing until it is adopted.

PostgreSQL's own programs dump it and restore it into another cluster; SQLite has its backup.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from paidflow import PaidFlow, Receipt, State
from paidflow.cli.app import app
from paidflow.errors import RestoredCopy
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.opening import open_store
from tests.cli import shop
from tests.flow.support import invoice_of, pay
from tests.postgres_programs import run_postgres_program
from tests.postgres_server import PostgresServer
from tests.wall import HeldNote, Note, create_tables


@pytest.fixture(scope="module")
def another_cluster() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
def url(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database of production, with its tables; the shop's settings name it."""
    monkeypatch.setenv("SHOP_URL", store_url)
    monkeypatch.setenv("SHOP_BANK", str(tmp_path / "shop.bank"))
    monkeypatch.setenv("PAIDFLOW_APP", "tests.cli.shop:open_flow")
    store = open_store(store_url)
    store.create()
    store.close()
    with shop.open_flow() as flow:
        create_tables(flow)
    return store_url


def back_up(url: str, folder: Path) -> None:
    if url.startswith("sqlite"):
        with (
            closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as source,
            closing(sqlite3.connect(folder / "backup.db")) as target,
        ):
            source.backup(target)
    else:
        target = folder / "backup.dump"
        run_postgres_program("pg_dump", "--format=custom", f"--file={target}", f"--dbname={url}")


def restore(url: str, folder: Path, server: PostgresServer) -> str:
    """Returns where the restored database is."""
    if url.startswith("sqlite"):
        return f"sqlite:///{folder / 'backup.db'}"
    target = server.create_database()
    backup = folder / "backup.dump"
    run_postgres_program("pg_restore", "--exit-on-error", f"--dbname={target}", str(backup))
    return target


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_restored_database_sends_nothing_until_it_is_adopted(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    bank = SandboxGateway(tmp_path / "shop.bank", sandbox=True)
    with shop.open_flow() as flow:
        kept = pay(flow, bank, flow.perform(Note(text="kept"), actor="ann"))
        waiting = flow.perform(HeldNote(text="waiting"), actor="ann")
        cancelled = flow.perform(Note(text="cancelled later"), actor="bob")
    back_up(url, tmp_path)
    with shop.open_flow() as flow:  # production goes on, and is lost then
        flow.cancel(cancelled.action_id, actor="bob")
        lost = flow.perform(Note(text="lost"), actor="bob")
        bank.pay(invoice_of(waiting))

    server = None if url.startswith("sqlite") else request.getfixturevalue("another_cluster")
    monkeypatch.setenv("SHOP_URL", restore(url, tmp_path, server))
    calls = len(bank.calls())
    with shop.open_flow() as flow:
        assert flow.home.is_copy
        assert flow.get(kept.action_id, actor="ann").state is State.PAID
        with pytest.raises(RestoredCopy):
            flow.sync("sandbox", invoice_of(waiting))
        with pytest.raises(RestoredCopy):
            flow.cancel(cancelled.action_id, actor="bob")
    for command in (("worker",), ("worker", "--once"), ("reconcile",)):
        refused = run(*command)
        assert refused.exit_code == 2
        assert "must be adopted" in refused.stderr
    assert run("doctor").exit_code == 2
    assert len(bank.calls()) == calls

    adopted = run("adopt", "--after-restore", "--yes")
    assert adopted.exit_code == 0, adopted.output
    assert "3 invoices looked at: 1 agrees, 2 differs" in adopted.stdout
    assert run("worker", "--once").exit_code == 0
    with shop.open_flow() as flow:
        assert not flow.home.is_copy
        assert _states(flow, kept, waiting, cancelled) == ["PAID", "PAID", "FAILED"]
        new = pay(flow, bank, flow.perform(Note(text="new"), actor="ann"))
        assert new.state is State.PAID
        # What came after the backup is not in it: its invoice belongs to no action any more.
        assert flow.sync("sandbox", invoice_of(lost)) is None


def _states(flow: PaidFlow, *receipts: Receipt) -> list[str]:
    found: list[str] = []
    for receipt in receipts:
        loaded = flow.steps.load(receipt.action_id)
        assert loaded is not None
        found.append(loaded.aggregate.state)
    return found


def test_a_restore_into_the_same_database(
    postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables are other ones then, even if everything else is as before."""
    monkeypatch.setenv("SHOP_URL", postgres_dsn)
    monkeypatch.setenv("SHOP_BANK", str(tmp_path / "shop.bank"))
    store = open_store(postgres_dsn)
    store.create()
    store.close()
    with shop.open_flow() as flow:
        create_tables(flow)
    back_up(postgres_dsn, tmp_path)
    backup = str(tmp_path / "backup.dump")
    run_postgres_program("pg_restore", "--clean", f"--dbname={postgres_dsn}", backup)
    with shop.open_flow() as flow:
        assert flow.home.is_copy
