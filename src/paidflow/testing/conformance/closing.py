"""Checks of ``cancel``, of expiry, and of money that comes after them."""

from __future__ import annotations

import pytest

from paidflow.payments.contract import (
    Accepted,
    CancelCommand,
    Cancelled,
    Capability,
    Declined,
    Expired,
    Held,
    Invoice,
    Open,
    Pending,
    Settled,
)
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.steps import (
    cancel,
    cancelled,
    captured,
    hold,
    new_preimage,
    not_supported,
    open_invoice,
    paid_invoice,
    require,
    wait_for,
)
from paidflow.testing.conformance.under_test import GatewayUnderTest


class CancelChecks(Checks):
    """Closing invoices, and releasing locked money."""

    topic = "cancel"

    def test_cancel_open(self, under_test: GatewayUnderTest) -> None:
        """An unpaid invoice can be closed, and the payer cannot pay it any more."""
        require(under_test, Capability.CANCEL)
        invoice = open_invoice(under_test)
        _close(under_test, invoice.invoice_id)
        assert not under_test.pay(invoice, invoice.amount)
        assert under_test.gateway.lookup(invoice.invoice_id) == Cancelled()

    def test_cancel_open_hold(self, under_test: GatewayUnderTest) -> None:
        """An unpaid hold can be closed, and the payer cannot pay it any more."""
        require(under_test, Capability.HOLD)
        invoice = open_invoice(under_test, preimage=new_preimage())
        _close(under_test, invoice.invoice_id)
        assert not under_test.pay(invoice, invoice.amount)
        assert under_test.gateway.lookup(invoice.invoice_id) == Cancelled()

    def test_cancel_held(self, under_test: GatewayUnderTest) -> None:
        """Locked money is released."""
        held = hold(under_test)
        cancelled(under_test, held.invoice)

    def test_cancel_twice(self, under_test: GatewayUnderTest) -> None:
        """Closing again is harmless, and it stays closed."""
        require(under_test, Capability.CANCEL)
        invoice = open_invoice(under_test)
        _close(under_test, invoice.invoice_id)
        assert isinstance(cancel(under_test, invoice), Accepted | Declined)
        assert under_test.gateway.lookup(invoice.invoice_id) == Cancelled()

    def test_cancel_held_twice(self, under_test: GatewayUnderTest) -> None:
        """Releasing again is harmless, and nothing is released twice."""
        held = hold(under_test)
        cancelled(under_test, held.invoice)
        assert isinstance(cancel(under_test, held.invoice), Accepted | Declined)
        assert under_test.gateway.lookup(held.invoice.invoice_id) == Cancelled()

    def test_cancel_settled(self, under_test: GatewayUnderTest) -> None:
        """A paid invoice cannot be closed: declined, and the money stays ours."""
        require(under_test, Capability.CANCEL)
        invoice = paid_invoice(under_test)
        assert isinstance(cancel(under_test, invoice), Declined)
        assert under_test.gateway.lookup(invoice.invoice_id) == Settled(invoice.amount)

    def test_cancel_captured(self, under_test: GatewayUnderTest) -> None:
        """Captured money cannot be released: declined, and the money stays ours."""
        held = captured(under_test)
        assert isinstance(cancel(under_test, held.invoice), Declined)
        assert under_test.gateway.lookup(held.invoice.invoice_id) == Settled(held.locked.amount)

    def test_cancel_payment_on_its_way(self, under_test: GatewayUnderTest) -> None:
        """While a payment is on its way, a close is declined and the payment may arrive."""
        require(under_test, Capability.CANCEL)
        invoice = open_invoice(under_test)
        under_test.start_payment(invoice)
        wait_for(under_test, invoice.invoice_id, Pending)
        assert isinstance(cancel(under_test, invoice), Declined)
        assert under_test.pay(invoice, invoice.amount)
        wait_for(under_test, invoice.invoice_id, Settled)

    def test_cancel_unknown_id(self, under_test: GatewayUnderTest) -> None:
        """A close of an invoice that is not there is declined."""
        require(under_test, Capability.CANCEL)
        unknown = "0" * len(open_invoice(under_test).invoice_id)
        command = CancelCommand(unknown, under_test.new_id())
        assert isinstance(under_test.gateway.cancel(command), Declined)

    def test_cancel_one_of_two(self, under_test: GatewayUnderTest) -> None:
        """Closing one invoice leaves others alone."""
        require(under_test, Capability.CANCEL)
        invoice, other = open_invoice(under_test), open_invoice(under_test)
        _close(under_test, invoice.invoice_id)
        assert under_test.gateway.lookup(other.invoice_id) == Open()

    def test_cancel_one_hold_of_two(self, under_test: GatewayUnderTest) -> None:
        """Releasing one hold leaves others locked."""
        held, other = hold(under_test), hold(under_test)
        cancelled(under_test, held.invoice)
        assert isinstance(under_test.gateway.lookup(other.invoice.invoice_id), Held)


