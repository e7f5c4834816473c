"""Money that a real node sends to others: once for each payment hash, ever."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paidflow.money import Money, msats, sats
from paidflow.payments.contract import (
    Accepted,
    CommandOutcome,
    Declined,
    HeightDeadline,
    Held,
    InFlight,
    InstantDeadline,
    NotFound,
    NotSent,
    PaidOut,
    PayFailed,
    PayFailure,
    PayOutCommand,
)
from paidflow.payments.lnd import Lnd
from paidflow.payments.lnd_messages import to_base64
from paidflow.payments.lnd_wallet import LndWallet
from paidflow.testing import ManualClock
from tests.gateways.lightning.nodes import Network
from tests.gateways.lightning.processes import NotYet, wait_for
from tests.gateways.lightning.support import (
    TEN_SATS,
    gateway_of,
    new_preimage,
    opened,
    read,
    wait_for_lookup,
    wait_for_payment,
)

pytestmark = pytest.mark.lightning


def pay(lnd: Lnd, invoice: str, amount: Money = TEN_SATS, **settings: Any) -> CommandOutcome:
    """Tell a node to pay an invoice."""
    given = {
        "key": secrets.token_hex(8),
        "destination": invoice,
        "payment_id": read(lnd, invoice).payment_id,
        "amount": amount,
        "fee_max": sats(5),
        "give_up_at": datetime.now(UTC) + timedelta(seconds=60),
    }
    return lnd.pay_out(PayOutCommand(**{**given, **settings}))


def test_a_payment_arrives(network: Network, lnd: Lnd) -> None:
    invoice = network.receiver.invoice(12_345)
    assert pay(lnd, invoice, msats(12_345)) == Accepted()
    paid = wait_for_payment(lnd, invoice, PaidOut)
    assert isinstance(paid, PaidOut)
    assert (paid.amount, paid.fee) == (msats(12_345), msats(0))
    assert paid.preimage is not None
    assert hashlib.sha256(paid.preimage).hexdigest() == read(lnd, invoice).payment_id
    assert paid.preimage.hex() not in repr(paid)


def test_a_way_over_another_node_costs_something(network: Network) -> None:
    lnd = gateway_of(network.payer)
    invoice = network.receiver.invoice(10_000)
    assert pay(lnd, invoice, fee_max=sats(2)) == Accepted()
    paid = wait_for_payment(lnd, invoice, PaidOut)
    assert isinstance(paid, PaidOut)
    assert paid.amount == TEN_SATS
    assert sats(1) <= paid.fee <= sats(2)


def test_a_fee_that_is_too_high_is_not_paid(network: Network) -> None:
    lnd = gateway_of(network.payer)
    invoice = network.receiver.invoice(10_000)
    assert pay(lnd, invoice, fee_max=msats(999)) == Accepted()
    failed = wait_for_payment(lnd, invoice, PayFailed)
    assert failed == PayFailed(PayFailure.RECEIVER_UNREACHABLE)


def test_a_payment_hash_is_paid_once(network: Network, lnd: Lnd) -> None:
    invoice = network.receiver.invoice(10_000)
    assert pay(lnd, invoice) == Accepted()
    assert isinstance(pay(lnd, invoice), Declined)
    wait_for_payment(lnd, invoice, PaidOut)
    assert isinstance(pay(gateway_of(network.ours), invoice), Declined)


def test_a_payment_that_has_failed_is_not_tried_again(network: Network) -> None:
    lnd = gateway_of(network.payer)
    invoice = network.receiver.invoice(10_000)
    pay(lnd, invoice, fee_max=msats(0))
    wait_for_payment(lnd, invoice, PayFailed)
    assert isinstance(pay(lnd, invoice), Declined)
    assert isinstance(wait_for_payment(lnd, invoice, PayFailed), PayFailed)


def test_a_payment_may_stay_on_its_way(network: Network, lnd: Lnd) -> None:
    receiver = gateway_of(network.receiver)
    _, payment_hash = new_preimage()
    invoice = opened(receiver, payment_hash=payment_hash)
    assert pay(lnd, invoice.payment_request) == Accepted()
    assert wait_for_payment(lnd, invoice.payment_request, InFlight) == InFlight()
    network.receiver.post("/v2/invoices/cancel", {"payment_hash": to_base64(payment_hash)})
    failed = wait_for_payment(lnd, invoice.payment_request, PayFailed)
    assert failed == PayFailed(PayFailure.REFUSED)


def test_an_invoice_without_an_amount(network: Network, lnd: Lnd) -> None:
    invoice = network.receiver.invoice(0)
    assert read(lnd, invoice).amount is None
    assert pay(lnd, f"lightning:{invoice}".upper(), msats(7_777)) == Accepted()
    paid = wait_for_payment(lnd, invoice, PaidOut)
    assert isinstance(paid, PaidOut)
    assert paid.amount == msats(7_777)


def test_what_is_declined_is_not_sent(network: Network, lnd: Lnd) -> None:
    invoice = network.receiver.invoice(10_000)
    soon, now = timedelta(seconds=60), datetime.now(UTC)
    for settings in (
        {"give_up_at": now},
        {"payment_id": "ab" * 32},
        {"amount": sats(11)},
        {"hold_deadline": HeightDeadline(network.ours.height)},
        {"hold_deadline": HeightDeadline(network.ours.height + 40)},
        {"hold_deadline": InstantDeadline(now + soon)},
    ):
        assert isinstance(pay(lnd, invoice, **settings), Declined), settings
    assert isinstance(pay(lnd, network.ours.invoice(10_000)), Declined)  # to itself
    assert lnd.lookup_payment(read(lnd, invoice).payment_id or "") == NotFound()
    deadline = HeightDeadline(network.ours.height + 100)
    assert pay(lnd, invoice, hold_deadline=deadline) == Accepted()
    wait_for_payment(lnd, invoice, PaidOut)


def test_the_way_does_not_lock_for_longer_than_the_payer_does(network: Network) -> None:
    lnd = gateway_of(network.payer)
    invoice = network.receiver.invoice(10_000)
    deadline = HeightDeadline(network.payer.height + 120)  # enough for one hop, not for two
    assert pay(lnd, invoice, hold_deadline=deadline) == Accepted()
    assert isinstance(wait_for_payment(lnd, invoice, PayFailed), PayFailed)


def test_the_node_itself_refuses_what_comes_too_late(network: Network) -> None:
    slow = ManualClock(datetime.now(UTC) - timedelta(hours=1))
    lnd = gateway_of(network.ours, clock=slow)
    invoice = network.receiver.invoice(10_000)
    outcome = pay(lnd, invoice, give_up_at=slow.now() + timedelta(seconds=60))
    assert outcome == NotSent("macaroon has expired")
    assert lnd.lookup_payment(read(lnd, invoice).payment_id or "") == NotFound()


def test_a_payment_that_nobody_knows(lnd: Lnd) -> None:
    assert lnd.lookup_payment("ab" * 32) == NotFound()
    assert lnd.lookup_payment("pf-some-address") == NotFound()


def test_holdings_change_by_what_has_moved_and_not_by_what_is_locked(
    network: Network, lnd: Lnd
) -> None:
    def held() -> int:
        found = lnd.holdings()
        assert isinstance(found, tuple)
        (money,) = found
        assert money.currency == "BTC"
        return money.amount

    network.let_go()
    before = held()
    preimage, payment_hash = new_preimage()
    network.payer.pay(opened(lnd, sats(5_000), payment_hash=payment_hash).payment_request)
    wait_for_lookup(lnd, payment_hash, Held)
    receiver, (_, way) = gateway_of(network.receiver), new_preimage()
    on_its_way = opened(receiver, sats(3_000), payment_hash=way).payment_request
    pay(lnd, on_its_way, sats(3_000))
    wait_for_lookup(receiver, way, Held)
    assert held() == before
    network.receiver.post("/v2/invoices/cancel", {"payment_hash": to_base64(way)})
    network.ours.post("/v2/invoices/settle", {"preimage": to_base64(preimage.hex())})
    network.payer.wait_for_payment(payment_hash, "SUCCEEDED")
    wait_for_payment(lnd, on_its_way, PayFailed)

    def moved() -> None:
        if held() != before + 5_000_000:
            raise NotYet(f"{held()} after {before}")

    wait_for(moved)


def test_a_wallet_on_a_node(network: Network, lnd: Lnd) -> None:
    macaroon = network.receiver.macaroon.with_name("invoice.macaroon")
    settings = {"macaroon": macaroon, "tls_certificate": network.receiver.certificate}
    wallet = LndWallet(network.receiver.url, **settings)
    invoice = wallet.invoice(msats(4_567), "for Bob", 900)
    assert isinstance(invoice, str)
    assert read(lnd, invoice).amount == msats(4_567)
    assert network.ours.get(f"/v1/payreq/{invoice}")["description"] == "for Bob"
    assert isinstance(wallet.invoice(sats(1), "\U0001f9fe" * 1000, 900), str)
    assert isinstance(wallet.invoice(Money(100, "EUR"), "for Bob", 900), Declined)
    assert isinstance(
        LndWallet("https://127.0.0.1:1", **settings).invoice(TEN_SATS, "", 9), Declined
    )
    assert macaroon.read_bytes().hex() not in repr(wallet)
