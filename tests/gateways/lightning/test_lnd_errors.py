"""What goes wrong between the adapter and its node, and which setting an error names."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from paidflow.errors import InvalidConfiguration, WebhookRefused
from paidflow.payments import macaroon
from paidflow.payments.contract import (
    Accepted,
    CancelCommand,
    Cancelled,
    CaptureCommand,
    Held,
    NotFound,
    NotSent,
    Open,
    OpenCommand,
    Opened,
    PaidOut,
    PayOutCommand,
    Settled,
    Unknown,
    Unreachable,
    Updates,
)
from paidflow.payments.lnd import Lnd
from tests.gateways.fault_proxy import Fault, FaultProxy
from tests.gateways.lightning.nodes import Network
from tests.gateways.lightning.support import (
    SECRET,
    TEN_SATS,
    gateway_of,
    new_preimage,
    opened,
    read,
    wait_for_lookup,
    wait_for_payment,
)

pytestmark = pytest.mark.lightning
CUTS = [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.HALF_ANSWER, Fault.SILENCE_AFTER]


@pytest.fixture
def proxy(network: Network) -> Iterator[FaultProxy]:
    with FaultProxy(network.ours.rest_port) as proxy:
        yield proxy


def through(network: Network, proxy: FaultProxy) -> Lnd:
    """The adapter on our node, with something in between that spoils requests."""
    lnd = gateway_of(network.ours, url=f"https://127.0.0.1:{proxy.port}", timeout_s=3)
    assert lnd.lookup("ab" * 32) == NotFound()
    return lnd


def hours(number: int) -> datetime:
    return datetime.now(UTC) + timedelta(hours=number)


def limited(network: Network, moment: datetime) -> str:
    """A macaroon of our node that is valid until a moment."""
    return macaroon.valid_until(network.ours.macaroon.read_bytes(), moment).hex()


WRONG: dict[str, tuple[str, Callable[[Network], dict[str, object]]]] = {
    "nobody": ("no connection to url", lambda _: {"url": "https://127.0.0.1:1"}),
    "no such host": ("no connection to url", lambda _: {"url": "https://no.such.host.invalid"}),
    "certificate": (
        "tls_certificate does not fit",
        lambda network: {"tls_certificate": network.payer.certificate},
    ),
    "no certificate": ("tls_certificate does not fit", lambda _: {"tls_certificate": None}),
    "other macaroon": (
        "macaroon is not one of this node",
        lambda network: {"macaroon": network.payer.macaroon},
    ),
    "expired": (
        "macaroon has expired",
        lambda network: {"macaroon": limited(network, hours(-1))},
    ),
    "no right": (
        "macaroon does not allow this",
        lambda network: {"macaroon": network.ours.macaroon.with_name("signer.macaroon")},
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_error_names_the_setting(network: Network, what: str) -> None:
    expected, settings = WRONG[what]
    lnd = gateway_of(network.ours, **settings(network))
    preimage, payment_hash = new_preimage()
    invoice = network.receiver.invoice(10_000)
    told = [
        lnd.open(OpenCommand("k", TEN_SATS, False, None, "tests", 600)),
        lnd.open(OpenCommand("k", TEN_SATS, True, payment_hash, "tests", 600)),
        lnd.lookup(payment_hash),
        lnd.capture(CaptureCommand(payment_hash, "k", TEN_SATS, preimage)),
        lnd.cancel(CancelCommand(payment_hash, "k")),
        lnd.lookup_payment(payment_hash),
        lnd.pay_out(pay(network, invoice)),
        lnd.holdings(),
    ]
    for one in told:
        assert isinstance(one, (NotSent, Unreachable)), one
        assert expected in one.reason
    assert lnd.updates("as before") == Updates((), "as before")


def pay(network: Network, invoice: str) -> PayOutCommand:
    payment_id = read(gateway_of(network.ours), invoice).payment_id
    assert payment_id is not None
    return PayOutCommand("k", invoice, payment_id, TEN_SATS, TEN_SATS, hours(1))


def test_a_macaroon_that_is_still_valid(network: Network) -> None:
    lnd = gateway_of(network.ours, macaroon=limited(network, hours(1)))
    assert lnd.lookup(opened(lnd).invoice_id) == Open()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("macaroon", "no macaroon"),
        ("macaroon", "02ff"),
        ("macaroon", Path("no.such.macaroon")),
        ("tls_certificate", "no certificate"),
        ("tls_certificate", Path("no.such.cert")),
        ("url", "http://lightning.example"),
        ("secret", b"short"),
        ("hold_blocks", 10),
    ],
)
def test_a_setting_that_cannot_be_used(network: Network, setting: str, value: object) -> None:
    with pytest.raises(InvalidConfiguration, match=setting):
        gateway_of(network.ours, **{setting: value})


def test_nothing_secret_is_shown(network: Network, lnd: Lnd) -> None:
    secret = network.ours.macaroon.read_bytes()
    unreachable = gateway_of(network.ours, url="https://127.0.0.1:1")
    told = unreachable.open(OpenCommand("k", TEN_SATS, False, None, "tests", 600))
    shown = f"{lnd!r}{unreachable!r}{told!r}{unreachable.lookup('ab' * 32)!r}"
    assert not re.search(f"{SECRET.decode()}|{secret[-32:].hex()}", shown)
    with pytest.raises(WebhookRefused):
        lnd.parse_webhook({}, b"{}")


@pytest.mark.parametrize("fault", CUTS)
def test_a_lost_open_is_found_by_its_key(network: Network, proxy: FaultProxy, fault: Fault) -> None:
    lnd = through(network, proxy)
    _, payment_hash = new_preimage()
    command = OpenCommand(f"key {payment_hash}", TEN_SATS, True, payment_hash, "tests", 600)
    proxy.spoil_next(fault)
    assert isinstance(lnd.open(command), Unknown)
    known = fault is not Fault.CUT_BEFORE
    assert isinstance(lnd.lookup(payment_hash), Open if known else NotFound)
    outcome = lnd.open(command)
    assert isinstance(outcome, Opened)
    assert outcome.invoice.invoice_id == payment_hash
    assert proxy.spoilt == 1


@pytest.mark.parametrize("fault", CUTS)
def test_a_lost_capture_is_shown_by_a_lookup(
    network: Network, proxy: FaultProxy, fault: Fault
) -> None:
    lnd = through(network, proxy)
    preimage, payment_hash = new_preimage()
    network.payer.pay(opened(lnd, payment_hash=payment_hash).payment_request)
    wait_for_lookup(lnd, payment_hash, Held)
    proxy.spoil_next(None, fault)  # first it asks how much is locked
    capture = CaptureCommand(payment_hash, "k", TEN_SATS, preimage)
    assert isinstance(lnd.capture(capture), Unknown)
    if fault is Fault.CUT_BEFORE:
        assert isinstance(lnd.lookup(payment_hash), Held)
        assert lnd.capture(capture) == Accepted()
    assert wait_for_lookup(lnd, payment_hash, Settled) == Settled(TEN_SATS)


@pytest.mark.parametrize("fault", CUTS)
def test_a_lost_cancel_is_shown_by_a_lookup(
    network: Network, proxy: FaultProxy, fault: Fault
) -> None:
    lnd = through(network, proxy)
    invoice = opened(lnd)
    proxy.spoil_next(fault)
    assert isinstance(lnd.cancel(CancelCommand(invoice.invoice_id, "k")), Unknown)
    expected = Open() if fault is Fault.CUT_BEFORE else Cancelled()
    assert lnd.lookup(invoice.invoice_id) == expected


@pytest.mark.parametrize("fault", CUTS)
def test_a_lost_payment_is_never_sent_twice(
    network: Network, proxy: FaultProxy, fault: Fault
) -> None:
    lnd = through(network, proxy)
    invoice = network.receiver.invoice(10_000)
    command = pay(network, invoice)
    proxy.spoil_next(None, fault)  # first it asks whether there is such a payment
    assert isinstance(lnd.pay_out(command), Unknown)
    if fault is Fault.CUT_BEFORE:
        assert lnd.lookup_payment(command.payment_id) == NotFound()
        return
    assert isinstance(wait_for_payment(lnd, invoice, PaidOut), PaidOut)
    assert not isinstance(lnd.pay_out(command), Accepted)
    (payment,) = [
        one
        for one in network.ours.get("/v1/payments", include_incomplete="true")["payments"]
        if one["payment_hash"] == command.payment_id
    ]
    assert len(payment["htlcs"]) == 1


@pytest.mark.parametrize("fault", [*CUTS, Fault.SILENCE_BEFORE])
def test_a_lost_answer_to_a_question_says_nothing(
    network: Network, proxy: FaultProxy, fault: Fault
) -> None:
    lnd = through(network, proxy)
    proxy.spoil_next(fault, fault)
    assert isinstance(lnd.lookup("ab" * 32), Unreachable)
    assert lnd.updates("as before") == Updates((), "as before")
    assert lnd.lookup("ab" * 32) == NotFound()


def test_refused_connections_are_not_sent(network: Network, proxy: FaultProxy) -> None:
    lnd = through(network, proxy)
    with proxy.refusing():
        assert isinstance(lnd.open(OpenCommand("k", TEN_SATS, False, None, "", 60)), NotSent)
        assert isinstance(lnd.lookup("ab" * 32), Unreachable)
    assert lnd.lookup("ab" * 32) == NotFound()


def test_a_node_that_hangs_is_waited_for_no_longer_than_it_may(network: Network) -> None:
    lnd = gateway_of(network.ours, timeout_s=2)
    command = OpenCommand("hangs", TEN_SATS, False, None, "tests", 600)
    assert lnd.lookup("ab" * 32) == NotFound()
    network.ours.program.signal(signal.SIGSTOP)
    try:
        assert isinstance(lnd.open(command), Unknown)
        assert isinstance(lnd.lookup("ab" * 32), Unreachable)
    finally:
        network.ours.program.signal(signal.SIGCONT)
    outcome = gateway_of(network.ours).open(command)
    assert isinstance(outcome, Opened)
    assert lnd.lookup(outcome.invoice.invoice_id) == Open()
