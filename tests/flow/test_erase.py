"""Texts can be erased; the log, the money and what is owed stay."""

from __future__ import annotations

import pytest

from paidflow import PaidFlow, State, sats
from paidflow.errors import ActionNotFound, NotAtRest, PayloadErased
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import again, expired, history, pay, snapshot, work
from tests.wall import HeldNote, Note


def test_texts_go_and_the_log_stays(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="a very private line"), actor="ann")
    pay(flow, sandbox, receipt)
    work(flow, clock)
    before = snapshot(flow)
    flow.erase(receipt.action_id)
    after = snapshot(flow)
    assert "a very private line" not in repr(after)
    changed = {table for table in after if after[table] != before[table]}
    assert changed == {"paidflow_payloads", "paidflow_attempts"}
    assert again(flow, receipt).result is None
    assert "paid" in history(flow, receipt)
    flow.erase(receipt.action_id)


def test_not_before_it_is_finished(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    for _ in range(2):  # pending, then paid with after_paid still owed
        before = snapshot(flow)
        with pytest.raises(NotAtRest):
            flow.erase(receipt.action_id)
        assert snapshot(flow) == before
        pay(flow, sandbox, receipt) if again(flow, receipt).state is State.PENDING else None
    work(flow, clock)
    flow.erase(receipt.action_id)


def test_not_what_does_not_exist(flow: PaidFlow) -> None:
    with pytest.raises(ActionNotFound):
        flow.erase("no such action")


@pytest.mark.parametrize("note", [Note, HeldNote])
def test_late_money_is_credited(flow: PaidFlow, sandbox: SandboxGateway, note: type[Note]) -> None:
    receipt = expired(flow, sandbox, note(text="gm", claim="one"))
    flow.erase(receipt.action_id)
    assert pay(flow, sandbox, receipt, late=True).state is State.FAILED
    assert flow.balance("ann") == sats(10)


def test_it_cannot_be_retried(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm"))
    flow.erase(receipt.action_id)
    before = snapshot(flow)
    with pytest.raises(PayloadErased):
        flow.retry(receipt.action_id, actor="ann")
    assert snapshot(flow) == before
    flow.grant("ann", sats(10), key="g")
    with pytest.raises(PayloadErased):
        flow.retry(receipt.action_id, actor="ann")
    assert flow.balance("ann") == sats(10)
