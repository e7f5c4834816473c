"""What a gateway's author gives the checks: the gateway, and the world around it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn

import pytest

from paidflow.money import Money, minor_digits, sats
from paidflow.payments.contract import Gateway, Invoice

CANNOT_BE_ARRANGED = "cannot be arranged: "
NOT_SUPPORTED = "not supported: "


def cannot_be_arranged(what: str) -> NoReturn:
    """End a check, as the world around the gateway cannot be brought to do something.

    Args:
        what: in a few words; it is in the report.
    """
    pytest.skip(CANNOT_BE_ARRANGED + what)


class GatewayUnderTest:
    """A gateway, and what the other side of it can be brought to do.

    A subclass overrides what its world can do; whatever it leaves out is reported as "cannot be
    arranged". What it arranges need not be seen by the gateway at once: the checks wait.

    Args:
        gateway: the adapter, connected to a real server or to a test account.

    Attributes:
        amount: an ordinary amount in one currency of the profile; three times as much can be
            paid, and a third of it too.
        expiry_s: for how long ordinary invoices are open.
        short_expiry_s: for how long an invoice is open that ``expire`` is called for.
        wait_s: how long the checks wait for what was arranged, at most.
        secrets: what must never be shown: keys, tokens, macaroons, webhook secrets.
        webhooks_are_signed: whether a webhook proves where it comes from.
        holds_need_preimage: whether the money of a hold is released by the preimage of a hash.
        updates_tell_holds: whether locked money is told in the stream, and not only settled money.
    """

    amount: Money = sats(1_000)
    expiry_s: int = 600
    short_expiry_s: int = 2
    wait_s: float = 30
    secrets: tuple[str, ...] = ()
    webhooks_are_signed: bool = True
    holds_need_preimage: bool = True
    updates_tell_holds: bool = True

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    # Time and names.

    def now(self) -> datetime:
        """The time where the gateway is, UTC."""
        return datetime.now(UTC)

    def pause(self) -> None:
        """Wait a little between two looks."""
        time.sleep(0.05)

    def new_id(self) -> str:
        """A name that was never used before, also not in another run against the same server."""
        return str(uuid.uuid4())

    def amount_in(self, currency: str) -> Money:
        """An ordinary amount in a currency of the profile."""
        if currency == self.amount.currency:
            return self.amount
        return Money(100 * 10 ** minor_digits(currency), currency)

    # The payer.

    def pay(self, invoice: Invoice, amount: Money) -> bool:
        """The payer pays; the money of a hold is locked then, and this does not wait for more.

        Args:
            invoice: what is paid.
            amount: what is sent: what is asked for, or less, or more.

        Returns:
            Whether it was taken; an invoice that is closed takes nothing.
        """
        cannot_be_arranged(f"a payer who sends {_compared(amount, invoice.amount)}")

    def start_payment(self, invoice: Invoice) -> None:
        """A payment is on its way, and neither locked nor settled."""
        cannot_be_arranged("a payment that is on its way")

    def fail_payment(self, invoice: Invoice) -> None:
        """The payment that ``start_payment`` has put on its way does not arrive."""
        cannot_be_arranged("a payment that does not arrive")

    def pay_late(self, invoice: Invoice) -> None:
        """Money for a closed invoice arrives all the same, where a gateway takes such money."""
        cannot_be_arranged("late money")

    def refund_outside(self, invoice: Invoice, amount: Money) -> None:
        """Somebody sends money back on the gateway's own pages."""
        cannot_be_arranged("a refund by somebody else")

    def open_dispute(self, invoice: Invoice) -> None:
        """The payer contests a payment."""
        cannot_be_arranged("a dispute")

    # Time and bad luck.

    def expire(self, invoice: Invoice) -> None:
        """The time of an open invoice runs out; it was opened with ``short_expiry_s``."""
        cannot_be_arranged("an invoice that runs out")

    def drop_hold(self, invoice: Invoice) -> None:
        """The gateway lets go of a hold, as its deadline is there: time passes, or blocks."""
        cannot_be_arranged("a hold that reaches its deadline")

    # The receiver of outgoing payments.

    def destination(self, amount: Money) -> str:
        """An invoice of a receiver that can be paid."""
        cannot_be_arranged("a receiver")

    def expired_destination(self, amount: Money) -> str:
        """An invoice of a receiver whose time has run out."""
        cannot_be_arranged("a receiver's invoice that has run out")

    def unreachable_destination(self, amount: Money) -> str:
        """An invoice that can be read, and whose receiver cannot be reached."""
        cannot_be_arranged("a receiver who cannot be reached")

    def costly_destination(self, amount: Money) -> str:
        """An invoice of a receiver to whom a payment costs something."""
        cannot_be_arranged("a payment that costs something")

    def received(self, destination: str) -> Money:
        """What the receiver of a destination has got for it."""
        cannot_be_arranged("a look at the receiver's books")

    # Webhooks.

    def webhook(self, invoice: Invoice) -> tuple[Mapping[str, str], bytes]:
        """The headers and the body of a genuine webhook about an invoice."""
        cannot_be_arranged("a webhook")

    def old_webhook(self, invoice: Invoice) -> tuple[Mapping[str, str], bytes]:
        """A genuine webhook that is so old that it must not count any more."""
        cannot_be_arranged("a webhook that is too old")

    def other_webhook(self) -> tuple[Mapping[str, str], bytes]:
        """A genuine webhook that is about no invoice."""
        cannot_be_arranged("a webhook about something else")

    # The network.

    def pointed_at(self, url: str, timeout_s: float) -> Gateway:
        """The same adapter with the same credentials, aimed at another server.

        Args:
            url: such as ``http://127.0.0.1:4711``, without a path.
            timeout_s: how long each of its calls may take.
        """
        cannot_be_arranged("another address")


def _compared(amount: Money, asked: Money) -> str:
    if amount == asked:
        return "what is asked for"
    return "less" if amount < asked else "more"
