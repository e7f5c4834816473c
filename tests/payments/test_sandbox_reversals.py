"""Money that goes back at the sandbox: refunds with all their faults, and disputes."""

from __future__ import annotations

from pathlib import Path

import pytest

from paidflow.money import Money, sats
from paidflow.payments.contract import (
    Accepted,
    CommandOutcome,
    Declined,
    NotSent,
    OpenCommand,
    Opened,
    RefundCommand,
    RefundingGateway,
    Reversal,
    ReversalKind,
    ReversalStatus,
    Settled,
    Unknown,
)
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_controls import FaultKind
from paidflow.testing import ManualClock, SeededIds

PENDING, SUCCEEDED, FAILED = ReversalStatus
FOUR = sats(4)


@pytest.fixture
def bank(tmp_path: Path) -> SandboxGateway:
    return SandboxGateway(tmp_path / "bank.db", sandbox=True, clock=ManualClock(), ids=SeededIds(1))


def paid(bank: SandboxGateway, amount: Money | None = None) -> str:
    """The id of an invoice of ten sats that was paid."""
    opened = bank.open(OpenCommand("k", sats(10), False, None, "a post", 600))
    assert isinstance(opened, Opened)
    assert bank.pay(opened.invoice.invoice_id, amount)
    return opened.invoice.invoice_id


def refund(invoice_id: str, amount: Money = FOUR, key: str = "r") -> RefundCommand:
    return RefundCommand(invoice_id, key, amount)


def listed(bank: SandboxGateway, invoice_id: str) -> tuple[Reversal, ...]:
    """What a lookup shows."""
    found = bank.lookup(invoice_id)
    assert isinstance(found, Settled)
    assert found.reversals == bank.reversals(invoice_id)
    return found.reversals


def test_it_is_a_gateway_that_can_refund(bank: SandboxGateway) -> None:
    assert isinstance(bank, RefundingGateway)
    assert "refund" in bank.profile.capabilities
    poor = SandboxGateway(":memory:", sandbox=True, refunds=False)
    assert "refund" not in poor.profile.capabilities


def test_a_refund_is_listed_with_its_key(bank: SandboxGateway) -> None:
    invoice_id = paid(bank)
    assert listed(bank, invoice_id) == ()
    assert bank.refund(refund(invoice_id)) == Accepted()
    (reversal,) = listed(bank, invoice_id)
    kind = ReversalKind.REFUND
    assert reversal == Reversal(reversal.reversal_id, sats(4), kind, SUCCEEDED, "r")
    assert bank.total_received() == sats(10)
    assert bank.total_reversed() == sats(4)


def test_the_same_key_sends_it_once(bank: SandboxGateway) -> None:
    invoice_id = paid(bank)
    for _ in range(3):
        assert bank.refund(refund(invoice_id)) == Accepted()
    assert bank.refund(refund(invoice_id, key="s")) == Accepted()
    assert [reversal.key for reversal in listed(bank, invoice_id)] == ["r", "s"]


@pytest.mark.parametrize("amount", [sats(11), sats(0), sats(-1), Money(1, "EUR")])
def test_what_is_not_there_is_declined(bank: SandboxGateway, amount: Money) -> None:
    invoice_id = paid(bank)
    assert isinstance(bank.refund(refund(invoice_id, amount)), Declined)
    assert bank.refund_outside(invoice_id, amount) is None
    assert bank.open_dispute(invoice_id, amount) is None
    assert listed(bank, invoice_id) == ()
    assert isinstance(bank.refund(refund("nobody's")), Declined)
    assert bank.refund_outside("nobody's") is None


def test_all_together_are_never_more_than_came(bank: SandboxGateway) -> None:
    invoice_id = paid(bank, sats(12))
    assert bank.refund(refund(invoice_id, sats(5))) == Accepted()
    first = bank.refund_outside(invoice_id, sats(3))
    assert isinstance(bank.refund(refund(invoice_id, sats(5), "s")), Declined)
    assert bank.open_dispute(invoice_id)
    assert bank.total_reversed() == sats(12)
    assert first is not None
    assert bank.bounce_refund(first)
    assert bank.total_reversed() == sats(9)
    assert bank.refund(refund(invoice_id, sats(3), "t")) == Accepted()