class ExpiryChecks(Checks):
    """Invoices whose time runs out, and late money."""

    topic = "expiry"

    @pytest.mark.parametrize("kind", ["invoice", "hold"])
    def test_expiry_closes(self, under_test: GatewayUnderTest, kind: str) -> None:
        """When its time has run out, an invoice is closed, or stays open as the profile says."""
        invoice = _expiring(under_test, kind)
        under_test.expire(invoice)
        if under_test.gateway.profile.close_grace_s is None:
            wait_for(under_test, invoice.invoice_id, Expired)
        else:
            assert isinstance(under_test.gateway.lookup(invoice.invoice_id), Open | Expired)

    @pytest.mark.parametrize("kind", ["invoice", "hold"])
    def test_expiry_takes_no_payment(self, under_test: GatewayUnderTest, kind: str) -> None:
        """A payer cannot pay an invoice that has run out, if the profile says it closes."""
        if under_test.gateway.profile.close_grace_s is not None:
            not_supported("an invoice that closes for certain")
        invoice = _expiring(under_test, kind)
        under_test.expire(invoice)
        wait_for(under_test, invoice.invoice_id, Expired)
        assert not under_test.pay(invoice, invoice.amount)
        assert under_test.gateway.lookup(invoice.invoice_id) == Expired()

    def test_expiry_cancel(self, under_test: GatewayUnderTest) -> None:
        """Closing an invoice that has run out is harmless."""
        require(under_test, Capability.CANCEL)
        invoice = _expiring(under_test, "invoice")
        under_test.expire(invoice)
        assert isinstance(cancel(under_test, invoice), Accepted | Declined)
        answer = under_test.gateway.lookup(invoice.invoice_id)
        assert isinstance(answer, Open | Expired | Cancelled)

    def test_expiry_of_a_held_one(self, under_test: GatewayUnderTest) -> None:
        """The expiry of a hold does not end it once its money is locked."""
        require(under_test, Capability.HOLD)
        invoice = _expiring(under_test, "hold")
        assert under_test.pay(invoice, invoice.amount)
        wait_for(under_test, invoice.invoice_id, Held)
        under_test.expire(invoice)
        assert isinstance(under_test.gateway.lookup(invoice.invoice_id), Held)

    @pytest.mark.parametrize("end", ["expired", "cancelled"])
    def test_late_money_shows(self, under_test: GatewayUnderTest, end: str) -> None:
        """Money that comes for a closed invoice shows as settled, never as closed."""
        invoice = _expiring(under_test, "invoice")
        if end == "expired":
            under_test.expire(invoice)
        else:
            require(under_test, Capability.CANCEL)
            _close(under_test, invoice.invoice_id)
        under_test.pay_late(invoice)
        assert wait_for(under_test, invoice.invoice_id, Settled).amount == invoice.amount


def _close(under_test: GatewayUnderTest, invoice_id: str) -> None:
    if under_test.gateway.profile.close_grace_s is not None:
        not_supported("an invoice that closes for certain")
    command = CancelCommand(invoice_id, under_test.new_id())
    assert under_test.gateway.cancel(command) == Accepted()
    wait_for(under_test, invoice_id, Cancelled)


def _expiring(under_test: GatewayUnderTest, kind: str) -> Invoice:
    preimage = None
    if kind == "hold":
        require(under_test, Capability.HOLD)
        preimage = new_preimage()
    return open_invoice(under_test, preimage=preimage, expires_in_s=under_test.short_expiry_s)
