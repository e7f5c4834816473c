"""Settles a backlog: many actions in one transaction, as if each had been looked at in turn.

One read, decisions in memory, one write. If somebody else was faster with one of them, nothing is
stored and all are looked at again. If one of them cannot be written with the others, halves are
tried, until the culprit stands alone and goes the usual way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from paidflow.errors import Conflict, GatewayUnavailable, PaidflowError
from paidflow.flow.hooks import HookRaised
from paidflow.flow.loaded import Loaded, load_of_invoices
from paidflow.flow.planned import LateRefused
from paidflow.flow.steps import Steps
from paidflow.flow.tools import Tools
from paidflow.payments.contract import Unreachable
from paidflow.states import events as e
from paidflow.states.decide import decide

logger = logging.getLogger("paidflow.flow")

LOOKS_MAX = 4
"""How often many are looked at together because somebody else was faster with one of them."""

Move = tuple[str, Loaded, tuple[e.Event, ...]]
"""An invoice, its action as it was loaded, and what happens to it now."""


class Settling:
    """Looks at many invoices of one gateway.

    Args:
        tools: what it works with.
        steps: for those who go the usual way.
    """

    def __init__(self, tools: Tools, steps: Steps) -> None:
        self._t = tools
        self._steps = steps

    def settle(self, gateway: str, invoice_ids: Sequence[str]) -> list[str]:
        """Ask the gateway about each invoice, and record what follows.

        Args:
            gateway: whose invoices they are.
            invoice_ids: which; twice the same is as good as once.

        Returns:
            The invoices about which the gateway gave no answer, or which could not be recorded.
        """
        return self._look(gateway, invoice_ids, LOOKS_MAX)

    def _look(self, gateway: str, invoice_ids: Sequence[str], looks: int) -> list[str]:
        """Look at them together, so many times at most; a single one goes the usual way."""
        if len(set(invoice_ids)) == 1:
            return self._alone(gateway, invoice_ids[0])
        with self._t.store.reading() as tx:
            found = load_of_invoices(tx, gateway, sorted(set(invoice_ids)))
        moves: list[Move] = []
        left: list[str] = []
        taken: set[str] = set()
        for invoice_id, loaded in found:
            if loaded is None:
                left += self._alone(gateway, invoice_id)
                continue
            answer = self._t.gateways.lookup(gateway, invoice_id)
            if isinstance(answer.lookup, Unreachable):
                left.append(invoice_id)
            elif loaded.action_id in taken:  # a second invoice of the same action
                left += self._alone(gateway, invoice_id)
            else:
                taken.add(loaded.action_id)
                events = decide(loaded.aggregate, answer, self._t.clock.now())
                moves.append((invoice_id, loaded, events))
        return left + self._write(gateway, moves, looks - 1)

    def _write(self, gateway: str, moves: Sequence[Move], looks: int) -> list[str]:
        """Write all in one transaction, or halves of them; returns the invoices that are left."""
        if len(moves) < 2:
            return [left for move in moves for left in self._alone(gateway, move[0])]
        try:
            written = [(loaded, events) for _, loaded, events in moves if events]
            after = self._t.recorder.record_many(written, "answers") if written else []
        except (HookRaised, LateRefused, PaidflowError) as error:
            if isinstance(error, Conflict) and looks:
                return self._look(gateway, [invoice_id for invoice_id, *_ in moves], looks)
            logger.info("%d settlements do not go together: %s", len(moves), type(error).__name__)
            middle = len(moves) // 2
            halves = (moves[:middle], moves[middle:])
            return [left for half in halves for left in self._write(gateway, half, looks)]
        unmoved = [loaded for _, loaded, events in moves if not events]
        for loaded in (*after, *unmoved):
            self._guarded(gateway, lambda loaded=loaded: self._go_on(loaded))
        return []

    def _go_on(self, loaded: Loaded) -> None:
        self._steps.drive(loaded, hooks_too=False)

    def _alone(self, gateway: str, invoice_id: str) -> list[str]:
        def look() -> None:
            loaded = self._steps.load_of_invoice(gateway, invoice_id)
            if loaded is not None:
                self._go_on(self._steps.look_at(loaded, gateway, invoice_id))

        try:
            self._guarded(gateway, look)
        except GatewayUnavailable:
            return [invoice_id]
        return []

    def _guarded(self, gateway: str, work: Callable[[], None]) -> None:
        """One action that cannot be worked on must not keep the others from being."""
        try:
            work()
        except Exception as error:
            retryable = isinstance(error, PaidflowError) and error.retryable
            if retryable or self._t.store.passing(error):
                raise  # the message is read again
            logger.error("an invoice of %s: %s", gateway, type(error).__name__)