FAULTS: dict[FaultKind, tuple[type[CommandOutcome], int]] = {
    "decline": (Declined, 0),
    "refuse": (NotSent, 0),
    "time_out_before": (Unknown, 0),
    "time_out_after": (Unknown, 1),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_of_a_refund(bank: SandboxGateway, kind: FaultKind) -> None:
    outcome, count = FAULTS[kind]
    invoice_id = paid(bank)
    bank.fault("refund", kind)
    assert type(bank.refund(refund(invoice_id))) is outcome
    assert len(listed(bank, invoice_id)) == count
    assert bank.refund(refund(invoice_id)) == Accepted()
    assert len(listed(bank, invoice_id)) == 1
    calls = [call for call in bank.calls() if call.operation == "refund"]
    assert [(call.key, call.outcome, call.fault) for call in calls] == [
        ("r", outcome.__name__, kind),
        ("r", "Accepted", None),
    ]


def test_a_refund_raises_when_told_to(bank: SandboxGateway) -> None:
    invoice_id = paid(bank)
    bank.fault("refund", "raise")
    with pytest.raises(RuntimeError):
        bank.refund(refund(invoice_id))
    assert listed(bank, invoice_id) == ()


def test_a_slow_refund_arrives_or_bounces(bank: SandboxGateway) -> None:
    invoice_id = paid(bank)
    bank.slow_refunds = True
    for key in "rs":
        bank.refund(refund(invoice_id, key=key))
    first, second = (reversal.reversal_id for reversal in listed(bank, invoice_id))
    assert [reversal.status for reversal in listed(bank, invoice_id)] == [PENDING, PENDING]
    assert bank.finish_refund(first)
    assert not bank.finish_refund(first)
    assert bank.bounce_refund(second)
    assert not bank.finish_refund(second)
    assert not bank.win_dispute(first)
    assert [reversal.status for reversal in listed(bank, invoice_id)] == [SUCCEEDED, FAILED]
    assert bank.bounce_refund(first)


def test_a_dispute_is_won_or_lost_once(bank: SandboxGateway) -> None:
    invoice_id = paid(bank)
    won, lost = (bank.open_dispute(invoice_id, sats(5)) or "" for _ in range(2))
    assert {reversal.kind for reversal in listed(bank, invoice_id)} == {ReversalKind.DISPUTE}
    assert {reversal.key for reversal in listed(bank, invoice_id)} == {None}
    assert bank.win_dispute(won)
    assert bank.lose_dispute(lost)
    assert not bank.lose_dispute(won)
    assert not bank.win_dispute(lost)
    assert not bank.bounce_refund(lost)
    assert [reversal.status for reversal in listed(bank, invoice_id)] == [FAILED, SUCCEEDED]


def test_every_change_is_hinted(bank: SandboxGateway) -> None:
    invoice_id = paid(bank)
    cursor = bank.updates(None).cursor
    bank.slow_refunds = True
    bank.refund(refund(invoice_id))
    (reversal,) = listed(bank, invoice_id)
    bank.finish_refund(reversal.reversal_id)
    dispute = bank.open_dispute(invoice_id)
    bank.win_dispute(dispute or "")
    hints = bank.updates(cursor).hints
    assert [hint.invoice_id for hint in hints] == [invoice_id] * 4


def test_it_outlives_the_process(bank: SandboxGateway, tmp_path: Path) -> None:
    invoice_id = paid(bank)
    bank.refund(refund(invoice_id))
    shown = listed(bank, invoice_id)
    bank.close()
    again = SandboxGateway(tmp_path / "bank.db", sandbox=True, clock=ManualClock())
    assert listed(again, invoice_id) == shown
