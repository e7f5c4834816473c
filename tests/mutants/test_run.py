"""The runner tells which mutants are caught, and which are not, or cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import run

TESTS = """
from adder import add

def test_two():
    assert add(2, 2) == 4

def test_red():
    assert add(2, 2) == 5
"""


def patch(red: str, old: str, new: str) -> str:
    return (
        f"# what: it is wrong\n# red: tests/test_adder.py::{red}\n--- a/src/adder.py\n"
        f"+++ b/src/adder.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    {old}\n+    {new}\n"
    )


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one function, and its mutants."""
    files = {
        "src/adder.py": "def add(a, b):\n    return a + b\n",
        "tests/test_adder.py": TESTS,
        "1-caught.patch": patch("test_two", "return a + b", "return a - b"),
        "2-survives.patch": patch("test_two", "return a + b", "return a * b"),
        "3-stale.patch": patch("test_two", "return sum(a, b)", "return a - b"),
        "4-red.patch": patch("test_red", "return a + b", "return a - b"),
        "5-silent.patch": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "PATCHES", tmp_path)
    return tmp_path


def test_caught(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["1"]) == 0
    told = capsys.readouterr().out
    assert "caught   1-caught: it is wrong (" in told
    assert "1 of 1 mutants caught in " in told


def test_survived_stale_and_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["2", "3", "5"]) == 1
    told = capsys.readouterr().out
    assert "SURVIVED 2-survives: it is wrong" in told
    assert "UNUSABLE 3-stale: does not apply: error: patch failed: src/adder.py" in told
    assert "UNUSABLE 5-silent: needs the lines" in told
    assert "0 of 3 mutants caught" in told


def test_only_stale_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["3"]) == 1
    assert "0 of 1 mutants caught" in capsys.readouterr().out


def test_a_test_that_is_red_anyway(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["4"]) == 1
    assert "must be green without any mutant" in capsys.readouterr().out


def test_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "TIMEOUT_S", 0)
    (mutant,) = run.usable([run.PATCHES / "1-caught.patch"])
    caught, told = run.judge(mutant)
    assert not caught
    assert told.startswith("TOO SLOW 1-caught")


def test_an_unknown_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["1", "99"]) == 1
    assert capsys.readouterr().out == "there is no mutant 99\n"
