from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """No database is needed here."""
    return f"sqlite:///{tmp_path / 'none.db'}"


@pytest.mark.parametrize("what", ["action", "view", "gateway"])
def test_what_it_writes_passes_its_test(run: Run, what: str, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    told = run("new", what, "paid_thing", "--folder", str(folder)).stdout
    assert told.splitlines()[:2] == [
        f"wrote {folder / 'paid_thing.py'}",
        f"wrote {folder / 'test_paid_thing.py'}",
    ]
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_paid_thing.py"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert tested.returncode == 0, tested.stdout
    assert " passed" in tested.stdout
    assert "skipped" not in tested.stdout or what == "gateway"
    ruff = Path(sys.executable).with_name("ruff")
    settings = Path(__file__).parents[2] / "pyproject.toml"
    for words in (["check"], ["format", "--check"]):
        checked = [ruff, *words, "--config", str(settings), str(folder)]
        result = subprocess.run(checked, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout


def test_a_new_gateway_passes_the_checks(run: Run, tmp_path: Path) -> None:
    """What it does not do is refused, and what its world cannot do is said."""
    told = run("new", "gateway", "bank_card", "--folder", str(tmp_path)).stdout
    assert f"wrote {tmp_path / 'bank_card.md'}" in told
    assert (tmp_path / "bank_card.md").read_text().startswith("# Payments by bank-card\n")
    options = ["-q", "-p", "no:cacheprovider", "--conformance-report=bank_card.json"]
    command = [sys.executable, "-m", "pytest", *options, "test_bank_card.py"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    (checks,) = json.loads((tmp_path / "bank_card.json").read_text()).values()
    found = Counter(outcome.partition(": ")[0] for outcome in checks.values())
    assert found.keys() == {"passed", "not supported", "cannot be arranged"}
    assert found["passed"] >= 60
    assert checks["test_hold_locks_the_amount"] == "not supported: hold"
    assert checks["test_late_money_shows[expired]"] == "cannot be arranged: late money"


def test_nothing_is_overwritten(run: Run, tmp_path: Path) -> None:
    mine = tmp_path / "test_shout.py"
    mine.write_text("mine")
    told = run("new", "action", "shout", "--folder", str(tmp_path), code=2).stderr
    assert "is there already" in told
    assert mine.read_text() == "mine"
    assert not (tmp_path / "shout.py").exists()


@pytest.mark.parametrize("name", ["Shout", "a-b", "1a", "../x", "a" * 41])
def test_names_that_are_none(run: Run, name: str, tmp_path: Path) -> None:
    told = run("new", "action", name, "--folder", str(tmp_path), code=2).stderr
    assert "must be small letters" in told
    assert list(tmp_path.glob("*.py")) == []


def test_a_folder_that_is_none(run: Run, tmp_path: Path) -> None:
    assert "no folder" in run("new", "view", "x", "--folder", str(tmp_path / "no"), code=2).stderr
