"""A message holds ids, amounts and reasons, and no more than was decided."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from paidflow import PaidFlow, sats
from paidflow.errors import UnknownEvent
from paidflow.outgoing.deliveries import Deliveries
from paidflow.outgoing.message import SHOWN, Message
from paidflow.outgoing.subscriber import Callback
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.codec import EVENT_TYPES
from tests.flow.support import pay
from tests.outgoing.receiver import Notebook
from tests.wall import HeldNote, Note

HIDDEN = {
    "after_paid_owed",  # how it is done inside
    "arguments_hash",  # from it one could guess which way somebody voted
    "assumed_closed_at",
    "deadline",
    "error_type",
    "key_hash",
    "key_id",
    "late_policy",
    "operator",
    "resolution",
    "undo_owed",
    "until",
    "whole",
    "why",  # a text
    # Who else gives or gets money, at which rate, and how it is sent.
    *("payouts", "payees", "purses", "parts", "quote", "receiver", "receivers", "taken"),
    *("payment_id", "fee", "fee_max", "give_up_at"),
}


def test_of_every_field_it_is_decided_whether_it_is_shown() -> None:
    fields = {name for kind in EVENT_TYPES.values() for name in kind.model_fields}
    assert fields == SHOWN | HIDDEN
    assert not SHOWN & HIDDEN


def test_what_is_told_of_a_paid_note(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    notebook = Notebook()
    receipt = flow.perform(Note(text="a very private line"), actor="ann")
    pay(flow, sandbox, receipt)
    pay(flow, sandbox, flow.perform(HeldNote(text="a very private line")))
    Deliveries(flow, [Callback("mail", notebook)], start="beginning").run_until_idle()
    bodies = [json.loads(m.body()) for m in notebook.messages if m.action_id == receipt.action_id]
    head = {"action_id": receipt.action_id, "kind": "note", "actor": "ann", "version": 1}
    assert [(body["type"], body["data"]["sequence"]) for body in bodies] == [
        ("paid-action.requested", 1),
        ("paid-action.invoice-attached", 2),
        ("paid-action.payment-seen", 3),
        ("paid-action.paid", 4),
    ]
    assert all(head.items() <= body["data"].items() for body in bodies)
    assert bodies[0]["data"]["details"] == {
        "kind": "note",
        "kind_version": 1,
        "actor": "ann",
        "mode": "optimistic",
        "cost": {"amount": sats(10).amount, "currency": "BTC"},
        "performed": True,
    }
    assert bodies[3] == {
        "type": "paid-action.paid",
        "timestamp": "2030-01-01T00:00:00.000000Z",
        "data": {
            **head,
            "sequence": 4,
            "details": {
                "source": "invoice",
                "amount": {"amount": 10000, "currency": "BTC"},
                "late": False,
            },
        },
    }
    everything = repr(notebook.messages) + repr([m.body() for m in notebook.messages])
    assert "private" not in everything
    assert [m.actor for m in notebook.messages].count(None) > 3


def test_the_time_is_utc_whatever_the_database_says() -> None:
    message = Message(
        id="i",
        action_id="a",
        sequence=1,
        kind="note",
        actor=None,
        occurred_at=datetime(2030, 1, 1, 3, tzinfo=timezone(timedelta(hours=2))),
        topic="paid-action.held@1",
        state=b"{}",
    )
    assert json.loads(message.body())["timestamp"] == "2030-01-01T01:00:00.000000Z"


def test_an_event_of_a_newer_program_cannot_be_told() -> None:
    message = Message("i", "a", 1, "note", None, datetime(2030, 1, 1), "paid-action.held@9", b"{}")
    with pytest.raises(UnknownEvent):
        message.body()
