"""What a worker reads from a gateway may be wrong, early, late or twice; and after the commit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from paidflow import AfterPaid, PaidFlow, State, Worker
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_controls import UpdatesMode
from paidflow.testing import ManualClock
from tests.flow.support import again, invoice_of, pay
from tests.wall import NOTES, SECRET, HeldNote, HookTrouble, Note, create_tables, effects


def test_messages_go_on_where_they_ended(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    first = flow.perform(Note(text="a"), actor="ann")
    sandbox.pay(invoice_of(first))
    assert Worker(flow).run_once() == 2  # the message, and after_paid
    asked = [c for c in sandbox.calls() if c.operation == "lookup"]
    assert Worker(flow).run_once() == 0
    assert [c for c in sandbox.calls() if c.operation == "lookup"] == asked
    second = flow.perform(Note(text="b"), actor="ann")
    sandbox.pay(invoice_of(second))
    Worker(flow).run_once()
    assert again(flow, second).state is State.PAID


@pytest.mark.parametrize("mode", ["normal", "duplicate", "reversed", "late"])
def test_messages_may_be_wrong(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, mode: UpdatesMode
) -> None:
    sandbox.updates_mode = mode
    made = [flow.perform(Note(text="gm"), actor="ann") for _ in range(4)]
    made += [flow.perform(HeldNote(text="hm")) for _ in range(4)]
    for receipt in made[::2]:
        sandbox.pay(invoice_of(receipt))
    for receipt in made[1::2]:
        sandbox.expire(invoice_of(receipt))
    for _ in range(3):
        Worker(flow).run_once()
    if mode == "late":
        assert {again(flow, r).state for r in made} == {State.PENDING, State.PENDING_HELD}
        sandbox.deliver_late()
        Worker(flow).run_once()
    states = [again(flow, receipt).state for receipt in made]
    assert states == [State.PAID, State.FAILED] * 4
    for receipt in made[::2]:
        assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_a_message_before_the_invoice_is_ours(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    sandbox.hint_before_open_returns = True
    read: list[int] = []
    sandbox.on_open = lambda _: read.append(Worker(flow).run_once())
    receipt = flow.perform(Note(text="gm"), actor="ann")
    assert read == [1]
    sandbox.on_open = None
    sandbox.pay(invoice_of(receipt))
    Worker(flow).run_once()
    assert again(flow, receipt).state is State.PAID


def test_a_payment_before_the_invoice_is_ours(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    """The message finds no action, and is gone; the sweep finds the money."""

    def pay_at_once(invoice_id: str) -> None:
        sandbox.pay(invoice_id)
        Worker(flow).run_once()

    sandbox.on_open = pay_at_once
    receipt = flow.perform(Note(text="gm"), actor="ann")
    assert receipt.state is State.PENDING
    clock.tick(600)
    Worker(flow).run_once()
    assert again(flow, receipt).state is State.PAID


def test_no_messages_while_the_gateway_is_away(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    sandbox.fault("updates", "raise")
    assert Worker(flow).run_once() == 0
    Worker(flow).run_once()
    assert again(flow, receipt).state is State.PAID


class Told(Note):
    """A note that tells somebody else, who is sometimes away."""

    kind = "told"
    keys: ClassVar[list[str]] = []
    results: ClassVar[list[Any]] = []

    def after_paid(self, paid: AfterPaid) -> None:
        Told.keys.append(paid.key)
        Told.results.append((paid.action_id, paid.actor, paid.result))
        if len(Told.keys) < 3:
            raise HookTrouble("away")


@pytest.fixture
def told(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    Told.keys.clear()
    Told.results.clear()
    opened = PaidFlow.open(
        store_url,
        actions=[*NOTES, Told],
        gateways={"sandbox": sandbox},
        secret=SECRET,
        create=True,
        clock=clock,
    )
    create_tables(opened)
    yield opened
    opened.close()


def test_after_paid_is_repeated_with_the_same_key(
    told: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = told.perform(Told(text="gm"), actor="ann")
    assert pay(told, sandbox, receipt).state is State.PAID
    assert Told.keys == []  # never in the request, never in the message
    for _ in range(6):
        clock.tick(10)
        Worker(told).run_once()
        assert again(told, receipt).state is State.PAID
    assert Told.keys == [f"{receipt.action_id}:after_paid"] * 3
    assert Told.results[-1] == (receipt.action_id, "ann", {"wall": receipt.action_id})
