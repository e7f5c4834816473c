"""lnd and its world, for the checks that any gateway has to pass.

The gateway is the payer's node, because from there a payment can cost something: the one to the
receiver goes over our node. So our node is the payer here, and the receiver of what costs nothing.
"""

from __future__ import annotations

from typing import Any

from paidflow.money import Money
from paidflow.payments.contract import Cancelled, Gateway, Invoice
from paidflow.testing.conformance import GatewayUnderTest
from tests.gateways.lightning.nodes import Lnd as Node
from tests.gateways.lightning.nodes import Network
from tests.gateways.lightning.processes import NotYet, wait_for
from tests.gateways.lightning.support import SECRET, gateway_of, read

HOLD_BLOCKS = 60
"""Few enough to be mined in a test."""


class LndUnderTest(GatewayUnderTest):
    """A node of lnd with real channels.

    Args:
        nodes: all nodes.
    """

    wait_s = 120

    def __init__(self, nodes: Network) -> None:
        self.nodes = nodes
        self.node, self.other = nodes.payer, nodes.ours
        macaroon = self.node.macaroon.read_bytes()
        self.secrets = (macaroon.hex(), macaroon[-32:].hex(), SECRET.decode())
        self.lnd = gateway_of(self.node, hold_blocks=HOLD_BLOCKS)
        super().__init__(self.lnd)

    def close(self) -> None:
        """Let go of connections."""
        self.lnd.close()

    def pointed_at(self, url: str, timeout_s: float) -> Gateway:
        return gateway_of(self.node, url=url, timeout_s=timeout_s, hold_blocks=HOLD_BLOCKS)

    def pay(self, invoice: Invoice, amount: Money) -> bool:
        try:
            if amount == invoice.amount:
                self.other.pay(invoice.payment_request)
            else:
                self.other.pay_other_amount(invoice.payment_request, amount.amount)
        except AssertionError:  # it has expired, or was paid before
            return False

        def look() -> bool:
            status = self.other.payment(invoice.invoice_id)["status"]
            held = self._shown(self.node, invoice.invoice_id)["state"] == "ACCEPTED"
            if status in ("SUCCEEDED", "FAILED") or held:
                return status != "FAILED"
            raise NotYet(f"the payment is {status}")

        taken = wait_for(look)
        if self._shown(self.node, invoice.invoice_id)["state"] == "SETTLED":
            self.nodes.wait_for_rest(invoice.invoice_id)
        return taken

    def expire(self, invoice: Invoice) -> None:
        def look() -> None:
            if invoice.expires_at is None or self.now() <= invoice.expires_at:
                raise NotYet("its time has not run out")

        wait_for(look)

    def drop_hold(self, invoice: Invoice) -> None:
        while self.lnd.lookup(invoice.invoice_id) != Cancelled():
            self.nodes.mine_slowly(3)

    def destination(self, amount: Money) -> str:
        return self.other.invoice(amount.amount)

    def costly_destination(self, amount: Money) -> str:
        return self.nodes.receiver.invoice(amount.amount)

    def unreachable_destination(self, amount: Money) -> str:
        """He was there when he made the invoice, and has thrown it away since."""
        invoice = self.nodes.receiver.invoice(amount.amount)
        told = self.nodes.receiver.get(f"/v1/invoice/{self._id(invoice)}")
        self.nodes.receiver.post("/v2/invoices/cancel", {"payment_hash": told["r_hash"]})
        return invoice

    def expired_destination(self, amount: Money) -> str:
        invoice = self.other.invoice(amount.amount, expiry_s=1)

        def look() -> None:
            if self._shown(self.other, self._id(invoice))["state"] != "CANCELED":
                raise NotYet("it is open")

        wait_for(look)
        return invoice

    def received(self, destination: str) -> Money:
        return Money(int(self._shown(self.other, self._id(destination))["amt_paid_msat"]), "BTC")

    def _id(self, invoice: str) -> str:
        return read(self.lnd, invoice).payment_id or ""

    def _shown(self, node: Node, payment_hash: str) -> Any:
        return node.get(f"/v1/invoice/{payment_hash}")
