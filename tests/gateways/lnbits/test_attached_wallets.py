"""Actors' own wallets on a real LNbits: paid from before anybody is asked, and paid to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paidflow import NextAction, PaidFlow, State, sats
from paidflow.keyring import Keyring
from paidflow.payments.attached import AttachedWallets
from paidflow.payments.contract import Accepted, Declined
from paidflow.payments.lnbits import LnbitsGateway
from paidflow.payments.lnbits_wallet import LnbitsKeys, LnbitsWallet
from paidflow.payments.seal import Seal
from tests.gateways.lnbits.server import LnbitsServer, ServerWallet
from tests.gateways.lnbits.under_test import gateway_of
from tests.wall import Note, effects, open_wall

pytestmark = pytest.mark.gateways

ANN = "ann"
SEAL = Seal(Keyring.of("a secret only for tests"))


@pytest.fixture
def gateway(lnbits: LnbitsServer, shop: ServerWallet) -> Iterator[LnbitsGateway]:
    opened = gateway_of(lnbits.url, shop, timeout_s=5)
    yield opened
    opened.close()


@pytest.fixture
def attached(lnbits: LnbitsServer) -> AttachedWallets:
    return AttachedWallets({}, SEAL, servers=[lnbits.url])


@pytest.fixture
def flow(gateway: LnbitsGateway, attached: AttachedWallets, tmp_path: Path) -> Iterator[PaidFlow]:
    url = f"sqlite:///{tmp_path}/flow.db"
    with open_wall(url, {"lnbits": gateway}, wallets=attached, actions=[Note]) as opened:
        yield opened


def keys_of(lnbits: LnbitsServer, wallet: ServerWallet) -> LnbitsKeys:
    return LnbitsKeys(url=lnbits.url, invoice_key=wallet.invoice_key, admin_key=wallet.admin_key)


class TestPaying:
    def test_paid_before_anybody_is_asked(
        self,
        flow: PaidFlow,
        attached: AttachedWallets,
        lnbits: LnbitsServer,
        payer: ServerWallet,
    ) -> None:
        attached.attach(ANN, keys_of(lnbits, payer))
        before = lnbits.balance_msats(payer)
        asked = flow.perform(Note(text="from my wallet"), actor=ANN)
        receipt = attached.pay(flow, asked, ANN)
        assert (receipt.state, receipt.next_action) == (State.PAID, NextAction.NONE)
        assert receipt.proof == asked.proof
        assert lnbits.balance_msats(payer) == before - 10_000
        assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
        assert attached.pay(flow, receipt, ANN) == receipt, "nothing is due any more"
        assert lnbits.balance_msats(payer) == before - 10_000

    def test_a_wallet_without_money(
        self, flow: PaidFlow, attached: AttachedWallets, lnbits: LnbitsServer
    ) -> None:
        attached.attach(ANN, keys_of(lnbits, lnbits.new_wallet("poor")))
        asked = flow.perform(Note(text="by hand, then"), actor=ANN)
        assert attached.pay(flow, asked, ANN) == asked
        assert asked.next_action is NextAction.PAY_INVOICE

    def test_nothing_attached(self, flow: PaidFlow, attached: AttachedWallets) -> None:
        asked = flow.perform(Note(text="by hand"), actor=ANN)
        assert attached.pay(flow, asked, ANN) == asked

    def test_a_wallet_that_gives_no_answer(
        self, flow: PaidFlow, lnbits: LnbitsServer, payer: ServerWallet
    ) -> None:
        """It may be paying, so its owner waits and is asked for nothing."""
        attached = AttachedWallets({}, SEAL, servers=[lnbits.url], timeout_s=1)
        attached.attach(ANN, keys_of(lnbits, payer))
        asked = flow.perform(Note(text="slow"), actor=ANN)
        lnbits.pause()
        try:
            waiting = attached.pay(flow, asked, ANN)
        finally:
            lnbits.resume()
        assert (waiting.state, waiting.next_action) == (State.PENDING, NextAction.WAIT)
        before = lnbits.balance_msats(payer)
        assert attached.pay(flow, asked, ANN).state is State.PAID
        assert lnbits.balance_msats(payer) == before - 10_000

    def test_only_paid_to(
        self, lnbits: LnbitsServer, payer: ServerWallet, shop: ServerWallet
    ) -> None:
        wallet = LnbitsWallet(LnbitsKeys(url=lnbits.url, invoice_key=payer.invoice_key))
        invoice = lnbits.invoice(shop, 10)["bolt11"]
        assert wallet.pay(invoice, "key", hold=False) == Declined("this wallet is only paid to")

    def test_a_hold_within_one_lnbits_is_refused(
        self, lnbits: LnbitsServer, payer: ServerWallet, shop: ServerWallet
    ) -> None:
        """LNbits would hand over its money at once; an ordinary invoice is paid."""
        wallet = LnbitsWallet(keys_of(lnbits, payer))
        invoice = lnbits.invoice(shop, 10)["bolt11"]
        assert isinstance(wallet.pay(invoice, "key", hold=True), Declined)
        assert lnbits.balance_msats(shop) == 0
        assert wallet.pay(invoice, "key", hold=False) == Accepted()
        assert lnbits.balance_msats(shop) == 10_000


class TestPaidTo:
    def test_an_invoice(
        self, lnbits: LnbitsServer, shop: ServerWallet, payer: ServerWallet
    ) -> None:
        wallet = LnbitsWallet(LnbitsKeys(url=lnbits.url, invoice_key=shop.invoice_key))
        invoice = wallet.invoice(sats(70), "a share", 900)
        assert isinstance(invoice, str)
        assert lnbits.pay(payer, invoice).status_code == 201
        assert lnbits.balance_msats(shop) == 70_000

    def test_wrong_keys(self, lnbits: LnbitsServer) -> None:
        wallet = LnbitsWallet(LnbitsKeys(url=lnbits.url, invoice_key="0" * 32))
        assert wallet.invoice(sats(70), "a share", 900) == Declined(
            "invoice_key is not accepted (status 404)"
        )
