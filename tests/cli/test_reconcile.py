from __future__ import annotations

import pytest

from paidflow import PaidFlow, State, sats
from paidflow.payments.sandbox import SandboxGateway
from tests.cli import shop
from tests.cli.conftest import Run
from tests.flow.support import invoice_of, snapshot
from tests.payday import cash, earn
from tests.wall import HeldNote, Note


def test_reconcile(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    assert run("reconcile").stdout == "0 invoices looked at\n"
    receipt = flow.perform(Note(text="gm"), actor="ann")
    assert run("reconcile").stdout == "1 invoices looked at: 1 agrees\n"
    bank.pay(invoice_of(receipt))
    before = snapshot(flow)
    assert "1 invoices looked at: 1 differs" in run("reconcile", "--dry-run", code=1).stdout
    assert snapshot(flow) == before
    told = run("reconcile").stdout.splitlines()
    assert told[1].split() == [
        *(receipt.action_id, "1", "sandbox", receipt.invoice_id),
        *("open", "settled", "10", "sats", "mended"),
    ]
    assert told[2] == "1 invoices looked at: 1 mended"
    assert flow.get(receipt.action_id, actor="ann").state is State.PAID
    assert run("reconcile", "--days", "0").stdout.startswith("1 invoices")  # still owes after_paid
    run("worker", "--once")
    assert run("reconcile", "--days", "0").stdout == "0 invoices looked at\n"
    bank.forget(invoice_of(receipt))
    assert "notfound" in run("reconcile", code=1).stdout


def test_payments_to_others(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    earn(flow, bank, sats(30))
    bank.fate("stuck")
    receipt = flow.perform(cash(), actor="ann")
    assert run("reconcile").stdout.splitlines()[-1] == "1 payments to others looked at: 1 agrees"
    bank.finish_payment(receipt.payment_id or "")
    told = run("reconcile").stdout.splitlines()
    assert told[1].startswith(receipt.action_id)
    assert told[1].endswith("paidout 10 sats + 0 sats  mended")
    assert told[-1] == "1 payments to others looked at: 1 mended"
    bank.forget_payment(receipt.payment_id or "")
    assert "1 payments to others looked at: 1 differs" in run("reconcile", code=1).stdout


@pytest.fixture
def restored(flow: PaidFlow, bank: SandboxGateway) -> str:
    """The database is somewhere else than before, and a payment came meanwhile."""
    receipt = flow.perform(HeldNote(text="gm"), actor="ann")
    bank.pay(invoice_of(receipt))
    with flow.store.transaction("test") as tx:
        tx.query("upsert_home", place="where it was")
    return receipt.action_id


def test_adopt(run: Run, flow: PaidFlow, bank: SandboxGateway, restored: str) -> None:
    assert "must be adopted" in run("worker", "--once", code=2).stderr
    assert "must be adopted" in run("worker", code=2).stderr
    assert "must be adopted" in run("reconcile", code=2).stderr
    assert "Say --after-restore" in run("adopt", code=2).stderr
    bank.outage(True)
    told = run("adopt", "--after-restore", "--yes", code=1)
    assert "1 unanswered" in told.stdout
    assert "nothing is adopted" in told.stderr
    bank.outage(False)
    assert "Nothing is adopted" in run("adopt", "--after-restore", code=1, says="n\n").stderr
    with shop.open_flow() as still:
        assert still.home.is_copy
    told = run("adopt", "--after-restore", "--yes")
    assert "1 invoices looked at: 1 differs" in told.stdout
    assert "1 invoices looked at: 1 mended" in told.stdout
    assert "adopted" in told.stdout
    run("worker", "--once")
    assert flow.get(restored, actor="ann").state is State.PAID
    assert "nothing to adopt" in run("adopt", "--after-restore").stdout
