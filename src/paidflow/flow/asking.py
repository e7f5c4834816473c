"""Asks a gateway about an invoice, and records what follows."""

from __future__ import annotations

from paidflow.flow.loaded import Loaded, Moved
from paidflow.flow.tools import Tools
from paidflow.states import events as e
from paidflow.states.decide import decide
from paidflow.states.machine import State


class Asking:
    """Load, ask, decide, append, without the first.

    Args:
        tools: what it works with.
    """

    def __init__(self, tools: Tools) -> None:
        self._t = tools

    def ask(self, loaded: Loaded, gateway: str, invoice_id: str) -> Moved:
        """Ask about one invoice; the action after it, and whether it moved on."""
        answer = self._t.gateways.lookup(gateway, invoice_id)
        events = decide(loaded.aggregate, answer, self._t.clock.now())
        return self.record(loaded, events, "answer")

    def record(self, loaded: Loaded, events: e.Events, step: str) -> Moved:
        """Record what follows from an answer; facts alone if the step cannot be done."""
        if not events:
            return loaded, False
        record = self._t.recorder.record_or_fall_back
        after, done = record(loaded.action_id, loaded, events, step)
        was, now = loaded.aggregate.state, after.aggregate.state
        return after, done or now is State.CANCELLING is not was
