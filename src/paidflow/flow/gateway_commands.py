"""Tells a gateway what was asked for: look, call, look again.

What the call answered counts only when it says that it was declined.
"""

from __future__ import annotations

from paidflow.flow.asking import Asking
from paidflow.flow.invoices import Invoices, command_key
from paidflow.flow.loaded import Loaded, Moved
from paidflow.flow.tools import Tools
from paidflow.payments.contract import (
    CancelCommand,
    CaptureCommand,
    Declined,
    Held,
    RefundCommand,
    Settled,
)
from paidflow.states.commands import cancel_declined, capture_declined
from paidflow.states.decide import decide
from paidflow.states.giving_back import refund_declined
from paidflow.states.machine import State
from paidflow.states.refunds import refund_key
from paidflow.states.reversals import due_refund


class GatewayCommands:
    """Makes the calls whose intent is committed; each returns the action after it, and whether it
    moved on.

    Args:
        tools: what it works with.
        asking: to look with.
        invoices: to find out what an invoice was opened with.
    """

    def __init__(self, tools: Tools, asking: Asking, invoices: Invoices) -> None:
        self._t = tools
        self._asking = asking
        self._invoices = invoices

    def capture(self, loaded: Loaded) -> Moved:
        """Have the locked money handed over, unless it is already."""
        action_id, a = loaded.action_id, loaded.aggregate
        attempt = a.current
        if attempt is None or attempt.invoice_id is None:
            return loaded, False
        loaded, moved = self._asking.ask(loaded, attempt.gateway, attempt.invoice_id)
        if moved:
            return loaded, True
        preimage = self._invoices.preimage(action_id, a, attempt)
        if preimage is None:
            return loaded, False
        outcome = self._t.gateways.capture(
            attempt.gateway,
            CaptureCommand(
                invoice_id=attempt.invoice_id,
                key=command_key(action_id, attempt.number, "capture"),
                amount=attempt.amount,
                preimage=preimage,
            ),
        )
        answer = self._t.gateways.lookup(attempt.gateway, attempt.invoice_id)
        if isinstance(outcome, Declined) and isinstance(answer.lookup, Held):
            return self._asking.record(loaded, capture_declined(a), "capture_declined")
        events = decide(loaded.aggregate, answer, self._t.clock.now())
        return self._asking.record(loaded, events, "captured")

    def close(self, loaded: Loaded) -> Moved:
        """Have an invoice closed or the locked money released, unless it is already."""
        a = loaded.aggregate
        attempt = a.current if a.state is State.CANCELLING else a.to_close
        if attempt is None or attempt.invoice_id is None:
            return loaded, False
        loaded, moved = self._asking.ask(loaded, attempt.gateway, attempt.invoice_id)
        if moved:
            return loaded, True
        command = CancelCommand(
            attempt.invoice_id, command_key(loaded.action_id, attempt.number, "cancel")
        )
        outcome = self._t.gateways.cancel(attempt.gateway, command)
        answer = self._t.gateways.lookup(attempt.gateway, attempt.invoice_id)
        events = decide(loaded.aggregate, answer, self._t.clock.now())
        if not events and isinstance(outcome, Declined):
            events = cancel_declined(loaded.aggregate)
        return self._asking.record(loaded, events, "closed")

    def refund(self, loaded: Loaded) -> Moved:
        """Send a refund, unless the gateway lists it already."""
        refund = due_refund(loaded.aggregate)
        if refund is None:
            return loaded, False
        attempt = loaded.aggregate.attempts[refund.number - 1]
        invoice_id = attempt.invoice_id or ""
        answer = self._t.gateways.lookup(attempt.gateway, invoice_id)
        events = decide(loaded.aggregate, answer, self._t.clock.now())
        if events or not isinstance(answer.lookup, Settled):
            return self._asking.record(loaded, events, "answer")
        command = RefundCommand(invoice_id, refund_key(invoice_id, refund.refund), refund.amount)
        outcome = self._t.gateways.refund(attempt.gateway, command)
        answer = self._t.gateways.lookup(attempt.gateway, invoice_id)
        events = decide(loaded.aggregate, answer, self._t.clock.now())
        listed = isinstance(answer.lookup, Settled)
        if not events and listed and isinstance(outcome, Declined):
            events = refund_declined(loaded.aggregate, refund)
        return self._asking.record(loaded, events, "refunded")
