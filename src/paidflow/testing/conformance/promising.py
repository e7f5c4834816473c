"""Checks of the profile: a gateway does what it promises, and refuses the rest.

What it does not promise is refused twice: by the gateway, and when a flow is opened whose actions
need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from paidflow.actions.contract import Context, PaidAction, Transfer
from paidflow.errors import InvalidConfiguration, WebhookRefused
from paidflow.flow.paid_flow import PaidFlow
from paidflow.money import Money
from paidflow.payments.contract import (
    CancelCommand,
    Capability,
    CaptureCommand,
    Declined,
    Gateway,
    HoldingsGateway,
    Open,
    PayingGateway,
    RefundingGateway,
)
from paidflow.states.events import LatePolicy
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.steps import ask_for, new_preimage, open_invoice
from paidflow.testing.conformance.under_test import GatewayUnderTest

PROTOCOLS: Mapping[Capability, type] = {
    Capability.PAY_OUT: PayingGateway,
    Capability.HOLDINGS: HoldingsGateway,
    Capability.REFUND: RefundingGateway,
}


class PromiseChecks(Checks):
    """What the profile promises."""

    topic = "promises"

    def test_promise_is_a_gateway(self, under_test: GatewayUnderTest) -> None:
        """It has every method of a gateway, and those of what its profile promises."""
        assert isinstance(under_test.gateway, Gateway)
        able = under_test.gateway.profile.capabilities
        for capability in PROTOCOLS.keys() & able:
            assert isinstance(under_test.gateway, PROTOCOLS[capability]), capability

    def test_promise_profile(self, under_test: GatewayUnderTest) -> None:
        """The profile is complete, and the same for the life of the gateway."""
        profile = under_test.gateway.profile
        assert profile == under_test.gateway.profile
        assert profile.account
        assert under_test.amount.currency in profile.currencies
        assert all(Money(1, currency) for currency in profile.currencies)
        assert profile.capabilities <= frozenset(Capability)
        assert min(profile.invoice_expiry_s, profile.patience_s, profile.pay_out_s) > 0
        assert profile.close_grace_s is None or profile.close_grace_s > 0

    def test_promise_hold(self, under_test: GatewayUnderTest) -> None:
        """A hold that is not promised is declined, and so is its capture."""
        able = _promises(under_test, Capability.HOLD)
        outcome = ask_for(under_test, preimage=new_preimage())
        assert isinstance(outcome, Declined) is not able
        if not able:
            invoice = open_invoice(under_test)
            command = CaptureCommand(
                invoice.invoice_id, under_test.new_id(), invoice.amount, new_preimage()
            )
            assert isinstance(under_test.gateway.capture(command), Declined)

    def test_promise_cancel(self, under_test: GatewayUnderTest) -> None:
        """A close that is not promised is declined, and the invoice stays open."""
        if _promises(under_test, Capability.CANCEL):
            return
        invoice = open_invoice(under_test)
        command = CancelCommand(invoice.invoice_id, under_test.new_id())
        assert isinstance(under_test.gateway.cancel(command), Declined)
        assert under_test.gateway.lookup(invoice.invoice_id) == Open()

    def test_promise_updates(self, under_test: GatewayUnderTest) -> None:
        """A stream that is not promised is empty, and can be asked for all the same."""
        open_invoice(under_test)
        page = under_test.gateway.updates(None)
        assert page.hints == () or _promises(under_test, Capability.UPDATES)
        assert isinstance(page.cursor, str)

    @pytest.mark.parametrize("body", [b"", b"{}", b'{"id": "x"}'])
    def test_promise_webhooks(self, under_test: GatewayUnderTest, body: bytes) -> None:
        """Webhooks that are not promised are refused."""
        if _promises(under_test, Capability.WEBHOOKS):
            return
        with pytest.raises(WebhookRefused):
            under_test.gateway.parse_webhook({}, body)

    def test_promise_of_a_flow_to_hold(self, under_test: GatewayUnderTest, tmp_path: Path) -> None:
        """A flow whose action is paid first opens only if the gateway holds money."""
        _opens_only_if(Capability.HOLD, under_test, tmp_path, {"pessimistic": True})

    def test_promise_of_a_flow_to_refund(
        self, under_test: GatewayUnderTest, tmp_path: Path
    ) -> None:
        """A flow that is to send late money back opens only if the gateway can send it."""
        words = {"optimistic": True, "late_payment": LatePolicy.REFUND}
        _opens_only_if(Capability.REFUND, under_test, tmp_path, words)

    def test_promise_of_a_flow_to_pay_out(
        self, under_test: GatewayUnderTest, tmp_path: Path
    ) -> None:
        """A flow whose action pays out opens only if the gateway can send money to others."""

        def transfer(self: PaidAction, ctx: Context) -> Transfer:
            raise NotImplementedError

        words = {"funding": ("withdrawable",), "transfer": transfer}
        _opens_only_if(Capability.PAY_OUT, under_test, tmp_path, words)

    def test_promise_of_a_flow_alone(self, under_test: GatewayUnderTest, tmp_path: Path) -> None:
        """A flow whose action needs nothing but an invoice opens with any gateway."""
        _open(under_test, tmp_path, {"optimistic": True})


def _promises(under_test: GatewayUnderTest, capability: Capability) -> bool:
    return capability in under_test.gateway.profile.capabilities


def _opens_only_if(
    capability: Capability,
    under_test: GatewayUnderTest,
    folder: Path,
    words: Mapping[str, object],
) -> None:
    if _promises(under_test, capability):
        _open(under_test, folder, words)
        return
    with pytest.raises(InvalidConfiguration):
        _open(under_test, folder, words)


def _open(under_test: GatewayUnderTest, folder: Path, words: Mapping[str, object]) -> None:
    """Open a flow with one action, which has these class attributes and names the gateway."""

    def cost(self: PaidAction, ctx: Context) -> Money:
        return under_test.amount

    action = type(
        "Wish",
        (PaidAction,),
        {"kind": "wish", "gateway": "it", "cost": cost, "__module__": __name__, **words},
    )
    PaidFlow.open(
        f"sqlite:///{folder / 'promise.db'}",
        actions=[action],
        gateways={"it": under_test.gateway},
        secret="a secret only for checks",
    ).close()
