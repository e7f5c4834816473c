"""The admin shows everything, changes nothing, and records who decided what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from paidflow import PaidFlow, Receipt, State
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.owed import HOOK_TRIES
from paidflow.testing import ManualClock
from tests.flow.support import again, attention, expired, history, invoice_of, sync, work
from tests.wall import CarefulNote, Note

Configure = Callable[..., PaidFlow]
LIST = "admin:paidflow_action_changelist"
CHANGE = "admin:paidflow_action_change"


@pytest.fixture(params=[False, True], ids=["", "atomic"])
def flow(configure: Configure, request: pytest.FixtureRequest) -> PaidFlow:
    return configure(migrate="", atomic_requests=request.param)


@pytest.fixture
def late(flow: PaidFlow, sandbox: SandboxGateway) -> Receipt:
    """An action that waits for a person: its money came late."""
    receipt = expired(flow, sandbox, CarefulNote(text="a text of ann"))
    sandbox.pay(invoice_of(receipt), late=True)
    sync(flow, receipt)
    assert len(attention(flow)) == 1
    return receipt


def client(*permissions: str) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def decide(client: Client, receipt: Receipt, resolution: str, why: str) -> Any:
    form = {"action": f"resolve_by_{resolution}", "_selected_action": receipt.action_id}
    return client.post(reverse(LIST), form | {"why": why}, follow=True)


def test_it_shows_where_actions_stand_and_how_they_came_there(
    flow: PaidFlow, late: Receipt
) -> None:
    browser = client("view_action", "view_event")
    shown = browser.get(reverse(LIST)).content.decode()
    assert late.action_id in shown
    assert "10 sats" in shown
    assert "late_payment" in shown
    shown = browser.get(reverse(CHANGE, args=[late.action_id])).content.decode()
    for name in history(flow, late):
        assert name in shown
    for secret in ("a text of ann", "arguments_hash", late.proof or "", late.payment_request or ""):
        assert secret
        assert secret not in shown
    found = browser.get(reverse(LIST), {"q": "ann", "state": "FAILED"}).content.decode()
    assert late.action_id in found
    assert late.action_id not in browser.get(reverse(LIST), {"q": "bob"}).content.decode()


def test_who_may_not_look_sees_nothing(flow: PaidFlow, late: Receipt) -> None:
    assert client().get(reverse(LIST)).status_code == 403


def test_nothing_can_be_added_changed_or_deleted(flow: PaidFlow, late: Receipt) -> None:
    everything = ("view_action", "view_event", "add_action", "change_action", "delete_action")
    browser = client(*everything)
    change = reverse(CHANGE, args=[late.action_id])
    before = again(flow, late)
    assert browser.post(change, {"state": "PAID"}).status_code == 403
    assert browser.get(reverse("admin:paidflow_action_add")).status_code == 403
    delete = reverse("admin:paidflow_action_delete", args=[late.action_id])
    assert browser.post(delete, {"post": "yes"}).status_code == 403
    assert "delete_selected" not in browser.get(reverse(LIST)).content.decode()
    assert again(flow, late) == before


def test_a_decision_is_an_event_with_operator_and_reason(flow: PaidFlow, late: Receipt) -> None:
    answer = decide(client("view_action", "resolve_action"), late, "accept", "he has paid")
    assert "decided" in answer.content.decode()
    assert again(flow, late).state is State.PAID
    (line,) = (
        line
        for line in flow.history(late.action_id, actor="ann")
        if line.event == "paid-action.attention-resolved"
    )
    assert line.details == {"resolution": "accept", "operator": "olga", "why": "he has paid"}


@pytest.mark.parametrize("why", ["", "   ", "x" * 501])
def test_a_decision_needs_a_reason(flow: PaidFlow, late: Receipt, why: str) -> None:
    decide(client("view_action", "resolve_action"), late, "accept", why)
    assert len(attention(flow)) == 1


def test_to_look_is_not_to_decide(flow: PaidFlow, late: Receipt) -> None:
    decide(client("view_action"), late, "accept", "he has paid")
    assert len(attention(flow)) == 1


def test_what_does_not_fit_is_said(flow: PaidFlow, late: Receipt) -> None:
    browser = client("view_action", "resolve_action")
    assert "does not fit" in decide(browser, late, "close", "why not").content.decode()
    open_one = flow.perform(Note(text="gm"), actor="ann")
    assert "does not fit" in decide(browser, open_one, "retry", "why not").content.decode()
    assert again(flow, open_one).state is State.PENDING


def test_a_hook_is_run_again(flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock) -> None:
    receipt = flow.perform(Note(text="gm", raises={"on_paid": HOOK_TRIES}), actor="ann")
    sandbox.pay(invoice_of(receipt))
    work(flow, clock, times=HOOK_TRIES, seconds=600)
    assert len(attention(flow)) == 1
    decide(client("view_action", "resolve_action"), receipt, "retry", "mended")
    assert again(flow, receipt).state is State.PAID
