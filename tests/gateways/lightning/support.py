"""What the tests on real nodes do again and again."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from paidflow import Money, PaidFlow, Receipt, State, Worker
from paidflow.money import sats
from paidflow.payments.contract import (
    Destination,
    InFlight,
    Invoice,
    Lookup,
    NotFound,
    OpenCommand,
    Opened,
    PaymentLookup,
)
from paidflow.payments.lnd import Lnd, Network
from tests.gateways.lightning.nodes import Lnd as Node
from tests.gateways.lightning.processes import NotYet, wait_for

SECRET = b"only for tests, and long enough"
TEN_SATS = sats(10)


def gateway_of(node: Node, **settings: Any) -> Lnd:
    """The adapter on a node."""
    return Lnd(
        **{
            "url": node.url,
            "macaroon": node.macaroon,
            "tls_certificate": node.certificate,
            "account": node.name,
            "secret": SECRET,
            "network": Network.REGTEST,
            **settings,
        }
    )


def new_preimage() -> tuple[bytes, str]:
    """A secret, and its hash."""
    preimage = secrets.token_bytes(32)
    return preimage, hashlib.sha256(preimage).hexdigest()


def opened(
    lnd: Lnd,
    amount: Money = TEN_SATS,
    *,
    payment_hash: str | None = None,
    key: str | None = None,
    expires_in_s: int = 600,
) -> Invoice:
    """An invoice; a hold invoice if there is a hash."""
    outcome = lnd.open(
        OpenCommand(
            key=key or secrets.token_hex(16),
            amount=amount,
            hold=payment_hash is not None,
            payment_hash=payment_hash,
            description="tests",
            expires_in_s=expires_in_s,
        )
    )
    assert isinstance(outcome, Opened), outcome
    return outcome.invoice


def wait_for_lookup(lnd: Lnd, invoice_id: str, *kinds: type[Lookup]) -> Lookup:
    """Wait until a lookup gives one of these."""

    def look() -> Lookup:
        shown = lnd.lookup(invoice_id)
        if not isinstance(shown, kinds):
            raise NotYet(f"{invoice_id} is {shown}")
        return shown

    return wait_for(look)


def read(lnd: Lnd, invoice: str) -> Destination:
    """What an invoice of a receiver asks for."""
    found = lnd.decode(invoice)
    assert isinstance(found, Destination), found
    return found


def wait_for_payment(lnd: Lnd, invoice: str, *kinds: type[PaymentLookup]) -> PaymentLookup:
    """Wait until an outgoing payment stands like this; an end that is another one fails."""
    payment_id = read(lnd, invoice).payment_id
    assert payment_id is not None

    def look() -> PaymentLookup:
        shown = lnd.lookup_payment(payment_id)
        assert isinstance(shown, (InFlight, NotFound, *kinds)), shown
        if not isinstance(shown, kinds):
            raise NotYet(f"the payment is {shown}")
        return shown

    return wait_for(look)


def work_until(flow: PaidFlow, receipt: Receipt, *states: State) -> Receipt:
    """Let a worker work until an action is in one of these states."""
    worker = Worker(flow)

    def look() -> Receipt:
        worker.run_once()
        now = flow.get(receipt.action_id, actor="ann")
        if now.state not in states:
            raise NotYet(f"it is {now.state}")
        return now

    return wait_for(look)
