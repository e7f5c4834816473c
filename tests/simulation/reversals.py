"""Rules: money that goes back, by refunds and disputes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from paidflow import sats
from tests.simulation.run import FAULTS, PICK, Run, invoices, touches


class Reversals(Run):
    """What operators, payers and the gateway do with money that was received."""

    @precondition(lambda self: self.world.known)
    @rule(pick=PICK, part=st.sampled_from((None, 1, 4, 10)))
    def refund(self, pick: int, part: int | None) -> None:
        action_id = self._known(pick).receipt.action_id
        amount = None if part is None else sats(part)
        self._try(lambda: self.world.flow.refund(action_id, amount, operator="op", why="a test"))
        self._did("refund")

    @touches(invoices)
    @rule(
        pick=PICK,
        how=st.sampled_from(("refund_outside", "open_dispute")),
        part=st.sampled_from((None, 1, 4)),
    )
    def send_back(self, pick: int, how: str, part: int | None) -> None:
        amount = None if part is None else sats(part)
        getattr(self.world.bank, how)(self._invoice(pick), amount)
        self._did("send_back")

    @touches(invoices)
    @rule(
        pick=PICK,
        how=st.sampled_from(("win_dispute", "lose_dispute", "finish_refund", "bounce_refund")),
    )
    def decide_reversals(self, pick: int, how: str) -> None:
        for reversal in self.world.bank.reversals(self._invoice(pick)):
            getattr(self.world.bank, how)(reversal.reversal_id)
        self._did("decide_reversals")

    @precondition(lambda self: self.world.known)
    @rule(pick=PICK, kind=st.sampled_from(FAULTS))
    def refund_fault_now(self, pick: int, kind: Any) -> None:
        """A refund with this fault, and another one after it."""
        self.world.bank.outage(False)
        self.world.bank.clear_faults()
        self.world.bank.fault("refund", kind)
        known = self._known(pick)
        for _ in range(2):
            self._try(
                lambda: self.world.flow.refund(
                    known.receipt.action_id, sats(1), operator="op", why="a test"
                )
            )
        self._did("refund_fault_now")

    @rule(on=st.booleans())
    def slow_refunds(self, on: bool) -> None:
        self.world.bank.slow_refunds = on
        self._did("slow_refunds")
