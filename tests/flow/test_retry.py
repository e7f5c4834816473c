"""Trying again: with a new invoice, from the purse, and when that does not work either."""

from __future__ import annotations

from typing import ClassVar

import pytest

from paidflow import FailureReason, Money, NextAction, PaidFlow, State, sats
from paidflow.errors import ClaimTaken, NotRetriable, TooManyOpenInvoices
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import (
    again,
    book_of,
    expired,
    history,
    invoice_of,
    pay,
    snapshot,
    sync,
    undone,
    work,
)
from tests.wall import SECRET, HeldNote, HookTrouble, Note, create_tables, effects


def test_a_new_invoice_for_the_same_action(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    first = expired(flow, sandbox, Note(text="gm"))
    second = flow.retry(first.action_id, actor="ann")
    assert (second.state, second.next_action) == (State.PENDING, NextAction.PAY_INVOICE)
    assert second.changed
    assert second.action_id == first.action_id
    assert second.invoice_id != first.invoice_id
    assert undone(flow, first) == 0
    assert pay(flow, sandbox, second).state is State.PAID
    counted = {"perform": 1, "on_failed": 1, "on_retry": 1, "on_paid": 1}
    assert effects(flow, first.action_id) == counted


def test_again_and_again(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm"))
    for _ in range(3):
        retried = flow.retry(receipt.action_id, proof=receipt.proof)
        sandbox.expire(invoice_of(retried))
        assert sync(flow, retried).state is State.FAILED
    assert len({book.invoice_id for book in sandbox.books()}) == 4
    assert sandbox.payable_invoices() == []
    counted = {"perform": 1, "on_failed": 4, "on_retry": 3}
    assert effects(flow, receipt.action_id) == counted


def test_a_pessimistic_one_is_performed_once_it_is_held(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    receipt = expired(flow, sandbox, HeldNote(text="hm"))
    retried = flow.retry(receipt.action_id, actor="ann")
    assert (retried.state, retried.performed) == (State.PENDING_HELD, False)
    assert pay(flow, sandbox, retried).state is State.PAID
    counted = {"on_failed_unperformed": 1, "perform": 1, "on_paid": 1}
    assert effects(flow, receipt.action_id) == counted


@pytest.mark.parametrize("note", [Note, HeldNote])
def test_from_the_purse(flow: PaidFlow, sandbox: SandboxGateway, note: type[Note]) -> None:
    receipt = expired(flow, sandbox, note(text="gm"))
    flow.grant("ann", sats(25), key="k")
    after = flow.retry(receipt.action_id, actor="ann")
    assert (after.state, after.changed, after.failure_reason) == (State.PAID, True, None)
    assert flow.balance("ann") == sats(15)
    assert len(sandbox.books()) == 1
    assert effects(flow, receipt.action_id)["perform"] == 1
    assert effects(flow, receipt.action_id)["on_paid"] == 1
    assert undone(flow, receipt) == 0


def test_a_purse_with_too_little_gives_what_it_has(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm"))
    flow.grant("ann", sats(9), key="k")
    assert flow.retry(receipt.action_id, actor="ann").state is State.PENDING
    assert flow.balance("ann") == sats(0)
    assert [book.amount for book in sandbox.books()] == [sats(10), sats(1)]


class Priced(Note):
    """A note with a price of its own that may change."""

    kind = "priced"
    price: ClassVar[int] = 10
    asked: ClassVar[int] = 0

    def cost(self, ctx: object) -> Money:
        Priced.asked += 1
        return sats(Priced.price)


def test_price_and_arguments_are_those_of_the_request(
    store_url: str,
    sandbox: SandboxGateway,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flow = PaidFlow.open(
        store_url, actions=[Priced], gateways={"sandbox": sandbox}, secret=SECRET, create=True
    )
    create_tables(flow)
    receipt = expired(flow, sandbox, Priced(text="gm"))
    asked = Priced.asked
    monkeypatch.setattr(Priced, "price", 99)
    retried = flow.retry(receipt.action_id, actor="ann")
    assert retried.cost == book_of(sandbox, retried).amount == sats(10)
    assert Priced.asked == asked
    assert pay(flow, sandbox, retried).state is State.PAID
    with flow.store.reading() as tx:
        row = tx.execute("select text from wall where id = :id", id=receipt.action_id).fetchone()
    assert row == {"text": "gm"}
    flow.close()


@pytest.mark.parametrize("state", [State.PENDING, State.PAID])
def test_only_what_failed(flow: PaidFlow, sandbox: SandboxGateway, state: State) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    if state is State.PAID:
        pay(flow, sandbox, receipt)
    before = snapshot(flow)
    with pytest.raises(NotRetriable) as refused:
        flow.retry(receipt.action_id, actor="ann")
    assert refused.value.state == state
    assert snapshot(flow) == before


def test_the_claim_is_taken_meanwhile(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm", claim="first"))
    flow.perform(Note(text="gn", claim="first"), actor="bob")
    before = snapshot(flow)
    with pytest.raises(ClaimTaken):
        flow.retry(receipt.action_id, actor="ann")
    flow.grant("ann", sats(10), key="k")
    with pytest.raises(ClaimTaken):
        flow.retry(receipt.action_id, actor="ann")
    assert flow.balance("ann") == sats(10)
    assert snapshot(flow)["paidflow_events"] == before["paidflow_events"]


def test_on_retry_raises(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm", raises={"on_retry": 1}))
    before = snapshot(flow)
    with pytest.raises(HookTrouble, match="on_retry of gm"):
        flow.retry(receipt.action_id, actor="ann")
    assert snapshot(flow) == before
    assert flow.retry(receipt.action_id, actor="ann").state is State.PENDING


def test_too_many_open_invoices(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm"))
    for _ in range(100):
        flow.perform(Note(text="gm"), actor="ann")
    with pytest.raises(TooManyOpenInvoices):
        flow.retry(receipt.action_id, actor="ann")
    assert again(flow, receipt).state is State.FAILED


def test_the_gateway_is_away_for_a_while(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = expired(flow, sandbox, Note(text="gm"))
    sandbox.outage(True)
    after = flow.retry(receipt.action_id, actor="ann")
    assert (after.state, after.next_action) == (State.RETRYING, NextAction.WAIT)
    sandbox.outage(False)
    work(flow, clock)
    after = again(flow, receipt)
    assert (after.state, after.next_action) == (State.PENDING, NextAction.PAY_INVOICE)
    assert pay(flow, sandbox, after).state is State.PAID


@pytest.mark.parametrize("note", [Note, HeldNote])
def test_the_gateway_is_away_too_long(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, note: type[Note]
) -> None:
    receipt = expired(flow, sandbox, note(text="gm"))
    sandbox.outage(True)
    assert flow.retry(receipt.action_id, actor="ann").state is State.RETRYING
    work(flow, clock, times=8, seconds=10)
    after = again(flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.CREATION_FAILED)
    sandbox.outage(False)
    assert flow.retry(receipt.action_id, actor="ann").next_action is NextAction.PAY_INVOICE


@pytest.mark.parametrize("fault", ["decline", "time_out_before", "time_out_after", "raise"])
def test_an_invoice_that_may_or_may_not_exist_is_given_up(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, fault: str
) -> None:
    receipt = expired(flow, sandbox, Note(text="gm"))
    sandbox.fault("open", fault)  # pyright: ignore[reportArgumentType]
    assert flow.retry(receipt.action_id, actor="ann").state is State.RETRYING
    work(flow, clock)
    after = again(flow, receipt)
    assert after.state is State.PENDING
    assert book_of(sandbox, after).key.endswith("-3-open")
    assert pay(flow, sandbox, after).state is State.PAID


def test_describe_that_raises_does_not_stop_it(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = expired(flow, sandbox, Note(text="gm"))

    def describe(self: Note, ctx: object) -> str:
        raise HookTrouble("describe")

    monkeypatch.setattr(Note, "describe", describe)
    assert flow.retry(receipt.action_id, actor="ann").state is State.PENDING


def test_what_failed_to_be_undone_is_not_redone(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm", raises={"on_failed": 1}))
    assert undone(flow, receipt) == 0
    retried = flow.retry(receipt.action_id, actor="ann")
    assert pay(flow, sandbox, retried).state is State.PAID
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_result_and_error_are_kept(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm", raises={"on_failed": 1}))
    retried = flow.retry(receipt.action_id, actor="ann")
    assert retried.result == {"wall": receipt.action_id}
    assert retried.error == "A hook of a note was told to raise. (on_failed of gm)"
    assert history(flow, receipt)[-3:] == ["retry-requested", "attempt-started", "invoice-attached"]
