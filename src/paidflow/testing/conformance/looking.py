"""Checks of ``lookup``: what it shows, and what it says of ids that are none."""

from __future__ import annotations

import pytest

from paidflow.payments.contract import NotFound, Open, Pending, Settled, Unreachable
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.steps import open_invoice, paid_invoice, wait_for
from paidflow.testing.conformance.under_test import GatewayUnderTest

IDS_THAT_ARE_NONE = {
    "empty": "",
    "a path": "../../invoices",
    "a query": "x?limit=1#y",
    "escaped": "%2e%2e%2f",
    "spaces and lines": " a\r\nHost: b ",
    "zero byte": "a\0b",
    "every script": "支払い\U0001f9fe",
    "half a character": "\ud800",
    "long": "f" * 10_000,
}


class LookupChecks(Checks):
    """Looking invoices up."""

    topic = "lookup"

    def test_lookup_open(self, under_test: GatewayUnderTest) -> None:
        """An invoice that nobody has paid is open."""
        invoice = open_invoice(under_test)
        assert under_test.gateway.lookup(invoice.invoice_id) == Open()

    def test_lookup_changes_nothing(self, under_test: GatewayUnderTest) -> None:
        """Looking three times shows three times the same."""
        invoice = open_invoice(under_test)
        answers = {under_test.gateway.lookup(invoice.invoice_id) for _ in range(3)}
        assert answers == {Open()}

    def test_lookup_tells_invoices_apart(self, under_test: GatewayUnderTest) -> None:
        """The payment of one invoice does not show in another one."""
        other = open_invoice(under_test)
        paid = paid_invoice(under_test)
        assert under_test.gateway.lookup(other.invoice_id) == Open()
        assert isinstance(under_test.gateway.lookup(paid.invoice_id), Settled)

    def test_lookup_unknown_id(self, under_test: GatewayUnderTest) -> None:
        """An id of the right shape that the gateway never gave is not found."""
        invoice = open_invoice(under_test)
        other = _other_of_its_shape(invoice.invoice_id)
        assert under_test.gateway.lookup(other) == NotFound()

    @pytest.mark.parametrize("kind", IDS_THAT_ARE_NONE)
    def test_lookup_id_that_is_none(self, under_test: GatewayUnderTest, kind: str) -> None:
        """A text that cannot be an id is not found, or nothing is known; nothing is raised."""
        answer = under_test.gateway.lookup(IDS_THAT_ARE_NONE[kind])
        assert isinstance(answer, NotFound | Unreachable)

    def test_lookup_payment_on_its_way(self, under_test: GatewayUnderTest) -> None:
        """A payment that is on its way is pending: neither open nor settled."""
        invoice = open_invoice(under_test)
        under_test.start_payment(invoice)
        wait_for(under_test, invoice.invoice_id, Pending)

    def test_lookup_payment_that_did_not_arrive(self, under_test: GatewayUnderTest) -> None:
        """An invoice whose payment did not arrive is open again, and can be paid."""
        invoice = open_invoice(under_test)
        under_test.start_payment(invoice)
        wait_for(under_test, invoice.invoice_id, Pending)
        under_test.fail_payment(invoice)
        wait_for(under_test, invoice.invoice_id, Open)
        assert under_test.pay(invoice, invoice.amount)
        assert wait_for(under_test, invoice.invoice_id, Settled).amount == invoice.amount


def _other_of_its_shape(invoice_id: str) -> str:
    """The same id with its last eight letters and digits replaced by others."""
    head, tail = invoice_id[:-8], invoice_id[-8:]
    other = "".join("0" if letter != "0" else "1" for letter in tail)
    return head + other
