"""Checks of payments: the answer says what was received, not what was asked for."""

from __future__ import annotations

import pytest

from paidflow.payments.contract import Settled
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.steps import open_invoice, paid_invoice, part_of, wait_for
from paidflow.testing.conformance.under_test import GatewayUnderTest


class PayChecks(Checks):
    """Payments of ordinary invoices."""

    topic = "pay"

    def test_pay_settles(self, under_test: GatewayUnderTest) -> None:
        """A payment of what is asked for settles the invoice over that amount."""
        invoice = open_invoice(under_test)
        assert under_test.pay(invoice, invoice.amount)
        assert wait_for(under_test, invoice.invoice_id, Settled) == Settled(invoice.amount)

    def test_pay_odd_amount(self, under_test: GatewayUnderTest) -> None:
        """An odd amount arrives to the last unit."""
        amount = part_of(under_test.amount, 997, 1000)
        invoice = paid_invoice(under_test, amount)
        assert under_test.gateway.lookup(invoice.invoice_id) == Settled(amount)

    def test_pay_every_currency(self, under_test: GatewayUnderTest) -> None:
        """In every currency of the profile the amount that is shown is the one that was paid."""
        for currency in sorted(under_test.gateway.profile.currencies):
            amount = under_test.amount_in(currency)
            invoice = paid_invoice(under_test, amount)
            assert under_test.gateway.lookup(invoice.invoice_id) == Settled(amount)

    @pytest.mark.parametrize(("numerator", "denominator"), [(1, 2), (3, 2)])
    def test_pay_other_amount(
        self, under_test: GatewayUnderTest, numerator: int, denominator: int
    ) -> None:
        """Less or more than was asked for is refused to the payer, or shown as what it is."""
        invoice = open_invoice(under_test)
        sent = part_of(invoice.amount, numerator, denominator)
        if under_test.pay(invoice, sent):
            assert wait_for(under_test, invoice.invoice_id, Settled).amount == sent
        else:
            assert not isinstance(under_test.gateway.lookup(invoice.invoice_id), Settled)

    def test_pay_twice(self, under_test: GatewayUnderTest) -> None:
        """A second payment is refused to the payer, or shown as received too."""
        invoice = paid_invoice(under_test)
        taken = under_test.pay(invoice, invoice.amount)
        received = part_of(invoice.amount, 2 if taken else 1, 1)
        assert wait_for(under_test, invoice.invoice_id, Settled).amount == received

    def test_pay_stays_settled(self, under_test: GatewayUnderTest) -> None:
        """A settled invoice stays settled, and is settled again with each look."""
        invoice = paid_invoice(under_test)
        answers = [under_test.gateway.lookup(invoice.invoice_id) for _ in range(3)]
        assert answers == [Settled(invoice.amount)] * 3
