"""An LNbits and its world, for the checks that any gateway has to pass."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from paidflow.money import Money, msats
from paidflow.payments.contract import Gateway, Invoice
from paidflow.payments.lnbits import TIMEOUT_S, LnbitsGateway
from paidflow.payments.lnbits_webhook import LnbitsWebhook
from paidflow.testing.conformance import GatewayUnderTest
from tests.gateways.lnbits.server import LnbitsServer, ServerWallet

WEBHOOK_URL = "http://127.0.0.1:9/nobody-listens"
WEBHOOK_SECRET = b"only for tests, only for webhooks"


class WebhookReceiver:
    """Where LNbits sends webhooks to; it keeps what comes."""

    def __init__(self) -> None:
        self.received: queue.SimpleQueue[tuple[dict[str, str], bytes]] = queue.SimpleQueue()
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                received.put((dict(self.headers), body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhook"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class LnbitsUnderTest(GatewayUnderTest):
    """An LNbits with play money: the payer and the receivers have wallets there as well.

    Args:
        server: the server.
        shop: the wallet that is ours.
        payer: somebody else's.
    """

    webhooks_are_signed = False

    def __init__(
        self,
        server: LnbitsServer,
        shop: ServerWallet,
        payer: ServerWallet,
    ) -> None:
        self.server = server
        self.shop = shop
        self.payer = payer
        self.receivers: dict[str, ServerWallet] = {}
        self.secrets = (shop.admin_key, shop.invoice_key, WEBHOOK_SECRET.decode())
        super().__init__(self.pointed_at(server.url, TIMEOUT_S))

    def pointed_at(self, url: str, timeout_s: float) -> Gateway:
        return gateway_of(
            url,
            self.shop,
            webhook=LnbitsWebhook(WEBHOOK_URL, WEBHOOK_SECRET),
            timeout_s=timeout_s,
        )

    def pay(self, invoice: Invoice, amount: Money) -> bool:
        if amount != invoice.amount:
            return False  # the payer's LNbits always sends what an invoice asks for
        answer = self.server.pay(self.payer, invoice.payment_request)
        return answer.status_code == 201 and answer.json()["status"] == "success"

    def pay_late(self, invoice: Invoice) -> None:
        assert self.pay(invoice, invoice.amount)  # within one LNbits nobody looks at the expiry

    def expire(self, invoice: Invoice) -> None:
        assert invoice.expires_at is not None
        while self.now() <= invoice.expires_at:
            time.sleep(0.1)

    def destination(self, amount: Money) -> str:
        receiver = self.server.new_wallet("receiver")
        invoice: str = self.server.invoice(receiver, amount.amount // 1000)["bolt11"]
        self.receivers[invoice] = receiver
        return invoice

    def received(self, destination: str) -> Money:
        return msats(self.server.balance_msats(self.receivers[destination]))

    def expired_destination(self, amount: Money) -> str:
        receiver = self.server.new_wallet("receiver")
        invoice = self.server.invoice(receiver, amount.amount // 1000, expiry=1)
        time.sleep(2)
        return invoice["bolt11"]

    def webhook(self, invoice: Invoice) -> tuple[Mapping[str, str], bytes]:
        """What LNbits would send: the row as it shows it, as JSON within JSON."""
        rows = self.server.rows(self.shop, payment_hash=invoice.invoice_id)
        rows = rows or self.server.rows(self.shop)
        body = json.dumps(rows[0] | {"payment_hash": invoice.invoice_id})
        return {"Content-Type": "application/json"}, json.dumps(body).encode()


def gateway_of(url: str, wallet: ServerWallet, **settings: object) -> LnbitsGateway:
    """The gateway to a wallet."""
    return LnbitsGateway(
        url,
        wallet_id=wallet.wallet_id,
        invoice_key=wallet.invoice_key,
        admin_key=wallet.admin_key,
        **settings,  # type: ignore[arg-type]
    )
