"""What is written in an invoice or an address of the sandbox: all that a sender has to know."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, urlencode, urlsplit

from paidflow.money import Money
from paidflow.payments.sandbox_controls import microseconds, moment_of

ADDRESS_PREFIX = "sandbox-address:"


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a text asks to pay.

    Args:
        invoice_id: the invoice there; ``None`` for an address.
        account: the account that opened the invoice.
        payment_hash: SHA-256 of the preimage that its payment gives, hexadecimal.
        amount: what is asked for.
        expires_at: until when it can be paid, UTC.
        time_lock_s: how long the receiver may take.
    """

    invoice_id: str | None = None
    account: str = ""
    payment_hash: str | None = None
    amount: Money | None = None
    expires_at: datetime | None = None
    time_lock_s: int = 0

    def written(self) -> str:
        """An invoice as a text."""
        if self.amount is None or self.expires_at is None:
            raise AssertionError("only an invoice is written")
        said = {
            "amount": self.amount.amount,
            "currency": self.amount.currency,
            "hash": self.payment_hash,
            "expires": microseconds(self.expires_at),
            "account": self.account,
            "lock": self.time_lock_s,
        }
        return f"sandbox:{self.invoice_id}?{urlencode(said)}"


def read(text: str) -> Target | None:
    """Whom a text asks to pay; ``None`` if it is not of the sandbox."""
    if text.startswith(ADDRESS_PREFIX):
        return Target() if text != ADDRESS_PREFIX else None
    try:
        url = urlsplit(text)
        said = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.scheme != "sandbox":
            return None
        return Target(
            invoice_id=url.path,
            account=said["account"],
            payment_hash=said["hash"],
            amount=Money(int(said["amount"]), said["currency"]),
            expires_at=moment_of(int(said["expires"])),
            time_lock_s=int(said["lock"]),
        )
    except (KeyError, ValueError, OverflowError):
        return None


def preimage_of(account: str, invoice_id: str) -> bytes:
    """The secret of an invoice; it guards nothing, as this money is not real."""
    return hashlib.sha256(f"{len(account)}:{account}:{invoice_id}".encode()).digest()
