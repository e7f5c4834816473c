"""The sandbox bank and its world, for the checks that any gateway has to pass."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

from paidflow.money import Money
from paidflow.payments.contract import Gateway, Invoice, OpenCommand, Opened
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_controls import HOLD_BLOCKS, HOLD_S
from paidflow.testing import ManualClock
from paidflow.testing.conformance import GatewayUnderTest
from tests.testing.conformance.http_bank import BankServer, HttpBank

SECRET = "a webhook secret nobody may see"
KEY = "a key nobody may see"
RECEIVER = "receiver"


class SandboxUnderTest(GatewayUnderTest):
    """A sandbox bank in memory, a payer, and a receiver.

    Args:
        clock: the time of the bank.
        bank: the bank.
        receiver: another account, which the bank can pay to.
        gateway: the way to the bank; ``None`` if it is the bank itself.
    """

    secrets = (SECRET,)

    def __init__(
        self,
        clock: ManualClock,
        bank: SandboxGateway,
        receiver: SandboxGateway,
        gateway: Gateway | None = None,
    ) -> None:
        super().__init__(gateway or bank)
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


class HttpUnderTest(SandboxUnderTest):
    """The same bank, reached over HTTP; addresses can be wrong then."""

    secrets = (SECRET, KEY)

    def pointed_at(self, url: str, timeout_s: float) -> Gateway:
        return http_bank(url, self.bank, timeout_s)


def sandbox_world(
    deadline: Literal["instant", "height"],
    *,
    adapter: type[SandboxGateway] = SandboxGateway,
    **settings: Any,
) -> SandboxUnderTest:
    """A bank in memory, with everything that there is around it."""
    clock = ManualClock()
    bank = adapter(
        ":memory:",
        sandbox=True,
        clock=clock,
        webhook_secret=SECRET,
        deadline=deadline,
        receivers=[receiver := _receiver(clock)],
        **settings,
    )
    return SandboxUnderTest(clock, bank, receiver)


@contextmanager
def http_world() -> Generator[HttpUnderTest]:
    """The same behind a server of HTTP."""
    inside = sandbox_world("instant")
    with BankServer(inside.bank, KEY) as server:
        gateway = http_bank(server.url, inside.bank)
        yield HttpUnderTest(inside.clock, inside.bank, inside.receiver, gateway)


def http_bank(
    url: str,
    bank: SandboxGateway,
    timeout_s: float = 10,
    *,
    adapter: type[HttpBank] = HttpBank,
) -> HttpBank:
    """The adapter for the bank behind the server."""
    return adapter(url, key=KEY, webhook_secret=SECRET, profile=bank.profile, timeout_s=timeout_s)


def _receiver(clock: ManualClock) -> SandboxGateway:
    return SandboxGateway(":memory:", sandbox=True, clock=clock, account=RECEIVER)
