"""Every action of the catalogue in its three flows: credits, invoice, and failed then retried."""

from __future__ import annotations

import pytest

from paidflow import ACCOUNT, CREDITS, INVOICE, State
from paidflow.actions.contract import PaidAction
from paidflow.errors import Refused
from paidflow.forum import ACTIONS, ForumSettings
from paidflow.testing.payer import pay
from tests.forum import PROVEN_SCENES, SCENES, Forum
from tests.zaps import differences

BY_CREDITS = [kind for kind in ACTIONS if CREDITS in kind.funding]
BY_INVOICE = [kind for kind in ACTIONS if INVOICE in kind.funding]
BY_ACCOUNT = [kind for kind in ACTIONS if ACCOUNT in kind.funding]
ANONYMOUS = [kind for kind in ACTIONS if kind.anonymous]


def test_every_action_has_a_scene() -> None:
    assert sorted(SCENES) == sorted(kind.kind for kind in ACTIONS)


@pytest.mark.parametrize("kind", BY_CREDITS, ids=lambda kind: kind.kind)
def test_paid_from_credits(forum: Forum, kind: type[PaidAction]) -> None:
    action = SCENES[kind.kind](forum)
    forum.rich("ann")
    receipt = forum.flow.perform(action, actor="ann")
    assert receipt.state is State.PAID
    assert receipt.invoice_id is None
    forum.work()
    assert differences(forum.flow) == []


@pytest.mark.parametrize("kind", BY_INVOICE, ids=lambda kind: kind.kind)
def test_paid_by_invoice(forum: Forum, kind: type[PaidAction]) -> None:
    receipt = forum.pending(SCENES[kind.kind](forum))
    assert (receipt.state is State.PENDING) == kind.optimistic
    assert pay(forum.flow, forum.sandbox, receipt).state is State.PAID
    forum.work()
    assert differences(forum.flow) == []


@pytest.mark.parametrize("kind", BY_INVOICE, ids=lambda kind: kind.kind)
def test_failed_and_tried_again(forum: Forum, kind: type[PaidAction]) -> None:
    receipt = forum.failed(SCENES[kind.kind](forum))
    retried = forum.flow.retry(receipt.action_id, actor="ann")
    assert retried.invoice_id not in (None, receipt.invoice_id)
    assert pay(forum.flow, forum.sandbox, retried).state is State.PAID
    assert retried.action_id == receipt.action_id
    forum.work()
    assert differences(forum.flow) == []


@pytest.mark.parametrize("kind", ANONYMOUS, ids=lambda kind: kind.kind)
def test_logged_out_people_pay_first(forum: Forum, kind: type[PaidAction]) -> None:
    proven = PROVEN_SCENES.get(kind.kind)
    action, proof = proven(forum) if proven else (SCENES[kind.kind](forum), None)
    receipt = forum.pending(action, None, proof)
    assert receipt.state is State.PENDING_HELD
    pay(forum.flow, forum.sandbox, receipt)
    assert forum.flow.get(receipt.action_id, proof=receipt.proof).state is State.PAID
    forum.work()
    assert differences(forum.flow) == []


@pytest.mark.parametrize("kind", BY_ACCOUNT, ids=lambda kind: kind.kind)
def test_paid_from_an_account_by_the_system_alone(forum: Forum, kind: type[PaidAction]) -> None:
    action = SCENES[kind.kind](forum)
    with pytest.raises(Refused, match="only the forum itself"):
        forum.flow.perform(action, actor="ann")
    receipt = forum.flow.perform(action, actor=ForumSettings().system)
    assert receipt.state is State.PAID
    forum.work()
    assert differences(forum.flow) == []
