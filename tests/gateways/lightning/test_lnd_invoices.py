"""Invoices and holds on a real node, paid by another one."""

from __future__ import annotations

import pytest

from paidflow.money import msats
from paidflow.payments.contract import (
    CancelCommand,
    Declined,
    Open,
    Settled,
)
from paidflow.payments.lnd import Lnd
from tests.gateways.lightning.nodes import Network
from tests.gateways.lightning.support import opened, wait_for_lookup

pytestmark = pytest.mark.lightning


def test_an_invoice_is_paid(network: Network, lnd: Lnd) -> None:
    invoice = opened(lnd, msats(12_345))
    assert lnd.lookup(invoice.invoice_id) == Open()
    network.payer.pay(invoice.payment_request)
    assert wait_for_lookup(lnd, invoice.invoice_id, Settled) == Settled(msats(12_345))
    late = lnd.cancel(CancelCommand(invoice.invoice_id, "late"))
    assert isinstance(late, Declined)
    assert lnd.lookup(invoice.invoice_id) == Settled(msats(12_345))
