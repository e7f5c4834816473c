from __future__ import annotations

from paidflow import PaidFlow, State
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.machine import TABLE
from tests.cli.conftest import Run
from tests.flow.support import pay
from tests.wall import HeldNote, Note


def test_explain(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    receipt = flow.perform(HeldNote(text="gm"))
    flow.cancel(receipt.action_id, proof=receipt.proof)
    told = run("explain", receipt.action_id).stdout
    assert "of a logged-out person" in told
    assert "It failed: user_cancelled." in told
    assert "Nothing more is owed." in told


def test_explain_nothing(run: Run, flow: PaidFlow) -> None:
    assert "There is no such action" in run("explain", "nobody", code=2).stderr


def test_list(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    paid = flow.perform(Note(text="gm"), actor="ann")
    pay(flow, bank, paid)
    waiting = flow.perform(Note(text="gm"), actor="bob")
    assert len(run("list").stdout.splitlines()) == 3
    for options, wanted in (
        (("--state", "paid"), paid),
        (("--state", "PENDING"), waiting),
        (("--actor", "bob"), waiting),
        (("--kind", "note", "--actor", "ann"), paid),
    ):
        (_, line) = run("list", *options).stdout.splitlines()
        assert line.split()[:3] == [wanted.action_id, "note", "ann" if wanted is paid else "bob"]
        assert "10 sats" in line
    assert len(run("list", "--limit", "1").stdout.splitlines()) == 2
    assert len(run("list", "--kind", "held-note").stdout.splitlines()) == 1
    assert "there are PENDING, PENDING_HELD" in run("list", "--state", "LIMBO", code=2).stderr


def test_graph(run: Run) -> None:
    drawn = run("graph").stdout
    assert drawn.startswith("stateDiagram-v2\n")
    assert drawn.count(" --> ") == len(TABLE)
    assert f"HELD --> {State.CAPTURING}: request_capture" in drawn
