"""The commands of manage.py."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from paidflow import Folding, PaidFlow, State
from paidflow.errors import RestoredCopy
from paidflow.outgoing.deliveries import Deliveries
from paidflow.outgoing.message import Message
from paidflow.outgoing.subscriber import Callback
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.events import Paid
from paidflow.testing import ManualClock
from tests.flow.support import again, invoice_of
from tests.views.support import Journal, paid_notes
from tests.wall import Note

Configure = Callable[..., PaidFlow]
TOLD: list[Message] = []


def run(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def make_bell() -> Callback:
    return Callback("bell", TOLD.append, events=(Paid,))


def test_work_folds_and_tells_others(configure: Configure, sandbox: SandboxGateway) -> None:
    TOLD.clear()
    flow = configure(PROJECTIONS=[Journal], SUBSCRIBERS=[make_bell])
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    run("paidflow_work", "--once")
    assert again(flow, receipt).state is State.PAID
    assert [message.action_id for message in TOLD] == [receipt.action_id]
    (lag,) = Folding(flow, []).lag()
    assert (lag.name, lag.state, lag.positions) == ("journal", "live", 0)


def test_work_ends_when_what_it_delivers_with_breaks(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is only half alive would not be started again."""
    configure()

    def break_down(*unused: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Deliveries, "run", break_down)
    with pytest.raises(ZeroDivisionError):
        run("paidflow_work")


def test_rebuild(configure: Configure, sandbox: SandboxGateway) -> None:
    flow = configure(PROJECTIONS=[Journal])
    paid_notes(flow, sandbox, 2)
    assert run("paidflow_rebuild", "journal").splitlines()[-1] == "journal is live"
    with flow.store.reading() as tx:
        rows = tx.execute("select * from journal_v1").fetchall()
    assert len(rows) == 2
    with pytest.raises(CommandError, match="other"):
        run("paidflow_rebuild", "other")


def test_reconcile_records_what_nobody_has_told(
    configure: Configure, sandbox: SandboxGateway
) -> None:
    flow = configure()
    receipts = [flow.perform(Note(text="gm"), actor="ann") for _ in range(2)]
    sandbox.pay(invoice_of(receipts[0]))
    told = run("paidflow_reconcile")
    assert f"{receipts[0].action_id} attempt 1" in told
    assert receipts[1].action_id not in told
    assert told.endswith("2 invoices looked at\n")
    assert [again(flow, receipt).state for receipt in receipts] == [State.PAID, State.PENDING]


def test_reconcile_only_tells_when_it_is_asked_to(
    configure: Configure, sandbox: SandboxGateway
) -> None:
    flow = configure()
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    with pytest.raises(CommandError, match="1 of them"):
        run("paidflow_reconcile", "--dry-run")
    assert again(flow, receipt).state is State.PENDING
    sandbox.outage(True)
    with pytest.raises(CommandError, match="left to look at"):
        run("paidflow_reconcile")


def test_explain(configure: Configure, sandbox: SandboxGateway, clock: ManualClock) -> None:
    flow = configure()
    receipt = flow.perform(Note(text="a text of ann", raises={"on_paid": -1}), actor="ann")
    told = run("paidflow_explain", receipt.action_id)
    assert told.splitlines()[0] == f"note {receipt.action_id} of ann, 10 sats"
    assert "Somebody asked for the action" in told
    assert "Next: payment" in told
    assert "a text of ann" not in told
    sandbox.pay(invoice_of(receipt))
    for _ in range(12):
        clock.tick(600)
        run("paidflow_work", "--once")
    assert "It waits for a person: hook_fails." in run("paidflow_explain", receipt.action_id)
    (paid,) = paid_notes(flow, sandbox, 1)
    run("paidflow_work", "--once")
    assert run("paidflow_explain", paid).splitlines()[-1] == "Nothing more is owed."
    with pytest.raises(CommandError, match="no such action"):
        run("paidflow_explain", "other")


def test_a_log_that_is_a_copy_is_left_alone(configure: Configure) -> None:
    configure().gateways.locked = True
    with pytest.raises(RestoredCopy):
        run("paidflow_work", "--once")
