"""Claims: names that only one living action of a kind may hold."""

from __future__ import annotations

import pytest

from paidflow import PaidFlow, State, sats
from paidflow.errors import ClaimTaken
from paidflow.payments.sandbox import SandboxGateway
from tests.flow.support import expired, pay, snapshot, sync
from tests.wall import HeldNote, Note


def holders(flow: PaidFlow) -> dict[str, str]:
    with flow.store.reading() as tx:
        rows = tx.execute("select claim, action_id from paidflow_claims").fetchall()
    return {row["claim"]: row["action_id"] for row in rows}


@pytest.mark.parametrize("note", [Note, HeldNote])
def test_only_one_living_action(flow: PaidFlow, note: type[Note]) -> None:
    first = flow.perform(note(text="gm", claim="one"), actor="ann")
    before = snapshot(flow)
    with pytest.raises(ClaimTaken, match="Somebody was first"):
        flow.perform(note(text="gn", claim="one"), actor="bob")
    flow.grant("bob", sats(10), key="g")
    with pytest.raises(ClaimTaken):
        flow.perform(note(text="gn", claim="one"), actor="bob")
    assert flow.balance("bob") == sats(10)
    assert snapshot(flow)["paidflow_events"] == before["paidflow_events"]
    assert holders(flow) == {f"{note.kind}:one": first.action_id}


def test_kinds_do_not_get_in_each_others_way(flow: PaidFlow) -> None:
    flow.perform(Note(text="gm", claim="one"), actor="ann")
    flow.perform(HeldNote(text="hm", claim="one"), actor="ann")
    assert set(holders(flow)) == {"note:one", "held-note:one"}


def test_failing_lets_go(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    expired(flow, sandbox, Note(text="gm", claim="one"))
    assert holders(flow) == {}
    flow.perform(Note(text="gn", claim="one"), actor="bob")


def test_failing_lets_go_even_if_on_failed_raises(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    expired(flow, sandbox, Note(text="gm", claim="one", raises={"on_failed": -1}))
    assert holders(flow) == {}


def test_paid_keeps_for_ever(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    pay(flow, sandbox, flow.perform(Note(text="gm", claim="one"), actor="ann"))
    with pytest.raises(ClaimTaken):
        flow.perform(Note(text="gn", claim="one"), actor="bob")


def test_a_retry_takes_it_again(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm", claim="one"))
    retried = flow.retry(receipt.action_id, actor="ann")
    assert holders(flow) == {"note:one": receipt.action_id}
    sandbox.expire(retried.invoice_id or "")
    assert sync(flow, retried).state is State.FAILED
    assert holders(flow) == {}
    flow.grant("ann", sats(10), key="g")
    assert flow.retry(receipt.action_id, actor="ann").state is State.PAID
    assert holders(flow) == {"note:one": receipt.action_id}


def test_several_claims_are_taken_together(flow: PaidFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    flow.perform(Note(text="gm", claim="two"), actor="ann")
    monkeypatch.setattr(Note, "claims", lambda self, ctx: ("one", "two"))
    with pytest.raises(ClaimTaken):
        flow.perform(Note(text="gn"), actor="bob")
    assert set(holders(flow)) == {"note:two"}
