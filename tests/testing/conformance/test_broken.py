"""The checks can fail: each broken adapter fails those that name what is broken, and no others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testing.conformance.broken import BROKEN
from tests.testing.conformance.http_bank import HttpBank

ROOT = Path(__file__).parents[3]
SUITE = Path(__file__).with_name("broken_suite.py")


@pytest.mark.parametrize("name", BROKEN)
def test_it_fails_what_it_has_to(name: str, tmp_path: Path) -> None:
    """Who is broken on the network is tried there only, and all others everywhere else."""
    outcomes = _outcomes(name, tmp_path / "report.json")
    expected, perhaps = BROKEN[name].fails, BROKEN[name].may_fail
    failed = {
        check if check in expected else check.partition("[")[0]
        for check, outcome in outcomes.items()
        if outcome == "failed"
    }
    assert failed - perhaps == expected
    assert list(outcomes.values()).count("passed") > 80


def _outcomes(name: str, report: Path) -> dict[str, str]:
    where = "_when" if issubclass(BROKEN[name].adapter, HttpBank) else "not _when"
    options = ["-q", "-p", "no:cacheprovider", "--tb=no", f"--conformance-report={report}"]
    command = [sys.executable, "-m", "pytest", *options, "-k", where, f"{SUITE}::Test{name}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    return json.loads(report.read_text(encoding="utf-8"))[name]
