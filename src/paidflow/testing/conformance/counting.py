"""Checks of ``holdings``: money of the account moves by exactly what was moved."""

from __future__ import annotations

from paidflow.money import Money
from paidflow.payments.contract import (
    Accepted,
    Capability,
    HoldingsGateway,
    PaidOut,
    RefundCommand,
    RefundingGateway,
    Unreachable,
)
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.paying_out import end_of, payment_to_receiver
from paidflow.testing.conformance.steps import (
    cancelled,
    capture,
    hold,
    open_invoice,
    paid_invoice,
    part_of,
    require,
    wait_until,
)
from paidflow.testing.conformance.under_test import GatewayUnderTest


class HoldingsChecks(Checks):
    """What the gateway holds for us."""

    topic = "holdings"

    def test_holdings_each_currency_once(self, under_test: GatewayUnderTest) -> None:
        """There is one amount in each currency, whether or not anything has come in yet."""
        held = _gateway(under_test).holdings()
        assert not isinstance(held, Unreachable)
        currencies = [amount.currency for amount in held]
        assert len(set(currencies)) == len(currencies)

    def test_holdings_grow_by_a_payment(self, under_test: GatewayUnderTest) -> None:
        """A payment adds exactly what was received; an open invoice adds nothing."""
        before = _held(under_test)
        invoice = open_invoice(under_test)
        assert _held(under_test) == before
        assert under_test.pay(invoice, invoice.amount)
        _wait_for(under_test, before + invoice.amount)

    def test_holdings_without_holds(self, under_test: GatewayUnderTest) -> None:
        """Locked money does not count until it is captured."""
        _gateway(under_test)
        require(under_test, Capability.HOLD)
        before = _held(under_test)
        held = hold(under_test)
        assert _held(under_test) == before
        assert capture(under_test, held) == Accepted()
        _wait_for(under_test, before + held.locked.amount)

    def test_holdings_after_a_release(self, under_test: GatewayUnderTest) -> None:
        """Money that was locked and released has never counted."""
        _gateway(under_test)
        require(under_test, Capability.HOLD)
        before = _held(under_test)
        cancelled(under_test, hold(under_test).invoice)
        assert _held(under_test) == before

    def test_holdings_shrink_by_a_refund(self, under_test: GatewayUnderTest) -> None:
        """A refund takes away exactly what goes back."""
        gateway = _gateway(under_test)
        require(under_test, Capability.REFUND)
        assert isinstance(gateway, RefundingGateway)
        before = _held(under_test)
        invoice = paid_invoice(under_test)
        part = part_of(invoice.amount, 1, 4)
        command = RefundCommand(invoice.invoice_id, under_test.new_id(), part)
        assert gateway.refund(command) == Accepted()
        _wait_for(under_test, before + invoice.amount - part)

    def test_holdings_shrink_by_a_payment(self, under_test: GatewayUnderTest) -> None:
        """An outgoing payment takes away what the receiver got, and what that has cost."""
        _gateway(under_test)
        command = payment_to_receiver(under_test)
        before = _held(under_test)
        paid = end_of(under_test, command)
        assert isinstance(paid, PaidOut)
        _wait_for(under_test, before - paid.amount - paid.fee)


def _gateway(under_test: GatewayUnderTest) -> HoldingsGateway:
    require(under_test, Capability.HOLDINGS)
    assert isinstance(under_test.gateway, HoldingsGateway)
    return under_test.gateway


def _held(under_test: GatewayUnderTest) -> Money:
    """What is held in the currency of the ordinary amount."""
    held = _gateway(under_test).holdings()
    assert not isinstance(held, Unreachable)
    currency = under_test.amount.currency
    return next((each for each in held if each.currency == currency), Money(0, currency))


def _wait_for(under_test: GatewayUnderTest, expected: Money) -> None:
    wait_until(under_test, lambda: _held(under_test) == expected or _held(under_test), bool)
