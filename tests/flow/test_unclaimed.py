"""Money of a payer without an account: it stays with its action until the proof claims it."""

from __future__ import annotations

import pytest

from paidflow import PaidFlow, Receipt, State, sats
from paidflow.errors import ActionNotFound, InvalidArguments, NothingToClaim
from paidflow.payments.sandbox import SandboxGateway
from tests.flow.support import again, expired, invoice_of, pay, snapshot
from tests.wall import HeldNote, Note


@pytest.fixture
def unclaimed(flow: PaidFlow, sandbox: SandboxGateway) -> Receipt:
    receipt = flow.perform(HeldNote(text="hm"))
    assert pay(flow, sandbox, receipt, sats(15)).unclaimed == sats(5)
    return receipt


def test_the_proof_claims_it(flow: PaidFlow, unclaimed: Receipt) -> None:
    after = flow.claim(unclaimed.action_id, proof=unclaimed.proof or "", actor="ann")
    assert (after.state, after.unclaimed, after.changed) == (State.PAID, None, True)
    assert flow.balance("ann") == sats(5)
    with pytest.raises(NothingToClaim):
        flow.claim(unclaimed.action_id, proof=unclaimed.proof or "", actor="bob")
    assert flow.balance("bob") == sats(0)


def test_nobody_else_claims_it(flow: PaidFlow, unclaimed: Receipt) -> None:
    other = flow.perform(HeldNote(text="other"))
    before = snapshot(flow)
    for proof in ("", "x", "x.y", other.proof or "", (unclaimed.proof or "")[:-1]):
        with pytest.raises(ActionNotFound):
            flow.claim(unclaimed.action_id, proof=proof, actor="bob")
    for actor in ("", None, 5):
        with pytest.raises(InvalidArguments):
            flow.claim(unclaimed.action_id, proof=unclaimed.proof or "", actor=actor)  # pyright: ignore
    assert snapshot(flow) == before


def test_not_while_the_action_needs_it(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm", raises={"on_paid": 1}), actor="ann")
    assert pay(flow, sandbox, receipt).completing
    with pytest.raises(NothingToClaim):
        flow.claim(receipt.action_id, proof=receipt.proof or "", actor="ann")


def test_late_money_that_cannot_be_used(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, HeldNote(text="hm", valid_when_late=False), None)
    sandbox.pay_late(invoice_of(receipt))
    flow.sync("sandbox", invoice_of(receipt))
    after = again(flow, receipt)
    assert (after.state, after.unclaimed) == (State.FAILED, sats(10))
    flow.claim(receipt.action_id, proof=receipt.proof or "", actor="ann")
    assert flow.balance("ann") == sats(10)


def test_a_retry_uses_it(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(HeldNote(text="hm", raises={"perform": 1}))
    sandbox.pay(invoice_of(receipt))
    sandbox.settle_hold(invoice_of(receipt))
    flow.sync("sandbox", invoice_of(receipt))
    assert again(flow, receipt).unclaimed == sats(10)
    after = flow.retry(receipt.action_id, proof=receipt.proof)
    assert (after.state, after.unclaimed) == (State.PAID, None)
    assert len(sandbox.books()) == 1
