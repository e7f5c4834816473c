"""docs/conformance.md says what the checks demand, and what came of those that there are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from paidflow.testing.conformance.table import BEGIN, END, read, tables
from tests.docs.pages import ROOT, page

REPORTS = sorted((ROOT / "docs" / "conformance").glob("*.json"))
SANDBOX = "tests/testing/conformance/test_sandbox_conformance.py"


def test_the_tables_are_those_of_the_reports() -> None:
    """`make conformance` renews them."""
    shown = page("docs/conformance.md").text.split(BEGIN)[1].split(END)[0].strip()
    assert shown == tables(read(REPORTS))


def test_no_gateway_fails() -> None:
    ended = {"passed", "not supported", "cannot be arranged"}
    for gateway, checks in read(REPORTS).items():
        other = {name for name, outcome in checks.items() if outcome.split(": ")[0] not in ended}
        assert other == set(), gateway


def test_the_reports_are_about_the_checks_that_there_are() -> None:
    """What a gateway's report lacks, because it is older than a check, shows as "not run"."""
    options = ["-q", "--collect-only", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, SANDBOX]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    ids = [line.split("::") for line in listed.splitlines() if line.startswith(SANDBOX)]
    (sandbox,) = {frozenset(checks) for checks in json.loads(_sandbox().read_text()).values()}
    assert {check for _, group, check in ids if group == "TestSandbox"} == sandbox
    known = {check.partition("[")[0] for check in sandbox}
    for gateway, checks in read(REPORTS).items():
        assert {check.partition("[")[0] for check in checks} <= known, gateway


def test_there_are_enough_of_them() -> None:
    for checks in json.loads(_sandbox().read_text()).values():
        assert list(checks.values()).count("passed") >= 200


def _sandbox() -> Path:
    return ROOT / "docs" / "conformance" / "sandbox.json"
