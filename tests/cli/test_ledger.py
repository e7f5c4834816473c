from __future__ import annotations

import pytest

from paidflow import PaidFlow, sats
from paidflow.cli import ledger
from paidflow.payments.sandbox import SandboxGateway
from tests.cli.conftest import Run
from tests.flow.support import invoice_of, pay
from tests.wall import Note


def test_audit(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    nothing = "0 balances, 0 actions and 0 clearing accounts looked at: no differences\n"
    assert run("audit").stdout == nothing
    flow.grant("ann", sats(25), key="k")
    flow.perform(Note(text="gm"), actor="ann")
    pay(flow, bank, flow.perform(Note(text="gm"), actor="bob"))
    fine = "1 balances, 2 actions and 1 clearing accounts looked at: no differences\n"
    assert run("audit").stdout == fine
    receipt = flow.perform(Note(text="gm"), actor="bob")
    bank.pay(invoice_of(receipt))
    told = run("audit", code=1).stdout.splitlines()
    assert told[0].split("  ")[0] == "what"
    words = ["what", "the", "gateway", "holds", "clearing:sandbox", "10", "sats", "20", "sats"]
    assert told[1].split() == words
    assert told[2].endswith("looked at: 1 difference")
    run("reconcile")
    assert "no differences" in run("audit").stdout


def test_an_audit_of_changed_tables(
    run: Run, flow: PaidFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ann", "bob", "cat"):
        flow.grant(name, sats(1), key="k")
        with flow.store.transaction("sweep") as tx:
            tx.sweep(f"purse:{name}", "BTC", flow.clock.now())
    with flow.store.transaction("corrupt") as tx:
        tx.execute("update paidflow_accounts set balance = balance + 1000")
    told = run("audit", code=1).stdout.splitlines()
    assert told[1].split() == ["balance", "and", "unswept", "purse:ann", "1", "sats", "2", "sats"]
    assert len(told) == 5
    assert told[-1].endswith("3 differences")
    monkeypatch.setattr(ledger, "SHOWN_MAX", 1)
    told = run("audit", code=1).stdout.splitlines()
    assert (len(told), told[-1].endswith("3 differences")) == (3, True)


def test_a_gateway_without_an_answer(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    pay(flow, bank, flow.perform(Note(text="gm"), actor="bob"))
    bank.outage(True)
    assert "no answer" in run("audit", code=1).stdout


def test_statement(run: Run, flow: PaidFlow) -> None:
    assert run("statement", "purse:ann").stdout.split() == (
        ["when", "(UTC)", "amount", "balance", "after", "from", "or", "to", "because", "of"]
    )
    for number in range(3):
        flow.grant("ann", sats(number + 1), key=str(number))
    told = run("statement", "purse:ann", "--limit", "2").stdout.splitlines()
    assert [line.split()[2:6] for line in told[1:3]] == [
        ["3", "sats", "6", "sats"],
        ["2", "sats", "3", "sats"],
    ]
    cursor = told[3].removeprefix("more: --before ")
    told = run("statement", "purse:ann", "--before", cursor).stdout.splitlines()
    assert [line.split()[2:7] for line in told[1:]] == [["1", "sats", "1", "sats", "issued"]]
    assert "is no cursor" in run("statement", "purse:ann", "--before", "x", code=2).stderr
    assert len(run("statement", "purse:ann", "--currency", "EUR").stdout.splitlines()) == 1
