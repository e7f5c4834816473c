"""The sandbox bank and its world, for the checks that any gateway has to pass."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from paidflow.money import Money
from paidflow.payments.contract import Invoice
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
