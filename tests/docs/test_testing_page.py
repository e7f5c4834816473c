"""docs/testing.md names steps and verbs that exist, and each of its tests runs."""

from __future__ import annotations

import re
from pathlib import Path

from paidflow.testing import Harness, Scenario
from tests.docs.pages import page

PAGE = page("docs/testing.md")


def test_every_file_is_run() -> None:
    """`pytest` finds files by their names."""
    files = [block.file for block in PAGE.blocks("python")]
    assert len(files) == 4
    assert [file for file in files if not Path(str(file)).match("test_*.py")] == ["conftest.py"]
    assert [block.code for block in PAGE.blocks("sh")] == ["pytest\n"]


def test_every_step_that_is_named_exists() -> None:
    rows = [line.split("|")[1] for line in PAGE.text.splitlines() if line.startswith("| `")]
    steps = {name for row in rows for name in re.findall(r"`(\w+)\(", row)}
    assert len(steps) == 12
    assert [step for step in steps if not hasattr(Scenario, step)] == []
    verbs = {"pay", "pay_late", "expire", "hold", "tick", "work", "crash_at", "drop_next_answer"}
    assert [verb for verb in verbs if verb not in PAGE.text or not hasattr(Harness, verb)] == []
