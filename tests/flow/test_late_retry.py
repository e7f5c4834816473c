"""Late money and a retry at the same moment: the purse is not debited for what is paid already."""

from __future__ import annotations

from paidflow import PaidFlow, State, Worker, sats
from paidflow.payments.contract import Answer, Settled
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.learn import learn
from paidflow.testing import ManualClock
from tests.wall import Note, effects


def test_a_retry_uses_the_late_money_and_not_the_purse(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    invoice_id = receipt.invoice_id or ""
    sandbox.expire(invoice_id)
    flow.sync("sandbox", invoice_id)
    loaded = flow.steps.load(receipt.action_id)
    assert loaded is not None
    # The process dies after it has recorded the late money, before it could use it.
    seen = learn(loaded.aggregate, Answer("sandbox", invoice_id, Settled(sats(10))), clock.now())
    flow.steps.tools.recorder.record(receipt.action_id, loaded, seen, "answer")
    flow.grant("ann", sats(10), key="welcome")

    retried = flow.retry(receipt.action_id, actor="ann")
    assert (retried.state, retried.unclaimed) == (State.PAID, None)
    assert flow.balance("ann") == sats(10)
    clock.tick(3600)
    Worker(flow).run_until_idle()
    assert effects(flow, receipt.action_id)["on_paid"] == 1
