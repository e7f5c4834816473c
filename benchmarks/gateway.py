"""The gateway of all sides: in memory, at once, and everything is paid as soon as it is open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from paidflow import Money, sats
from paidflow.payments.contract import (
    Accepted,
    CancelCommand,
    Capability,
    CaptureCommand,
    CommandOutcome,
    Hint,
    Invoice,
    Lookup,
    OpenCommand,
    Opened,
    OpenOutcome,
    Profile,
    Settled,
    Updates,
)

PRICE = sats(10)
"""What everything costs in the benchmarks."""

EXPIRY_S = 86_400
"""Longer than any run, so that no invoice expires while the clock is running."""


PAGE = 500
"""How many messages its stream gives at once, as many as the sandbox's."""

BACKLOG = "backlog-"


class NoopGateway:
    """Does as little as a gateway can do; it implements ``paidflow.payments.contract.Gateway``.

    Attributes:
        told: how many invoices of the backlog its stream has to tell of.
    """

    def __init__(self) -> None:
        self.told = 0

    @property
    def profile(self) -> Profile:
        return _PROFILE

    def open(self, command: OpenCommand) -> OpenOutcome:
        invoice_id = str(uuid4())
        expires_at = datetime.now(UTC) + timedelta(seconds=command.expires_in_s)
        return Opened(Invoice(invoice_id, command.amount, f"pay:{invoice_id}", expires_at))

    def lookup(self, invoice_id: str) -> Lookup:
        return Settled(PRICE)

    def capture(self, command: CaptureCommand) -> CommandOutcome:
        return Accepted()

    def cancel(self, command: CancelCommand) -> CommandOutcome:
        return Accepted()

    def updates(self, cursor: str | None) -> Updates:
        first = int(cursor or "0")
        last = min(first + PAGE, self.told)
        if first >= last:
            return Updates((), cursor or "")
        return Updates(tuple(Hint(backlog_invoice(n)) for n in range(first, last)), str(last))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
        return ()


def new_invoice(gateway: NoopGateway, key: str, amount: Money = PRICE) -> str:
    """Open an invoice as a program without paidflow would; returns its id."""
    command = OpenCommand(key, amount, False, None, "post", EXPIRY_S)
    outcome = gateway.open(command)
    assert isinstance(outcome, Opened)
    return outcome.invoice.invoice_id


def is_paid(gateway: NoopGateway, invoice_id: str) -> bool:
    """Ask as a program without paidflow would."""
    return isinstance(gateway.lookup(invoice_id), Settled)


def backlog_invoice(n: int) -> str:
    """The id of an invoice that was paid while nobody looked."""
    return f"{BACKLOG}{n}"


_PROFILE = Profile(
    capabilities=frozenset({Capability.UPDATES}),
    currencies=frozenset({PRICE.currency}),
    account="noop",
    invoice_expiry_s=EXPIRY_S,
)
