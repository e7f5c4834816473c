"""An invoice of which nothing was stored was shown to nobody: it is closed again."""

from __future__ import annotations

import pytest

from paidflow import PaidFlow, State
from paidflow.errors import ClaimTaken
from paidflow.payments.sandbox import SandboxGateway
from tests.wall import HookTrouble, Note


def test_when_perform_raises(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    with pytest.raises(HookTrouble):
        flow.perform(Note(text="gm", raises={"perform": -1}), actor="ann")
    assert sandbox.payable_invoices() == []


def test_when_a_claim_is_taken(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    first = flow.perform(Note(text="gm", claim="seat 1"), actor="ann")
    with pytest.raises(ClaimTaken):
        flow.perform(Note(text="hm", claim="seat 1"), actor="bob")
    assert sandbox.payable_invoices() == [first.invoice_id]


def test_what_was_stored_is_left_alone(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    receipt = flow.perform(prepared)
    assert receipt.state is State.PENDING
    assert sandbox.payable_invoices() == [receipt.invoice_id]
