"""What goes wrong is told in a sentence, with an exit code and without a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from paidflow import PaidFlow
from tests.cli.conftest import Run

PROGRAM = Path(sys.executable).with_name("paidflow")


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("shop", "must be MODULE:NAME"),
        (":flow", "must be MODULE:NAME"),
        ("no_such_module:flow", "cannot be loaded: ModuleNotFoundError"),
        ("tests.cli.shop:nothing", "cannot be loaded: AttributeError"),
        ("tests.cli.shop:broken", "cannot be loaded: KeyError: 'SHOP_SETTING'"),
        ("tests.cli.shop:not_a_flow", "is no PaidFlow"),
    ],
)
def test_an_application_that_is_none(run: Run, place: str, sentence: str) -> None:
    result = run("list", "--app", place, code=2)
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.empty
def test_tables_that_are_missing(run: Run) -> None:
    assert "run paidflow migrate" not in run("list", code=2).stdout
    assert "create them first (paidflow migrate" in run("list", code=2).stderr


def test_a_database_that_is_not_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "sqlite:////no/such/folder/flow.db")
    assert "The database refused or cannot be reached" in run("list", code=2).stderr


def test_an_unknown_command(run: Run) -> None:
    assert "No such command" in run("lsit", code=2).stderr


def test_no_application_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAIDFLOW_APP")
    assert "--app" in run("list", code=2).stderr


def test_the_installed_program(flow: PaidFlow, tmp_path: Path) -> None:
    """The entry point finds an application in the folder where it is started."""
    (tmp_path / "my_shop.py").write_text("from tests.cli.shop import open_flow\n")
    done = subprocess.run(
        [PROGRAM, "list", "--app", "my_shop:open_flow"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[:3] == ["id", "kind", "actor"]


def test_without_the_extra(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError('no typer', name='typer')\n")
    done = subprocess.run(
        [sys.executable, "-m", "paidflow.cli"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == ("The command line needs more libraries: pip install 'paidflow[cli]'\n")
