"""The sandbox bank and its world, for the checks that any gateway has to pass."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from paidflow.money import Money
from paidflow.payments.contract import Invoice, OpenCommand, Opened
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_controls import HOLD_BLOCKS, HOLD_S
from paidflow.testing import ManualClock
from paidflow.testing.conformance import GatewayUnderTest

SECRET = "a webhook secret nobody may see"
RECEIVER = "receiver"


class SandboxUnderTest(GatewayUnderTest):
    """A sandbox bank in memory, a payer, and a receiver.

    Args:
        clock: the time of the bank.
        bank: the gateway.
        receiver: another account, which the bank can pay to.
    """

    secrets = (SECRET,)

    def __init__(self, clock: ManualClock, bank: SandboxGateway, receiver: SandboxGateway) -> None:
        super().__init__(bank)
        self.clock = clock
        self.bank = bank
        self.receiver = receiver

    def now(self) -> datetime:
        return self.clock.now()

    def pay(self, invoice: Invoice, amount: Money) -> bool:
        return self.bank.pay(invoice.invoice_id, amount)

    def start_payment(self, invoice: Invoice) -> None:
        assert self.bank.start_payment(invoice.invoice_id)

    def fail_payment(self, invoice: Invoice) -> None:
        assert self.bank.fail_payment(invoice.invoice_id)

    def pay_late(self, invoice: Invoice) -> None:
        assert self.bank.pay_late(invoice.invoice_id)

    def expire(self, invoice: Invoice) -> None:
        self.clock.tick(self.short_expiry_s)

    def drop_hold(self, invoice: Invoice) -> None:
        self.clock.tick(HOLD_S)
        self.bank.mine_blocks(HOLD_BLOCKS)

    def webhook(self, invoice: Invoice) -> tuple[Mapping[str, str], bytes]:
        return self.bank.webhook(invoice.invoice_id)

    def refund_outside(self, invoice: Invoice, amount: Money) -> None:
        assert self.bank.refund_outside(invoice.invoice_id, amount)

    def open_dispute(self, invoice: Invoice) -> None:
        assert self.bank.open_dispute(invoice.invoice_id)

    def destination(self, amount: Money) -> str:
        return self._invoice_of_receiver(amount, self.expiry_s).payment_request

    def expired_destination(self, amount: Money) -> str:
        invoice = self._invoice_of_receiver(amount, self.short_expiry_s)
        self.clock.tick(self.short_expiry_s)
        return invoice.payment_request

    def unreachable_destination(self, amount: Money) -> str:
        self.bank.fate("unreachable")
        return self.destination(amount)

    def costly_destination(self, amount: Money) -> str:
        self.bank.route_fee = 7
        return self.destination(amount)

    def received(self, destination: str) -> Money:
        (book,) = (book for book in self.receiver.books() if book.invoice_id in destination)
        return book.received

    def _invoice_of_receiver(self, amount: Money, expires_in_s: int) -> Invoice:
        command = OpenCommand(self.new_id(), amount, False, None, "a receiver", expires_in_s)
        outcome = self.receiver.open(command)
        assert isinstance(outcome, Opened)
        return outcome.invoice
