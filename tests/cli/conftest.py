from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from paidflow import PaidFlow
from paidflow.cli.app import app
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.opening import open_store
from tests.cli import shop
from tests.wall import create_tables

Run = Callable[..., Result]


@pytest.fixture
def run(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line in this process, with the shop as its application."""
    monkeypatch.setenv("SHOP_URL", store_url)
    monkeypatch.setenv("SHOP_BANK", str(tmp_path / "shop.bank"))
    monkeypatch.setenv("PAIDFLOW_URL", store_url)
    monkeypatch.setenv("PAIDFLOW_APP", "tests.cli.shop:open_flow")
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("USER", "eve")
    runner = CliRunner()

    def run(*arguments: str, code: int = 0, says: str = "") -> Result:
        result = runner.invoke(app, list(arguments), input=says)
        assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


@pytest.fixture
def flow(run: Run, store_url: str) -> Iterator[PaidFlow]:
    """The shop's flow, on tables that are there."""
    store = open_store(store_url)
    store.create()
    store.close()
    with shop.open_flow() as opened:
        create_tables(opened)
        yield opened


@pytest.fixture
def bank(run: Run) -> SandboxGateway:
    """The shop's bank."""
    return shop.open_bank()
