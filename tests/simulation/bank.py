"""The gateway and the wallets of the simulation: they count, and remember what must not happen."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TypeVar

from paidflow.ids import Ids
from paidflow.money import Money
from paidflow.payments.contract import (
    CancelCommand,
    CaptureCommand,
    CommandOutcome,
    Declined,
    Lookup,
    NotFound,
    OpenCommand,
    OpenOutcome,
    PaymentLookup,
    PayOutCommand,
    RefundCommand,
    Unknown,
)
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_payments import Payment
from paidflow.payments.sandbox_wallet import SandboxWallet
from paidflow.testing import ManualClock

T = TypeVar("T")


class Watched(SandboxGateway):
    """A sandbox that counts what it answers.

    Args:
        clock: the time.
        seen: where the answers are counted.
        receivers: the accounts that it pays.
        settings: those of the sandbox.

    Attributes:
        sent: how often it was asked for each payment.
        denied: the payments of which it has said that it does not know them, and it did.
        let_go: the invoices whose money it was told to let go while the receiver may be paid.
        payer_is_faster: the payer takes back what is captured next.
    """

    def __init__(
        self,
        clock: ManualClock,
        seen: Counter[str],
        receivers: list[SandboxGateway],
        **settings: object,
    ) -> None:
        super().__init__(":memory:", sandbox=True, clock=clock, receivers=receivers, **settings)  # type: ignore[arg-type]
        self.seen = seen
        self.sent: Counter[str] = Counter()
        self.denied: set[str] = set()
        self.let_go: list[str] = []
        self.payer_is_faster = False
        self._unknown_until: dict[str, datetime] = {}
        self._latest = clock.now()

    def open(self, command: OpenCommand) -> OpenOutcome:
        return self._count("open", super().open(command))

    def lookup(self, invoice_id: str) -> Lookup:
        return self._count("lookup", super().lookup(invoice_id))

    def capture(self, command: CaptureCommand) -> CommandOutcome:
        if self.payer_is_faster:
            self.payer_is_faster = False
            self.release_hold(command.invoice_id)
        return self._count("capture", super().capture(command))

    def cancel(self, command: CancelCommand) -> CommandOutcome:
        if self._receiver_may_be_paid(command.invoice_id):
            self.let_go.append(command.invoice_id)
        return self._count("cancel", super().cancel(command))

    def refund(self, command: RefundCommand) -> CommandOutcome:
        return self._count("refund", super().refund(command))

    def pay_out(self, command: PayOutCommand) -> CommandOutcome:
        self.sent[command.payment_id] += 1
        # Whoever is not told what became of it has to wait so long.
        self._unknown_until[command.payment_id] = command.give_up_at
        outcome = self._count("pay_out", super().pay_out(command))
        if not isinstance(outcome, Unknown):
            del self._unknown_until[command.payment_id]
        return outcome

    def lookup_payment(self, payment_id: str) -> PaymentLookup:
        shown = super().lookup_payment(payment_id)
        if isinstance(shown, NotFound) and self.payment(payment_id) is not None:
            self.denied.add(payment_id)
        return self._count("lookup_payment", shown)

    def payment(self, payment_id: str) -> Payment | None:
        """The truth about one outgoing payment."""
        found = (payment for payment in self.payments() if payment.payment_id == payment_id)
        return next(found, None)

    def end_payments(self) -> None:
        """End every payment that is stuck; every other one arrives."""
        for number, payment in enumerate(self.payments()):
            if payment.status == "in_flight":
                end = self.finish_payment if number % 2 else self.break_payment
                end(payment.payment_id)

    def _receiver_may_be_paid(self, invoice_id: str) -> bool:
        if invoice_id in self.denied:
            return False
        payment = self.payment(invoice_id)
        if payment is not None:
            return payment.status != "failed"
        until = self._unknown_until.get(invoice_id)
        return until is not None and self._latest <= until

    def _count(self, operation: str, answer: T) -> T:
        self._latest = max(self._latest, self._clock.now())
        self.seen[f"{operation}:{type(answer).__name__}"] += 1
        return answer


class WatchedWallet(SandboxWallet):
    """A wallet that counts what goes wrong with it.

    Args:
        account: where it is.
        ids: of its invoices.
        seen: where it is counted.
        rounds_to: see ``SandboxWallet``.
    """

    def __init__(
        self, account: SandboxGateway, ids: Ids, seen: Counter[str], rounds_to: int = 1
    ) -> None:
        super().__init__(account, ids=ids, rounds_to=rounds_to)
        self.seen = seen

    def invoice(self, amount: Money, description: str, expires_in_s: int) -> str | Declined:
        self.seen[f"wallet:{self.fault}"] += 1
        return super().invoice(amount, description, expires_in_s)
