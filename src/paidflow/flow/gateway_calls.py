"""What is called because of what happens at a gateway; a part of ``PaidFlow``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from paidflow.errors import ActionNotFound, GatewayUnavailable
from paidflow.flow.gateways import Gateways
from paidflow.flow.joining import Joining
from paidflow.flow.receipt import Receipt
from paidflow.flow.settling import Settling
from paidflow.payments.contract import Answer, Unreachable


class GatewayCalls:
    """What webhooks, streams and workers call: look at an invoice or a payment."""

    gateways: Gateways
    _at: Joining
    _settling: Settling

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

    def sync_many(self, gateway: str, invoice_ids: Sequence[str]) -> list[str]:
        """Look at many invoices at once: in effect the same as ``sync`` of each, but faster.

        Returns:
            The invoices about which the gateway gave no answer; ask again later.
        """
        with self._at("sync"):
            return self._settling.settle(gateway, invoice_ids)
