"""The steps that checks are made of."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from paidflow.money import Money, invoice_unit
from paidflow.payments.contract import (
    Accepted,
    CancelCommand,
    Cancelled,
    Capability,
    CaptureCommand,
    CommandOutcome,
    Held,
    Invoice,
    Lookup,
    OpenCommand,
    Opened,
    OpenOutcome,
    Settled,
)
from paidflow.testing.conformance.under_test import NOT_SUPPORTED, GatewayUnderTest

THREADS = 8
T = TypeVar("T")
_Lookup = TypeVar("_Lookup", bound=Lookup)


@dataclass(frozen=True, slots=True)
class Hold:
    """Money that a payer has locked.

    Args:
        invoice: for which invoice.
        locked: what the gateway shows.
        preimage: what releases it.
    """

    invoice: Invoice
    locked: Held
    preimage: bytes = field(repr=False)


def require(under_test: GatewayUnderTest, capability: Capability) -> None:
    """End a check that needs what the profile does not promise."""
    if capability not in under_test.gateway.profile.capabilities:
        pytest.skip(NOT_SUPPORTED + capability.value)


def not_supported(what: str) -> None:
    """End a check of what this gateway does not do, as it says."""
    pytest.skip(NOT_SUPPORTED + what)


def part_of(amount: Money, numerator: int, denominator: int) -> Money:
    """A part or a multiple of an amount, in whole units of what invoices ask for."""
    unit = invoice_unit(amount.currency)
    return Money(amount.amount * numerator // denominator // unit * unit, amount.currency)


def new_preimage() -> bytes:
    """A secret of 32 bytes for a hold."""
    return secrets.token_bytes(32)


def hash_of(preimage: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(preimage).hexdigest()


def ask_for(
    under_test: GatewayUnderTest,
    amount: Money | None = None,
    *,
    key: str | None = None,
    preimage: bytes | None = None,
    description: str = "a check",
    expires_in_s: int | None = None,
) -> OpenOutcome:
    """Ask the gateway for an invoice.

    Args:
        under_test: the gateway and its world.
        amount: what the payer is to pay; ``None`` for an ordinary amount.
        key: the idempotency key; ``None`` for a new one.
        preimage: what releases the money, if it is to be a hold.
        description: what the payer reads.
        expires_in_s: how long it can be paid; ``None`` for an ordinary time.
    """
    return under_test.gateway.open(
        OpenCommand(
            key=key or under_test.new_id(),
            amount=amount or under_test.amount,
            hold=preimage is not None,
            payment_hash=hash_of(preimage) if preimage is not None else None,
            description=description,
            expires_in_s=expires_in_s or under_test.expiry_s,
        )
    )


def invoice_in(outcome: OpenOutcome) -> Invoice:
    """The invoice that was opened."""
    assert isinstance(outcome, Opened), f"no invoice was opened: {outcome}"
    return outcome.invoice


def open_invoice(
    under_test: GatewayUnderTest,
    amount: Money | None = None,
    *,
    preimage: bytes | None = None,
    expires_in_s: int | None = None,
) -> Invoice:
    """Open an invoice; see ``ask_for``."""
    return invoice_in(ask_for(under_test, amount, preimage=preimage, expires_in_s=expires_in_s))


def paid_invoice(under_test: GatewayUnderTest, amount: Money | None = None) -> Invoice:
    """Open an invoice, have it paid, and wait until the gateway shows that."""
    invoice = open_invoice(under_test, amount)
    assert under_test.pay(invoice, invoice.amount), "the payment was not taken"
    wait_for(under_test, invoice.invoice_id, Settled)
    return invoice


def hold(
    under_test: GatewayUnderTest, amount: Money | None = None, *, sent: Money | None = None
) -> Hold:
    """Open a hold, have its money locked, and wait until the gateway shows that.

    Args:
        under_test: the gateway and its world.
        amount: what is asked for; ``None`` for an ordinary amount.
        sent: what the payer sends; ``None`` for what is asked for.
    """
    require(under_test, Capability.HOLD)
    preimage = new_preimage()
    invoice = open_invoice(under_test, amount, preimage=preimage)
    assert under_test.pay(invoice, sent or invoice.amount), "the payment was not taken"
    return Hold(invoice, wait_for(under_test, invoice.invoice_id, Held), preimage)


def capture(
    under_test: GatewayUnderTest,
    held: Hold,
    amount: Money | None = None,
    *,
    key: str | None = None,
    preimage: bytes | None = None,
) -> CommandOutcome:
    """Ask for the money of a hold: all of it, with what releases it, unless told otherwise."""
    return under_test.gateway.capture(
        CaptureCommand(
            invoice_id=held.invoice.invoice_id,
            key=key or under_test.new_id(),
            amount=amount or held.locked.amount,
            preimage=held.preimage if preimage is None else preimage,
        )
    )


def captured(under_test: GatewayUnderTest) -> Hold:
    """A hold whose money was handed over."""
    held = hold(under_test)
    assert capture(under_test, held) == Accepted()
    wait_for(under_test, held.invoice.invoice_id, Settled)
    return held


def cancel(under_test: GatewayUnderTest, invoice: Invoice) -> CommandOutcome:
    """Ask for an invoice to be closed, or for the money of a hold to be released."""
    return under_test.gateway.cancel(CancelCommand(invoice.invoice_id, under_test.new_id()))


def cancelled(under_test: GatewayUnderTest, invoice: Invoice) -> None:
    """Close an invoice or release a hold, and wait until the gateway shows that."""
    assert cancel(under_test, invoice) == Accepted()
    wait_for(under_test, invoice.invoice_id, Cancelled)


def wait_for(under_test: GatewayUnderTest, invoice_id: str, *kinds: type[_Lookup]) -> _Lookup:
    """Look until the gateway gives one of these answers."""
    return wait_until(under_test, lambda: under_test.gateway.lookup(invoice_id), *kinds)


def wait_until(under_test: GatewayUnderTest, look: Callable[[], object], *kinds: type[T]) -> T:
    """Look again and again until the answer is of one of these kinds.

    Raises:
        AssertionError: when it was not within ``wait_s``; it names the last answer.
    """
    give_up_at = time.monotonic() + under_test.wait_s
    while True:
        answer = look()
        if isinstance(answer, kinds):
            return answer
        wanted = " or ".join(kind.__name__ for kind in kinds)
        assert time.monotonic() < give_up_at, f"it is {answer}, not {wanted}"
        under_test.pause()


def at_once(work: Callable[[int], T], times: int = THREADS) -> list[T]:
    """Do something in several threads at the same time.

    Args:
        work: gets the number of its thread, from 0.
        times: how many threads.
    """
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(work, range(times)))


def shows_no_secret(under_test: GatewayUnderTest, text: str, *more: str) -> None:
    """Check that none of the secrets of a gateway is in a text, nor any of some more."""
    for number, secret in enumerate((*under_test.secrets, *more)):
        assert secret not in text, f"secret {number} is shown"
