from __future__ import annotations

from datetime import UTC, datetime, timedelta

from paidflow import PaidFlow, State, Worker, msats, sats
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.cli.conftest import Run
from tests.flow.support import expired, pay
from tests.payday import ADDRESS, cash, earn, open_payday
from tests.wall import CarefulNote, Note


def test_what_waits_for_a_person(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    assert run("attention").stdout == "nothing waits for a person\n"
    receipt = expired(flow, bank, CarefulNote(text="gm"))
    pay(flow, bank, receipt, late=True)
    _, line, *meanings = run("attention").stdout.splitlines()
    assert line.split()[:4] == [receipt.action_id, "careful-note", "FAILED", "late_payment"]
    assert line.endswith("accept, credit, refund, dismiss")
    assert "credit: put that money into the actor's purse" in meanings

    run("resolve", receipt.action_id, "credit", "--why", "too late")
    assert flow.balance("ann") == sats(10)
    assert run("attention").stdout == "nothing waits for a person\n"
    told = run("explain", receipt.action_id).stdout
    assert "resolution credit, operator eve, why too late" in told


def test_accept(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    receipt = expired(flow, bank, CarefulNote(text="gm"))
    pay(flow, bank, receipt, late=True)
    done = run("resolve", receipt.action_id, "accept", "--why", "kind", "--operator", "sam")
    assert done.stdout == f"{receipt.action_id} is PAID\n"
    assert flow.get(receipt.action_id, actor="ann").state is State.PAID


def test_what_does_not_fit(run: Run, flow: PaidFlow) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    why = ("--why", "no reason")
    assert "asks for nobody" in run("resolve", receipt.action_id, "accept", *why, code=2).stderr
    assert "is none of retry" in run("resolve", receipt.action_id, "explode", *why, code=2).stderr
    assert "no such action" in run("resolve", "nobody", "accept", *why, code=2).stderr
    assert "--why" in run("resolve", receipt.action_id, "accept", code=2).stderr


def test_what_a_payment_has_cost(
    run: Run, flow: PaidFlow, bank: SandboxGateway, store_url: str
) -> None:
    earn(flow, bank, sats(30))
    bank.fate("stuck")
    receipt = flow.perform(cash(), actor="ann")
    later = ManualClock(datetime.now(UTC) + timedelta(hours=2))
    with open_payday(store_url, bank, later) as tomorrow:
        Worker(tomorrow).run_once()
    decide = ("resolve", receipt.action_id, "outgoing_arrived", "--why", "the bank has written")
    assert "has not cost" in run(*decide, "--fee", "2 sats", code=2).stderr
    assert "is no amount" in run(*decide, "--fee", "free", code=2).stderr
    assert run(*decide, "--fee", "250 msats").stdout == f"{receipt.action_id} is PAID\n"
    assert flow.get(receipt.action_id, actor="ann").fee == msats(250)


def test_payments_that_are_on_their_way(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    assert run("payments").stdout == "no payment is in doubt\n"
    earn(flow, bank, sats(30))
    bank.fate("stuck")
    receipt = flow.perform(cash(), actor="ann")
    _, line = run("payments").stdout.splitlines()
    assert line.split()[:4] == [receipt.action_id, "cash", "ann", "sandbox"]
    assert receipt.payment_id in line
    assert ADDRESS not in line
