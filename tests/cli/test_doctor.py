from __future__ import annotations

import json

import pytest

from paidflow import PaidFlow
from paidflow.payments.sandbox import SandboxGateway
from tests.cli.conftest import Run
from tests.flow.support import expired, pay
from tests.wall import CarefulNote


def test_a_warning(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    told = run("doctor", code=1).stdout
    assert "warning   gateways: sandbox is a sandbox: it moves no real money" in told
    assert "good      attention: nothing waits for a person" in told
    pay(flow, bank, expired(flow, bank, CarefulNote(text="gm")), late=True)
    assert "warning   attention: 1 actions wait for a person" in run("doctor", code=1).stdout


def test_all_is_well(run: Run, flow: PaidFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paidflow.operating.health.SandboxGateway", int)  # what a bank is not
    found = json.loads(run("doctor", "--json").stdout)
    assert found["level"] == "good"
    assert {one["level"] for one in found["findings"]} == {"good"}


def test_what_is_critical(run: Run, flow: PaidFlow) -> None:
    with flow.store.transaction("test") as tx:
        tx.query("upsert_home", place="somewhere else")
    assert "critical  home: this database is a copy" in run("doctor", code=2).stdout


def test_another_account_is_critical(run: Run, flow: PaidFlow) -> None:
    with flow.store.transaction("test") as tx:
        tx.execute("update paidflow_identity set account = 'live'")
    assert "belongs to another gateway account" in run("doctor", code=2).stderr
