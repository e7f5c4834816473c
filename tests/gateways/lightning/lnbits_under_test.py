"""An LNbits on a real node and its world, for the checks that any gateway has to pass."""

from __future__ import annotations

import base64
from datetime import timedelta

from paidflow.money import Money, msats
from paidflow.payments.bolt11 import Network as Chain
from paidflow.payments.bolt11 import decode
from paidflow.payments.contract import Cancelled, Destination, Gateway, Invoice
from paidflow.payments.lnbits_webhook import LnbitsWebhook
from paidflow.payments.lnd import Lnd
from paidflow.testing.conformance.under_test import cannot_be_arranged
from tests.gateways.lightning.nodes import Network
from tests.gateways.lightning.processes import NotYet, wait_for
from tests.gateways.lnbits.server import LnbitsServer, ServerWallet
from tests.gateways.lnbits.under_test import (
    WEBHOOK_SECRET,
    WEBHOOK_URL,
    LnbitsUnderTest,
    gateway_of,
)

SOON = timedelta(minutes=1)


class LnbitsOnLndUnderTest(LnbitsUnderTest):
    """An LNbits that our node funds; the payer and the receivers have nodes of their own.

    Args:
        server: the LNbits.
        shop: the wallet there that is ours.
        node: the gateway of our node.
        network: all nodes.
    """

    def __init__(
        self, server: LnbitsServer, shop: ServerWallet, node: Lnd, network: Network
    ) -> None:
        self.node = node
        self.network = network
        super().__init__(server, shop, shop)

    def pointed_at(self, url: str, timeout_s: float) -> Gateway:
        return gateway_of(
            url,
            self.shop,
            node=self.node,
            network=Chain.REGTEST,
            webhook=LnbitsWebhook(WEBHOOK_URL, WEBHOOK_SECRET),
            timeout_s=timeout_s,
        )

    def pay(self, invoice: Invoice, amount: Money) -> bool:
        if amount != invoice.amount:
            return False  # lnd sends what an invoice asks for
        payer, ours = self.network.payer, self.network.ours
        try:
            payer.pay(invoice.payment_request)
        except AssertionError:
            return False  # it was paid before, or has expired

        def over() -> bool:
            status = payer.payment(invoice.invoice_id)["status"]
            held = ours.get(f"/v1/invoice/{invoice.invoice_id}")["state"] == "ACCEPTED"
            if status == "IN_FLIGHT" and not held:
                raise NotYet("the payment is on its way")
            return status != "FAILED"

        return wait_for(over)

    def pay_late(self, invoice: Invoice) -> None:
        cannot_be_arranged("late money")

    def expire(self, invoice: Invoice) -> None:
        if invoice.expires_at is not None and invoice.expires_at > self.now() + SOON:
            cannot_be_arranged("a hold that runs out when it is asked to: its node chooses")
        super().expire(invoice)

    def drop_hold(self, invoice: Invoice) -> None:
        while self.node.lookup(invoice.invoice_id) != Cancelled():
            self.network.mine_slowly(3)

    def destination(self, amount: Money) -> str:
        return self.network.receiver.invoice(amount.amount)

    def expired_destination(self, amount: Money) -> str:
        invoice = self.network.receiver.invoice(amount.amount, expiry_s=1)
        read = decode(invoice, Chain.REGTEST)
        assert isinstance(read, Destination)
        assert read.expires_at is not None
        while self.now() <= read.expires_at:
            self.pause()
        return invoice

    def unreachable_destination(self, amount: Money) -> str:
        """Its receiver has closed it, so no payment arrives."""
        invoice = self.network.receiver.invoice(amount.amount)
        hashed = base64.b64encode(bytes.fromhex(_hash_of(invoice))).decode()
        self.network.receiver.post("/v2/invoices/cancel", {"payment_hash": hashed})
        return invoice

    def received(self, destination: str) -> Money:
        found = self.network.receiver.get(f"/v1/invoice/{_hash_of(destination)}")
        return msats(int(found["amt_paid_msat"]))


def _hash_of(invoice: str) -> str:
    read = decode(invoice, Chain.REGTEST)
    assert isinstance(read, Destination)
    assert read.payment_id is not None
    return read.payment_id
