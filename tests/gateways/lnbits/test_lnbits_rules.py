"""What the gateway to LNbits refuses, because LNbits would do something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from paidflow import msats, sats
from paidflow.errors import InvalidConfiguration
from paidflow.payments.contract import (
    Accepted,
    CancelCommand,
    Capability,
    CaptureCommand,
    Declined,
    HeightDeadline,
    Invoice,
    NotFound,
    OpenCommand,
    Opened,
    PayOutCommand,
    Settled,
)
from paidflow.payments.lnbits import LnbitsGateway
from paidflow.payments.sandbox import SandboxGateway
from tests.gateways.lnbits.server import LnbitsServer, ServerWallet
from tests.gateways.lnbits.under_test import gateway_of

pytestmark = pytest.mark.gateways

ASKED = OpenCommand("a-key", sats(100), False, None, "an invoice", 600)
HASH = "5f" * 32


@pytest.fixture
def gateway(lnbits: LnbitsServer, shop: ServerWallet) -> Iterator[LnbitsGateway]:
    opened = gateway_of(lnbits.url, shop)
    yield opened
    opened.close()


def opened(gateway: LnbitsGateway, command: OpenCommand) -> Invoice:
    outcome = gateway.open(command)
    assert isinstance(outcome, Opened), outcome
    return outcome.invoice


def paying(lnbits: LnbitsServer, receiver: ServerWallet) -> PayOutCommand:
    made = lnbits.invoice(receiver, 100)
    give_up_at = datetime.now(UTC) + timedelta(seconds=60)
    return PayOutCommand(
        "pay", made["bolt11"], made["payment_hash"], sats(100), sats(10), give_up_at
    )


def test_fractions_of_a_satoshi(
    gateway: LnbitsGateway, lnbits: LnbitsServer, shop: ServerWallet
) -> None:
    """LNbits would leave them out without a word, so it is not asked at all."""
    assert isinstance(gateway.open(replace(ASKED, amount=msats(100_500))), Declined)
    assert lnbits.rows(shop) == []


def test_keys_that_lnbits_would_spoil(
    gateway: LnbitsGateway, lnbits: LnbitsServer, shop: ServerWallet
) -> None:
    """It takes no spaces and no long ones, and cuts out what looks like HTML."""
    for key in ("two words", "<b>bold</b>", "&amp;", "k" * 300, "schlüssel"):
        command = replace(ASKED, key=key)
        assert opened(gateway, command) == opened(gateway, command)
    assert len(lnbits.rows(shop)) == 5


def test_a_key_is_of_one_wallet(
    gateway: LnbitsGateway, lnbits: LnbitsServer, payer: ServerWallet
) -> None:
    """Somebody else's invoice with the same key is not taken for ours."""
    theirs = lnbits.invoice(payer, 100, external_id=ASKED.key)
    assert opened(gateway, ASKED).invoice_id != theirs["payment_hash"]


def test_one_payment_in_the_same_wallet(
    lnbits: LnbitsServer, shop: ServerWallet, gateway: LnbitsGateway
) -> None:
    """A wallet that pays itself has two rows with one hash; each lookup shows its own."""
    lnbits.credit(shop, 1_000)
    invoice = opened(gateway, ASKED)
    command = PayOutCommand(
        key="pay",
        destination=invoice.payment_request,
        payment_id=invoice.invoice_id,
        amount=invoice.amount,
        fee_max=sats(10),
        give_up_at=datetime.now(UTC) + timedelta(seconds=60),
    )
    assert gateway.lookup_payment(invoice.invoice_id) == NotFound()
    assert gateway.pay_out(command) == Accepted()
    assert gateway.lookup(invoice.invoice_id) == Settled(sats(100))
    shown = gateway.lookup_payment(invoice.invoice_id)
    assert (shown.amount, shown.fee) == (sats(100), sats(0))  # type: ignore[union-attr]
    assert gateway.holdings() == (sats(1_000),)


class TestWithoutNode:
    """LNbits does not show what is held, so alone it holds nothing."""

    def test_no_hold(self, gateway: LnbitsGateway) -> None:
        assert Capability.HOLD not in gateway.profile.capabilities
        outcome = gateway.open(replace(ASKED, hold=True, payment_hash=HASH))
        assert outcome == Declined("without a node, LNbits does not show what is held")

    def test_no_cancel(self, gateway: LnbitsGateway) -> None:
        invoice = opened(gateway, ASKED)
        assert Capability.CANCEL not in gateway.profile.capabilities
        assert isinstance(gateway.cancel(CancelCommand(invoice.invoice_id, "key")), Declined)

    def test_no_capture(self, gateway: LnbitsGateway) -> None:
        invoice = opened(gateway, ASKED)
        command = CaptureCommand(invoice.invoice_id, "key", invoice.amount, b"x" * 32)
        assert isinstance(gateway.capture(command), Declined)


class TestHoldsElsewhere:
    """A node is named that is not the one of this LNbits, whose FakeWallet holds nothing."""

    def test_lnbits_refuses_a_hold(self, lnbits: LnbitsServer, shop: ServerWallet) -> None:
        node = SandboxGateway(":memory:", sandbox=True)
        gateway = gateway_of(lnbits.url, shop, node=node)
        outcome = gateway.open(replace(ASKED, hold=True, payment_hash=HASH))
        assert outcome == Declined("its funding source holds no money")

    def test_a_node_needs_the_admin_key(self, lnbits: LnbitsServer, shop: ServerWallet) -> None:
        node = SandboxGateway(":memory:", sandbox=True)
        with pytest.raises(InvalidConfiguration, match="admin_key"):
            LnbitsGateway(
                lnbits.url, wallet_id=shop.wallet_id, invoice_key=shop.invoice_key, node=node
            )


class TestPaying:
    @pytest.fixture
    def gateway(self, lnbits: LnbitsServer) -> Iterator[LnbitsGateway]:
        opened = gateway_of(lnbits.url, lnbits.new_wallet("shop", 1_000))
        yield opened
        opened.close()

    def test_a_deadline(
        self, gateway: LnbitsGateway, lnbits: LnbitsServer, payer: ServerWallet
    ) -> None:
        """LNbits cannot let a payment fail in time, so it passes no locked money on."""
        assert gateway.profile.forwards is False
        command = replace(paying(lnbits, payer), hold_deadline=HeightDeadline(1_000_000))
        assert isinstance(gateway.pay_out(command), Declined)
        assert gateway.lookup_payment(command.payment_id) == NotFound()

    def test_what_the_way_may_cost_is_not_ours_to_say(
        self, gateway: LnbitsGateway, lnbits: LnbitsServer, payer: ServerWallet
    ) -> None:
        """LNbits spends up to 2 satoshis, or 1 per cent; who allows less, does not pay."""
        command = paying(lnbits, payer)
        outcome = gateway.pay_out(replace(command, fee_max=msats(1_999)))
        assert outcome == Declined("LNbits may spend 2000 msats on the way")
        assert gateway.pay_out(replace(command, fee_max=msats(2_000))) == Accepted()

    def test_only_to_be_paid(self, lnbits: LnbitsServer, shop: ServerWallet) -> None:
        """Without its admin key nothing leaves a wallet."""
        gateway = LnbitsGateway(lnbits.url, wallet_id=shop.wallet_id, invoice_key=shop.invoice_key)
        assert Capability.PAY_OUT not in gateway.profile.capabilities
        assert opened(gateway, ASKED).amount == ASKED.amount
