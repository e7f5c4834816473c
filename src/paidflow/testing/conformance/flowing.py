"""Checks of whole actions: a flow with this gateway and a worker, from the request to the end."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from paidflow.actions.contract import Context, PaidAction
from paidflow.errors import Refused
from paidflow.flow.paid_flow import PaidFlow
from paidflow.flow.receipt import Receipt
from paidflow.money import Money
from paidflow.payments.contract import Capability, Invoice
from paidflow.states.machine import State
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.steps import not_supported, require, wait_until
from paidflow.testing.conformance.under_test import GatewayUnderTest
from paidflow.worker import Worker

GATEWAY = "it"


class FlowChecks(Checks):
    """Whole actions."""

    topic = "flow"

    def test_flow_acts_first(self, under_test: GatewayUnderTest, tmp_path: Path) -> None:
        """An optimistic action is pending until its invoice is paid."""
        with _Scene.open(under_test, tmp_path) as scene:
            scene.perform("acts first")
            scene.look_for(State.PENDING)
            scene.pay()
            scene.look_for(State.PAID)

    def test_flow_pays_first(self, under_test: GatewayUnderTest, tmp_path: Path) -> None:
        """A pessimistic action is performed when its money is locked, and then captured."""
        require(under_test, Capability.HOLD)
        with _Scene.open(under_test, tmp_path) as scene:
            scene.perform("pays first")
            scene.look_for(State.PENDING_HELD)
            scene.pay()
            scene.look_for(State.PAID)

    def test_flow_cannot_be_done(self, under_test: GatewayUnderTest, tmp_path: Path) -> None:
        """The money of an action that cannot be done is released."""
        require(under_test, Capability.HOLD)
        with _Scene.open(under_test, tmp_path) as scene:
            scene.perform("cannot be done")
            scene.pay()
            scene.look_for(State.FAILED)

    def test_flow_given_up(self, under_test: GatewayUnderTest, tmp_path: Path) -> None:
        """An action that is given up fails, and nobody can pay its invoice any more."""
        require(under_test, Capability.CANCEL)
        if under_test.gateway.profile.close_grace_s is not None:
            not_supported("an invoice that closes for certain")
        with _Scene.open(under_test, tmp_path) as scene:
            scene.perform("acts first")
            scene.give_up()
            scene.look_for(State.FAILED)
            assert not scene.try_to_pay()
            scene.look_for(State.FAILED)


class _Clock:
    """The time where the gateway is."""

    def __init__(self, under_test: GatewayUnderTest) -> None:
        self._under_test = under_test

    def now(self) -> datetime:
        return self._under_test.now()


class _ActsFirst(PaidAction):
    kind = "acts first"
    optimistic = True
    gateway = GATEWAY

    amount: int
    currency: str

    def cost(self, ctx: Context) -> Money:
        return Money(self.amount, self.currency)

    def perform(self, ctx: Context) -> str:
        return "done"


class _PaysFirst(_ActsFirst):
    kind = "pays first"
    optimistic = False


class _CannotBeDone(_PaysFirst):
    kind = "cannot be done"

    def perform(self, ctx: Context) -> str:
        raise Refused("it cannot be done")


class _Scene:
    """One action in a flow."""

    def __init__(self, under_test: GatewayUnderTest, flow: PaidFlow) -> None:
        self._under_test = under_test
        self._flow = flow
        self._actions = {action.kind: action for action in flow.registry}
        self._receipt: Receipt

    @classmethod
    @contextmanager
    def open(cls, under_test: GatewayUnderTest, folder: Path) -> Generator[_Scene]:
        holds = Capability.HOLD in under_test.gateway.profile.capabilities
        with PaidFlow.open(
            f"sqlite:///{folder / 'flow.db'}",
            actions=[_ActsFirst, _PaysFirst, _CannotBeDone] if holds else [_ActsFirst],
            gateways={GATEWAY: under_test.gateway},
            secret="a secret only for checks",
            clock=_Clock(under_test),
        ) as flow:
            yield cls(under_test, flow)

    def perform(self, kind: str) -> None:
        amount = self._under_test.amount
        arguments = {"amount": amount.amount, "currency": amount.currency}
        action = self._actions[kind].model_validate(arguments)
        self._receipt = self._flow.perform(action, actor="ann")

    def try_to_pay(self) -> bool:
        receipt = self._receipt
        assert receipt.invoice_id is not None
        assert receipt.payment_request is not None
        invoice = Invoice(
            receipt.invoice_id, self._under_test.amount, receipt.payment_request, None
        )
        return self._under_test.pay(invoice, invoice.amount)

    def pay(self) -> None:
        assert self.try_to_pay(), "the payment was not taken"

    def give_up(self) -> None:
        self._flow.cancel(self._receipt.action_id, actor="ann")

    def look_for(self, state: State) -> None:
        """Let a worker do what is owed until the action stands there."""

        def look() -> bool | State:
            assert self._receipt.invoice_id is not None
            self._flow.sync(GATEWAY, self._receipt.invoice_id)
            Worker(self._flow).run_until_idle()
            now = self._flow.get(self._receipt.action_id, actor="ann").state
            return now is state or now

        wait_until(self._under_test, look, bool)
