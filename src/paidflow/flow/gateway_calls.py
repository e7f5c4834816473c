"""What is called because of what happens at a gateway; a part of ``PaidFlow``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paidflow.errors import ActionNotFound, GatewayUnavailable
from paidflow.flow.gateways import Gateways
from paidflow.flow.inbox import Inbox, WebhookAnswer
from paidflow.flow.inbox_work import InboxWork
from paidflow.flow.joining import Joining
from paidflow.flow.receipt import Receipt
from paidflow.flow.settling import Settling
from paidflow.payments.contract import Answer, Unreachable


class GatewayCalls:
    """What webhooks, streams and workers call: look at an invoice or a payment."""

    gateways: Gateways
    _at: Joining
    _settling: Settling
    _inbox: Inbox
    _inbox_work: InboxWork

    def sync(self, gateway: str, invoice_id: str) -> Receipt | None:
        """Look at an invoice: load, ask, decide, append. Any hint from a gateway ends here.

        Returns:
            Where its action stands; ``None`` when the invoice belongs to none.

        Raises:
            GatewayUnavailable: when the gateway gives no answer; ask again later.
        """
        with self._at("sync") as services:
            loaded = services.steps.load_of_invoice(gateway, invoice_id)
            if loaded is None:
                return None
            loaded = services.steps.look_at(loaded, gateway, invoice_id)
            loaded, _ = services.steps.drive(loaded, hooks_too=False)
            return services.reading.receipt(loaded)

    def sync_payment(self, action_id: str, number: int | None = None) -> Receipt:
        """Look at a payment to somebody else: load, ask, decide, append.

        Args:
            action_id: the action that it belongs to.
            number: which of its payments; ``None`` for the latest.

        Returns:
            Where the action stands.

        Raises:
            ActionNotFound: when there is no such action, or it has no such payment.
            GatewayUnavailable: when the gateway gives no answer; ask again later.
        """
        with self._at("sync") as services:
            loaded = services.steps.load(action_id)
            if loaded is None:
                raise ActionNotFound
            loaded = services.steps.look_at_payment(loaded, number)
            loaded, _ = services.steps.drive(loaded, hooks_too=False)
            return services.reading.receipt(loaded)

    def ask(self, gateway: str, invoice_id: str) -> Answer:
        """Ask a gateway about an invoice, to apply the answer inside a transaction.

        Raises:
            GatewayUnavailable: when the gateway gives no answer; ask again later.
        """
        with self._at("ask"):
            answer = self.gateways.lookup(gateway, invoice_id)
        if isinstance(answer.lookup, Unreachable):
            raise GatewayUnavailable(gateway)
        return answer

    def apply(self, answer: Answer, *, tx: Any = None) -> Receipt | None:
        """Record what follows from an answer that ``ask`` has returned.

        Args:
            answer: what the gateway has shown. An old one does no harm.
            tx: the caller's open transaction to do it in; what the gateway must be told after it
                is left to a worker.

        Returns:
            Where its action stands; ``None`` when the invoice belongs to none.
        """
        with self._at("apply", tx) as services:
            loaded = services.steps.load_of_invoice(answer.gateway, answer.invoice_id)
            if loaded is None:
                return None
            loaded = services.steps.apply(loaded, answer)
            loaded, _ = services.steps.drive(loaded, hooks_too=False)
            return services.reading.receipt(loaded)

    def receive_webhook(
        self, gateway: str, headers: Mapping[str, str], body: bytes
    ) -> WebhookAnswer:
        """Take in what a gateway has sent; a worker looks where it says that one should look.

        It is kept as it came, and nothing in it is believed. No gateway is asked, so the answer is
        there soon.

        Args:
            gateway: the name under which the gateway is configured, as in the address.
            headers: those of the request; the case of their names does not matter.
            body: the bytes of the request, as they came.

        Returns:
            What to tell the gateway, also with an ``http_status``.
        """
        with self._at("receive_webhook"):
            return self._inbox.receive(gateway, headers, body)

    def look_at_webhooks(self, limit: int = 250) -> int:
        """Look where webhooks said that one should look, as a worker does all the time.

        Args:
            limit: how many webhooks at most, 1 to 1,000.

        Returns:
            How many were worked on.
        """
        with self._at("look_at_webhooks"):
            return self._inbox_work.run_once(min(max(limit, 1), 1000))

    def sync_many(self, gateway: str, invoice_ids: Sequence[str]) -> list[str]:
        """Look at many invoices at once: in effect the same as ``sync`` of each, but faster.

        Returns:
            The invoices about which the gateway gave no answer; ask again later.
        """
        with self._at("sync"):
            return self._settling.settle(gateway, invoice_ids)
