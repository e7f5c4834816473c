"""What a receiver's wallet has to be able to do, and which of its invoices can be wrapped.

A wrapped payment is two: the payer pays a hold invoice of ours, and his locked money pays the
invoice of the receiver's wallet. Both have the same payment hash (BOLT 11), so the proof that the
receiver was paid is what captures the payer's money, and nobody has to be trusted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable

from paidflow.money import Money
from paidflow.payments.contract import Declined, Destination

WALLET_TIMEOUT_S = 10
"""A wallet that needs longer counts as one that refuses."""

RECEIVER_EXPIRY_S = 300
"""How much longer the receiver's invoice is asked to be payable than the payer's."""

RECEIVER_EXPIRY_S_MIN = 240
"""How much longer it has to be: to be created, held, worked for and forwarded."""


@runtime_checkable
class Wallet(Protocol):
    """The wallet of somebody who is paid: it makes invoices and is never asked for money."""

    def invoice(self, amount: Money, description: str, expires_in_s: int) -> str | Declined:
        """Make an invoice that can be paid once.

        Args:
            amount: what it asks for; a wallet without fractions of a unit may round it down.
            description: what the receiver reads.
            expires_in_s: how long it can be paid.

        Returns:
            The invoice, as a gateway can pay it (a BOLT 11 text), or why there is none.
        """
        ...


def unfit(read: Destination, *, asked: Money, unit: int, payable_until: datetime) -> str | None:
    """Why an invoice of a wallet cannot be wrapped; ``None`` if it can be.

    Args:
        read: what the gateway has read in it.
        asked: what it was to ask for.
        unit: the smallest amount of some wallets, in minor units, to which they round down.
        payable_until: how long it must be payable, UTC.
    """
    if read.payment_id is None or read.amount is None:
        return "it is no invoice"
    if read.amount.currency != asked.currency or read.amount > asked:
        return "it asks for more, or for something else"
    if read.amount.amount <= max(asked.amount - unit, 0):
        return "it asks for less"
    if read.expires_at is not None and read.expires_at < payable_until:
        return "it expires too early"
    return None
