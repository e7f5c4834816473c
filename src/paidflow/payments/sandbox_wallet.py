"""A receiver's wallet at the sandbox: an account of its own, whose invoices others can pay."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Literal

from paidflow.clock import SystemClock
from paidflow.ids import Ids, RandomIds
from paidflow.money import Money
from paidflow.payments.contract import Declined, OpenCommand, Opened
from paidflow.payments.sandbox import SandboxGateway

WalletFault = Literal["refuse", "raise", "hang", "nonsense", "more", "less", "expire", "again"]


class SandboxWallet:
    """Makes invoices at an account of the sandbox.

    Args:
        account: the receiver's account; the paying gateway has it among its ``receivers``.
        ids: where the ids of the invoices come from.
        rounds_to: the smallest amount that it asks for, in minor units; rest is left out.

    Attributes:
        fault: what goes wrong with every invoice: it refuses; raises; does not answer until
            ``wake`` is set; answers nonsense; asks for one minor unit more, or for half; its
            invoice expires at once; or it gives the same invoice again.
        asked: how often it was asked.
    """

    def __init__(
        self, account: SandboxGateway, *, ids: Ids | None = None, rounds_to: int = 1
    ) -> None:
        self.fault: WalletFault | None = None
        self.asked = 0
        self.wake = threading.Event()
        self._account = account
        self._ids = ids or RandomIds(SystemClock())
        self._rounds_to = rounds_to
        self._last: str | None = None

    def invoice(self, amount: Money, description: str, expires_in_s: int) -> str | Declined:
        """Make an invoice, or do what ``fault`` says."""
        self.asked += 1
        fault, asked = self.fault, amount.amount // self._rounds_to * self._rounds_to
        match fault:
            case "refuse":
                return Declined("the sandbox was told to refuse")
            case "raise":
                raise RuntimeError("the sandbox was told to raise")
            case "hang":
                self.wake.wait()
            case "nonsense":
                return "lorem ipsum"
            case "again" if self._last is not None:
                return self._last
            case "more":
                asked = amount.amount + 1
            case "less":
                asked //= 2
            case _:
                pass
        command = OpenCommand(
            key=self._ids.new_id(),
            amount=replace(amount, amount=asked),
            hold=False,
            payment_hash=None,
            description=description,
            expires_in_s=1 if fault == "expire" else expires_in_s,
        )
        outcome = self._account.open(command)
        if not isinstance(outcome, Opened):
            return Declined(type(outcome).__name__)
        self._last = outcome.invoice.payment_request
        return self._last
