"""Money that was not expected any more: always a fact, then one policy per action."""

from __future__ import annotations

import pytest

from paidflow import PaidFlow, State, sats
from paidflow.errors import NotResolvable
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.events import AttentionReason
from paidflow.testing import ManualClock
from tests.flow.support import (
    again,
    attention,
    book_of,
    expired,
    history,
    invoice_of,
    pay,
    sync,
    undone,
    work,
)
from tests.wall import CarefulNote, CreditedNote, HeldNote, Note, effects


def test_accept_makes_it_real(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm"))
    assert pay(flow, sandbox, receipt, late=True).state is State.PAID
    assert undone(flow, receipt) == 0
    counted = {"perform": 1, "on_failed": 1, "on_retry": 1, "on_paid": 1}
    assert effects(flow, receipt.action_id) == counted


def test_accept_performs_what_never_was(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, HeldNote(text="hm"), None)
    assert pay(flow, sandbox, receipt, late=True).state is State.PAID
    counted = {"on_failed_unperformed": 1, "perform": 1, "on_paid": 1}
    assert effects(flow, receipt.action_id) == counted


def test_accept_after_the_actor_has_cancelled(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    flow.cancel(receipt.action_id, actor="ann")
    assert pay(flow, sandbox, receipt, late=True).state is State.PAID


def test_accept_credits_what_is_not_enough(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm"))
    assert pay(flow, sandbox, receipt, sats(9), late=True).state is State.FAILED
    assert flow.balance("ann") == sats(9)


def test_accept_credits_the_surplus(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm"))
    assert pay(flow, sandbox, receipt, sats(12), late=True).state is State.PAID
    assert flow.balance("ann") == sats(2)


def test_accept_takes_the_claim_again(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm", claim="first"))
    assert pay(flow, sandbox, receipt, late=True).state is State.PAID
    with pytest.raises(Exception, match="Somebody was first"):
        flow.perform(Note(text="gn", claim="first"), actor="bob")


@pytest.mark.parametrize("why", ["claim", "not valid", "on_retry", "on_paid"])
def test_what_cannot_be_real_any_more_is_credited(
    flow: PaidFlow, sandbox: SandboxGateway, why: str
) -> None:
    raises = {why: -1} if why.startswith("on_") else {}
    note = Note(text="gm", claim="first", valid_when_late=why != "not valid", raises=raises)
    receipt = expired(flow, sandbox, note)
    if why == "claim":
        flow.perform(Note(text="gn", claim="first"), actor="bob")
    assert pay(flow, sandbox, receipt, late=True).state is State.FAILED
    assert flow.balance("ann") == sats(10)
    assert history(flow, receipt)[-3:] == [
        "payment-seen",
        "late-payment-refused",
        "payment-credited",
    ]
    assert undone(flow, receipt) == 1


def test_credit_leaves_it_failed(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, CreditedNote(text="gm"))
    assert pay(flow, sandbox, receipt, late=True).state is State.FAILED
    assert flow.balance("ann") == sats(10)
    assert flow.retry(receipt.action_id, actor="ann").state is State.PAID
    assert flow.balance("ann") == sats(0)


def _waiting(flow: PaidFlow, sandbox: SandboxGateway, **more: str):
    receipt = expired(flow, sandbox, CarefulNote(text="gm", **more))  # pyright: ignore
    after = pay(flow, sandbox, receipt, late=True)
    assert (after.state, after.unclaimed) == (State.FAILED, sats(10))
    assert [a.reason for a in attention(flow)] == [AttentionReason.LATE_PAYMENT]
    return receipt


def test_a_person_accepts(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = _waiting(flow, sandbox)
    flow.resolve(receipt.action_id, "accept", operator="eve", why="kind")
    after = again(flow, receipt)
    assert (after.state, after.unclaimed) == (State.PAID, None)
    assert attention(flow) == []
    said = flow.history(receipt.action_id, actor="ann")
    (resolved,) = (line.details for line in said if line.event.endswith("attention-resolved"))
    assert resolved == {"resolution": "accept", "operator": "eve", "why": "kind"}


def test_a_person_credits(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = _waiting(flow, sandbox)
    flow.resolve(receipt.action_id, "credit", operator="eve", why="too late")
    assert again(flow, receipt).state is State.FAILED
    assert flow.balance("ann") == sats(10)
    assert attention(flow) == []


def test_a_person_leaves_it(flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock) -> None:
    receipt = _waiting(flow, sandbox)
    flow.resolve(receipt.action_id, "dismiss", operator="eve", why="later")
    work(flow, clock, times=3, seconds=700)
    sync(flow, receipt)
    assert attention(flow) == []
    assert again(flow, receipt).unclaimed == sats(10)
    after = flow.claim(receipt.action_id, proof=receipt.proof or "", actor="ann")
    assert (after.unclaimed, flow.balance("ann")) == (None, sats(10))


def test_what_a_person_accepts_may_still_be_refused(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    receipt = _waiting(flow, sandbox, claim="first")
    other = flow.perform(CarefulNote(text="gn", claim="first"), actor="bob")
    flow.resolve(receipt.action_id, "accept", operator="eve", why="kind")
    assert again(flow, receipt).state is State.FAILED
    assert [a.reason for a in attention(flow)] == [AttentionReason.LATE_PAYMENT]
    flow.cancel(other.action_id, actor="bob")
    flow.resolve(receipt.action_id, "accept", operator="eve", why="free again")
    assert again(flow, receipt).state is State.PAID


def test_a_person_is_still_asked_after_a_retry(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = _waiting(flow, sandbox)
    flow.grant("ann", sats(10), key="k")
    assert flow.retry(receipt.action_id, actor="ann").state is State.PAID
    assert [a.reason for a in attention(flow)] == [AttentionReason.LATE_PAYMENT]
    flow.resolve(receipt.action_id, "credit", operator="eve", why="paid twice")
    assert flow.balance("ann") == sats(10)


def test_too_little_cannot_be_accepted(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, CarefulNote(text="gm"))
    pay(flow, sandbox, receipt, sats(9), late=True)
    with pytest.raises(NotResolvable):
        flow.resolve(receipt.action_id, "accept", operator="eve", why="nearly")
    assert len(attention(flow)) == 1


@pytest.mark.parametrize("old_first", [True, False])
def test_both_attempts_are_paid(flow: PaidFlow, sandbox: SandboxGateway, old_first: bool) -> None:
    old = expired(flow, sandbox, Note(text="gm"))
    new = flow.retry(old.action_id, actor="ann")
    first, second = (old, new) if old_first else (new, old)
    sandbox.pay(invoice_of(old), late=True)
    sandbox.pay(invoice_of(new))
    assert sync(flow, first).state is State.PAID
    assert sync(flow, second).state is State.PAID
    assert flow.balance("ann") == sats(10)
    assert sandbox.total_received() == sats(20)
    counted = {"perform": 1, "on_failed": 1, "on_retry": 1, "on_paid": 1}
    assert effects(flow, old.action_id) == counted


def test_the_newer_invoice_is_closed_when_the_older_is_paid(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    old = expired(flow, sandbox, Note(text="gm"))
    new = flow.retry(old.action_id, actor="ann")
    assert pay(flow, sandbox, old, late=True).state is State.PAID
    assert book_of(sandbox, new).status == "cancelled"
    assert sandbox.payable_invoices() == []


def test_a_newer_invoice_that_does_not_close_is_for_a_person(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    old = expired(flow, sandbox, Note(text="gm"))
    new = flow.retry(old.action_id, actor="ann")
    sandbox.forget(invoice_of(new))
    assert pay(flow, sandbox, old, late=True).state is State.PAID
    work(flow, clock, times=15, seconds=400)
    assert [a.reason for a in attention(flow)] == [AttentionReason.CLOSE_OVERDUE]
    flow.resolve(old.action_id, "close", operator="eve", why="seen at the bank")
    assert attention(flow) == []
    assert again(flow, old).state is State.PAID


def test_late_money_for_a_pessimistic_one_that_is_tried_again(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    old = expired(flow, sandbox, HeldNote(text="hm"))
    new = flow.retry(old.action_id, actor="ann")
    assert pay(flow, sandbox, old, late=True).state is State.PENDING_HELD
    assert flow.balance("ann") == sats(10)
    assert pay(flow, sandbox, new).state is State.PAID
