"""Invoices and holds of a real node, paid by another one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from paidflow.money import msats, sats
from paidflow.payments.contract import (
    Accepted,
    CancelCommand,
    Cancelled,
    CaptureCommand,
    Declined,
    Expired,
    HeightDeadline,
    Held,
    NotFound,
    Open,
    OpenCommand,
    Opened,
    Pending,
    Settled,
)
from paidflow.payments.lnd import HOLD_BLOCKS, Lnd
from paidflow.payments.lnd_messages import HOLD_EXPIRY_BLOCKS
from tests.gateways.lightning.nodes import Network
from tests.gateways.lightning.support import (
    TEN_SATS,
    gateway_of,
    new_preimage,
    opened,
    wait_for_lookup,
)

pytestmark = pytest.mark.lightning
NEVER_OPENED = "ab" * 32


def test_an_invoice_is_paid(network: Network, lnd: Lnd) -> None:
    invoice = opened(lnd, msats(12_345))
    assert lnd.lookup(invoice.invoice_id) == Open()
    network.payer.pay(invoice.payment_request)
    assert wait_for_lookup(lnd, invoice.invoice_id, Settled) == Settled(msats(12_345))
    assert isinstance(lnd.cancel(CancelCommand(invoice.invoice_id, "late")), Declined)
    assert lnd.lookup(invoice.invoice_id) == Settled(msats(12_345))


def test_a_payer_cannot_pay_twice(network: Network, lnd: Lnd) -> None:
    invoice = opened(lnd)
    network.payer.pay(invoice.payment_request)
    network.payer.wait_for_payment(invoice.invoice_id, "SUCCEEDED")
    with pytest.raises(AssertionError, match="invoice is already paid"):
        network.payer.pay(invoice.payment_request)
    network.receiver.pay(invoice.payment_request)
    network.receiver.wait_for_payment(invoice.invoice_id, "FAILED")
    assert lnd.lookup(invoice.invoice_id) == Settled(TEN_SATS)


def test_the_receiver_may_pay_too(network: Network, lnd: Lnd) -> None:
    invoice = opened(lnd)
    network.receiver.pay(invoice.payment_request)
    assert wait_for_lookup(lnd, invoice.invoice_id, Settled) == Settled(TEN_SATS)


def test_what_comes_in_parts_counts_together(network: Network, lnd: Lnd) -> None:
    preimage, payment_hash = new_preimage()
    invoice = opened(lnd, payment_hash=payment_hash)
    network.payer.pay(invoice.payment_request, max_shard_size_msat=4_000, max_parts=8)
    held = wait_for_lookup(lnd, payment_hash, Held)
    assert isinstance(held, Held)
    assert held.amount == TEN_SATS
    lnd.capture(CaptureCommand(payment_hash, "k", TEN_SATS, preimage))
    assert wait_for_lookup(lnd, payment_hash, Settled) == Settled(TEN_SATS)
    parts = network.payer.wait_for_payment(payment_hash, "SUCCEEDED")["htlcs"]
    assert len(parts) >= 3


def test_a_part_alone_is_on_its_way(network: Network, lnd: Lnd) -> None:
    invoice = opened(lnd)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(network.payer.pay_part, invoice.payment_request, 4_000)
        assert wait_for_lookup(lnd, invoice.invoice_id, Pending) == Pending()
        assert lnd.cancel(CancelCommand(invoice.invoice_id, "k")) == Accepted()
    assert lnd.lookup(invoice.invoice_id) == Cancelled()


def test_too_much_is_shown_as_it_came(network: Network, lnd: Lnd) -> None:
    invoice = opened(lnd)
    network.payer.pay_other_amount(invoice.payment_request, 15_000)
    assert wait_for_lookup(lnd, invoice.invoice_id, Settled) == Settled(sats(15))


def test_the_same_key_gives_the_same_invoice_after_a_crash(network: Network, lnd: Lnd) -> None:
    first, reborn = opened(lnd, key="one key"), gateway_of(network.ours)
    again = opened(reborn, key="one key")
    assert (again, again.payment_request) == (first, first.payment_request)
    assert opened(reborn, sats(11), key="one key").amount == first.amount
    assert opened(reborn, key="another key").invoice_id != first.invoice_id


def test_another_secret_gives_another_invoice(network: Network, lnd: Lnd) -> None:
    other = gateway_of(network.ours, secret=b"another secret of some bytes")
    assert opened(other, key="a key").invoice_id != opened(lnd, key="a key").invoice_id


def test_a_hold_is_settled(network: Network, lnd: Lnd) -> None:
    preimage, payment_hash = new_preimage()
    invoice = opened(lnd, payment_hash=payment_hash)
    assert invoice.invoice_id == payment_hash
    capture = CaptureCommand(payment_hash, "capture", TEN_SATS, preimage)
    assert isinstance(lnd.capture(capture), Declined)  # nothing is locked
    before = network.ours.height
    network.payer.pay(invoice.payment_request)
    held = wait_for_lookup(lnd, payment_hash, Held)
    assert isinstance(held, Held)
    assert held.amount == TEN_SATS
    assert held.height == network.ours.height
    assert isinstance(held.deadline, HeightDeadline)
    left = held.deadline.height - before
    assert HOLD_BLOCKS - HOLD_EXPIRY_BLOCKS <= left <= HOLD_BLOCKS

    wrong, _ = new_preimage()
    declined = lnd.capture(CaptureCommand(payment_hash, "capture", TEN_SATS, wrong))
    assert isinstance(declined, Declined)
    assert isinstance(lnd.lookup(payment_hash), Held)

    assert lnd.capture(capture) == Accepted()
    assert wait_for_lookup(lnd, payment_hash, Settled) == Settled(TEN_SATS)
    assert lnd.capture(capture) == Accepted()
    paid = network.payer.wait_for_payment(payment_hash, "SUCCEEDED")
    assert paid["payment_preimage"] == preimage.hex()


def test_a_hold_is_let_go(network: Network, lnd: Lnd) -> None:
    preimage, payment_hash = new_preimage()
    invoice = opened(lnd, payment_hash=payment_hash)
    network.payer.pay(invoice.payment_request)
    wait_for_lookup(lnd, payment_hash, Held)
    for _ in range(2):
        assert lnd.cancel(CancelCommand(payment_hash, "cancel")) == Accepted()
    assert lnd.lookup(payment_hash) == Cancelled()
    network.payer.wait_for_payment(payment_hash, "FAILED")
    capture = CaptureCommand(payment_hash, "capture", TEN_SATS, preimage)
    assert isinstance(lnd.capture(capture), Declined)
    assert lnd.lookup(payment_hash) == Cancelled()


def test_the_node_lets_go_before_the_time_lock_ends(network: Network) -> None:
    lnd = gateway_of(network.ours, hold_blocks=60)
    _, payment_hash = new_preimage()
    network.payer.pay(opened(lnd, payment_hash=payment_hash).payment_request)
    held = wait_for_lookup(lnd, payment_hash, Held)
    assert isinstance(held, Held)
    assert isinstance(held.deadline, HeightDeadline)
    network.mine_slowly(held.deadline.height - network.ours.height - 3)
    assert isinstance(lnd.lookup(payment_hash), Held)  # our margin is the greater one
    network.mine_slowly(HOLD_EXPIRY_BLOCKS)
    assert wait_for_lookup(lnd, payment_hash, Cancelled) == Cancelled()
    network.payer.wait_for_payment(payment_hash, "FAILED")
    network.wait_for_channels()


def test_a_key_does_not_get_the_hold_of_another(network: Network, lnd: Lnd) -> None:
    _, payment_hash = new_preimage()
    invoice = opened(lnd, payment_hash=payment_hash, key="first")
    assert opened(gateway_of(network.ours), payment_hash=payment_hash, key="first") == invoice
    second = OpenCommand("second", TEN_SATS, True, payment_hash, "tests", 600)
    assert isinstance(lnd.open(second), Declined)


def test_an_invoice_of_a_receiver_on_our_node_is_not_taken_for_a_hold(
    network: Network, lnd: Lnd
) -> None:
    read = lnd.decode(network.ours.invoice(10_000))
    assert not isinstance(read, Declined)
    command = OpenCommand("wrapped", TEN_SATS, True, read.payment_id, "tests", 600)
    assert isinstance(lnd.open(command), Declined)


def test_an_invoice_expires(network: Network, lnd: Lnd) -> None:
    invoice = opened(lnd, expires_in_s=1)
    assert wait_for_lookup(lnd, invoice.invoice_id, Expired) == Expired()
    with pytest.raises(AssertionError, match="invoice expired"):
        network.payer.pay(invoice.payment_request)


@pytest.mark.parametrize("hold", [False, True])
def test_an_open_invoice_is_cancelled(network: Network, lnd: Lnd, hold: bool) -> None:
    _, payment_hash = new_preimage()
    invoice = opened(lnd, payment_hash=payment_hash if hold else None)
    assert lnd.cancel(CancelCommand(invoice.invoice_id, "cancel")) == Accepted()
    assert lnd.lookup(invoice.invoice_id) == Cancelled()
    network.payer.pay(invoice.payment_request)
    network.payer.wait_for_payment(invoice.invoice_id, "FAILED")
    assert lnd.lookup(invoice.invoice_id) == Cancelled()


def test_what_was_never_opened(lnd: Lnd) -> None:
    preimage, payment_hash = new_preimage()
    assert lnd.lookup(payment_hash) == NotFound()
    assert lnd.lookup("../getinfo") == NotFound()
    assert isinstance(lnd.cancel(CancelCommand(payment_hash, "k")), Declined)
    capture = CaptureCommand(payment_hash, "k", TEN_SATS, preimage)
    assert isinstance(lnd.capture(capture), Declined)


@pytest.mark.parametrize(
    "command",
    [
        OpenCommand("k", msats(0), False, None, "", 600),
        OpenCommand("k", msats(2**63 - 1), False, None, "", 600),
        OpenCommand("k", TEN_SATS, True, None, "", 600),
        OpenCommand("k", TEN_SATS, True, "no hash", "", 600),
        OpenCommand("k", TEN_SATS, False, None, "", 10**11),
    ],
    ids=["nothing", "too much", "no hash", "not a hash", "too long"],
)
def test_what_the_node_refuses_is_declined(lnd: Lnd, command: OpenCommand) -> None:
    assert isinstance(lnd.open(command), Declined)


def test_any_description_can_be_read_back(network: Network, lnd: Lnd) -> None:
    for text in ("", "ünï\0cödé \U0001f600", "x" * 5000, "\U0001f9fe" * 400):
        _, payment_hash = new_preimage()
        for given in (None, payment_hash):
            command = OpenCommand(
                f"{text[:9]}{given}", TEN_SATS, given is not None, given, text, 60
            )
            outcome = lnd.open(command)
            assert isinstance(outcome, Opened), (text[:20], outcome)
            told = network.payer.get(f"/v1/payreq/{outcome.invoice.payment_request}")
            assert text[:100] in told["description"]
