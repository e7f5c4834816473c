"""What goes wrong between us and a real LNbits: nothing is lost, and nothing is paid twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from paidflow import State, sats, withdrawable
from paidflow.errors import InvalidConfiguration
from paidflow.money import Money
from paidflow.payments.bolt11 import Network
from paidflow.payments.contract import (
    Accepted,
    Cancelled,
    Declined,
    InFlight,
    Invoice,
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
)
from paidflow.payments.lnbits import LnbitsGateway
from paidflow.testing import ManualClock
from tests.flow.support import attention, invoice_of, work
from tests.gateways.fault_proxy import Fault, FaultProxy
from tests.gateways.lnbits.server import LnbitsServer, ServerWallet
from tests.gateways.lnbits.under_test import gateway_of
from tests.payday import Cash, Tip
from tests.wall import Note, effects, open_wall

pytestmark = pytest.mark.gateways

AMOUNT = sats(100)
FEE_MAX = sats(10)
SHORT_S = 2.0


@pytest.fixture
def gateway(lnbits: LnbitsServer, shop: ServerWallet) -> Iterator[LnbitsGateway]:
    opened = gateway_of(lnbits.url, shop)
    yield opened
    opened.close()


@pytest.fixture
def rich_shop(lnbits: LnbitsServer) -> ServerWallet:
    return lnbits.new_wallet("shop with money", 1_000)


@pytest.fixture
def proxy(lnbits: LnbitsServer) -> Iterator[FaultProxy]:
    with FaultProxy(lnbits.port) as started:
        yield started


def opening(key: str, amount: Money = AMOUNT) -> OpenCommand:
    return OpenCommand(key, amount, False, None, "an invoice", 600)


def opened(outcome: object) -> Invoice:
    assert isinstance(outcome, Opened), outcome
    return outcome.invoice


def paying(lnbits: LnbitsServer, receiver: ServerWallet) -> PayOutCommand:
    made = lnbits.invoice(receiver, AMOUNT.amount // 1000)
    return PayOutCommand(
        key="pay",
        destination=made["bolt11"],
        payment_id=made["payment_hash"],
        amount=AMOUNT,
        fee_max=FEE_MAX,
        give_up_at=datetime.now(UTC) + timedelta(seconds=60),
    )


class TestSettings:
    """What is wrong is named as it is called in the settings."""

    def test_nobody_is_there(self, shop: ServerWallet) -> None:
        gateway = gateway_of("http://127.0.0.1:9", shop)
        for told in (gateway.open(opening("a")), gateway.lookup("00" * 32), gateway.holdings()):
            assert isinstance(told, NotSent | Unreachable)
            assert told.reason == "there is no connection to url (ConnectError)"

    def test_no_such_host(self, shop: ServerWallet) -> None:
        gateway = gateway_of("https://lnbits.invalid", shop)
        assert gateway.open(opening("a")) == NotSent("there is no connection to url (ConnectError)")

    def test_a_page_to_log_in(self, lnbits: LnbitsServer, shop: ServerWallet) -> None:
        told = gateway_of(f"{lnbits.url}/wallet", shop).lookup("00" * 32)
        assert isinstance(told, Unreachable)

    def test_wrong_invoice_key(self, lnbits: LnbitsServer, shop: ServerWallet) -> None:
        gateway = gateway_of(lnbits.url, replace(shop, invoice_key="0" * 32))
        reason = "invoice_key is not accepted (status 404)"
        assert gateway.open(opening("a")) == NotSent(reason)
        assert gateway.lookup("00" * 32) == Unreachable(reason)
        assert gateway.holdings() == Unreachable(reason)

    @pytest.mark.parametrize("wrong", ["unknown", "the invoice key"])
    def test_wrong_admin_key(
        self, lnbits: LnbitsServer, rich_shop: ServerWallet, payer: ServerWallet, wrong: str
    ) -> None:
        key = "0" * 32 if wrong == "unknown" else rich_shop.invoice_key
        gateway = gateway_of(lnbits.url, replace(rich_shop, admin_key=key))
        told = gateway.pay_out(paying(lnbits, payer))
        assert isinstance(told, NotSent)
        assert told.reason.startswith("admin_key ")

    def test_keys_of_another_wallet(
        self, lnbits: LnbitsServer, shop: ServerWallet, payer: ServerWallet
    ) -> None:
        gateway = gateway_of(lnbits.url, replace(payer, wallet_id=shop.wallet_id))
        reason = "wallet_id is not the wallet that invoice_key is of"
        assert gateway.updates(None).hints == ()
        assert gateway.open(opening("a")) == Unknown(reason)

    def test_plain_http_elsewhere(self, shop: ServerWallet) -> None:
        with pytest.raises(InvalidConfiguration, match="url must begin with https"):
            gateway_of("http://lnbits.example", shop)

    def test_another_network(self, lnbits: LnbitsServer, shop: ServerWallet) -> None:
        gateway = gateway_of(lnbits.url, shop, network=Network.REGTEST)
        outcome = gateway.open(opening("a"))
        assert isinstance(outcome, Declined)
        assert outcome.reason.startswith("network ")


class TestFaults:
    """A proxy spoils one request or its answer."""

    @pytest.fixture
    def through(self, proxy: FaultProxy, rich_shop: ServerWallet) -> Iterator[LnbitsGateway]:
        opened = gateway_of(f"http://127.0.0.1:{proxy.port}", rich_shop, timeout_s=SHORT_S)
        yield opened
        opened.close()

    @pytest.mark.parametrize("fault", list(Fault))
    @pytest.mark.parametrize("request_number", [1, 2, 3], ids=["find", "create", "show"])
    def test_open(
        self,
        lnbits: LnbitsServer,
        rich_shop: ServerWallet,
        through: LnbitsGateway,
        proxy: FaultProxy,
        fault: Fault,
        request_number: int,
    ) -> None:
        """Whatever happens to one of its requests, the same key gives one invoice at the end."""
        proxy.spoil_next(*[None] * (request_number - 1), fault)
        outcome = through.open(opening("key"))
        assert isinstance(outcome, NotSent if request_number == 1 else Unknown), outcome
        assert proxy.spoilt == 1
        invoice = opened(through.open(opening("key")))
        assert opened(through.open(opening("key"))) == invoice
        made = lnbits.rows(rich_shop, external_id="key")
        assert [row["payment_hash"] for row in made] == [invoice.invoice_id]

    @pytest.mark.parametrize("fault", list(Fault))
    def test_lookup(self, through: LnbitsGateway, proxy: FaultProxy, fault: Fault) -> None:
        invoice = opened(through.open(opening("key")))
        proxy.spoil_next(fault)
        assert isinstance(through.lookup(invoice.invoice_id), Unreachable)
        assert through.lookup(invoice.invoice_id) == Open()

    @pytest.mark.parametrize("fault", list(Fault))
    def test_pay_out(
        self,
        lnbits: LnbitsServer,
        payer: ServerWallet,
        rich_shop: ServerWallet,
        through: LnbitsGateway,
        proxy: FaultProxy,
        fault: Fault,
    ) -> None:
        """What is not answered is looked up, and the receiver has the money once or never."""
        command, before = paying(lnbits, payer), lnbits.balance_msats(payer)
        proxy.spoil_next(None, None, fault)  # whether it was sent, the fee, the payment
        assert isinstance(through.pay_out(command), Unknown)
        arrived = fault not in (Fault.CUT_BEFORE, Fault.SILENCE_BEFORE)
        shown = through.lookup_payment(command.payment_id)
        if not arrived:
            assert shown == NotFound()
            return
        assert isinstance(shown, PaidOut)
        assert (shown.amount, shown.fee) == (AMOUNT, sats(0))
        assert isinstance(through.pay_out(command), Declined)
        assert lnbits.balance_msats(payer) == before + AMOUNT.amount
        assert lnbits.balance_msats(rich_shop) == 1_000_000 - AMOUNT.amount


class TestPausedAndKilled:
    @pytest.fixture
    def own(self, tmp_path: Path) -> Iterator[LnbitsServer]:
        with LnbitsServer(tmp_path / "own") as server:
            yield server

    def test_killed_while_unpaid_and_after(self, own: LnbitsServer, tmp_path: Path) -> None:
        """FakeWallet forgets what is unpaid, so it is closed; what was paid stays paid."""
        shop, payer = own.new_wallet("shop"), own.new_wallet("payer", 1_000)
        gateway = gateway_of(own.url, shop)
        with open_wall(
            f"sqlite:///{tmp_path}/flow.db", {"lnbits": gateway}, actions=[Note]
        ) as flow:
            paid = flow.perform(Note(text="paid"), actor="ann")
            assert own.pay(payer, str(paid.payment_request)).status_code == 201
            unpaid = flow.perform(Note(text="unpaid"), actor="ann")
            own.kill()
            assert isinstance(gateway.lookup(invoice_of(paid)), Unreachable)
            own.start()
            assert gateway.lookup(invoice_of(paid)) == Settled(sats(10))
            assert gateway.lookup(invoice_of(unpaid)) == Cancelled()
            assert own.pay(payer, str(unpaid.payment_request)).status_code == 520
            for receipt, state in ((paid, State.PAID), (unpaid, State.FAILED)):
                found = flow.sync("lnbits", invoice_of(receipt))
                assert found is not None
                assert found.state is state
            again = flow.retry(unpaid.action_id, actor="ann")
            assert own.pay(payer, str(again.payment_request)).status_code == 201
            found = flow.sync("lnbits", invoice_of(again))
            assert found is not None
            assert found.state is State.PAID
            assert effects(flow, unpaid.action_id)["perform"] == 1

    def test_stands_still_while_it_is_to_pay(self, own: LnbitsServer) -> None:
        """Nobody knows whether it has paid until it goes on; then a lookup shows it."""
        shop, receiver = own.new_wallet("shop", 1_000), own.new_wallet("receiver")
        gateway = gateway_of(own.url, shop, timeout_s=SHORT_S)
        command = paying(own, receiver)
        own.pause()
        try:
            assert isinstance(gateway.pay_out(command), NotSent)  # it gave no answer before it
            assert gateway.lookup_payment(command.payment_id) == Unreachable(
                "ReadTimeout: the answer did not come"
            )
        finally:
            own.resume()
        assert gateway.lookup_payment(command.payment_id) == NotFound()
        assert gateway.pay_out(command) == Accepted()
        assert isinstance(gateway.lookup_payment(command.payment_id), PaidOut)


class TestAmbiguous:
    """An LNbits that pays through another one, which stands still."""

    @pytest.fixture
    def behind(self, tmp_path: Path) -> Iterator[LnbitsServer]:
        with LnbitsServer(tmp_path / "behind") as server:
            yield server

    @pytest.fixture
    def front(self, tmp_path: Path, behind: LnbitsServer) -> Iterator[LnbitsServer]:
        funding = behind.new_wallet("funding", 100_000)
        settings = {
            "LNBITS_BACKEND_WALLET_CLASS": "LNbitsWallet",
            "LNBITS_ENDPOINT": behind.url,
            "LNBITS_KEY": funding.admin_key,
        }
        with LnbitsServer(tmp_path / "front", settings) as server:
            yield server

    def test_a_withdrawal_of_which_nobody_knows(
        self, front: LnbitsServer, behind: LnbitsServer, tmp_path: Path
    ) -> None:
        """It stays in flight for ever, so the money stays reserved and a person is asked."""
        shop, receiver = front.new_wallet("shop"), behind.new_wallet("receiver", 10_000)
        clock = ManualClock(datetime.now(UTC))
        gateway = gateway_of(front.url, shop, clock=clock)
        with open_wall(
            f"sqlite:///{tmp_path}/flow.db", {"lnbits": gateway}, clock=clock, actions=[Tip, Cash]
        ) as flow:
            tip = flow.perform(Tip(text="earned", price_sats=500), actor="bob")
            assert behind.pay(receiver, str(tip.payment_request)).json()["status"] == "success"
            found = flow.sync("lnbits", invoice_of(tip))
            assert found is not None
            assert found.state is State.PAID

            destination = behind.invoice(receiver, 100)["bolt11"]
            cash = Cash(destination=destination, amount=sats(100), fee_max=sats(5))
            behind.pause()
            try:
                receipt = flow.perform(cash, actor="ann")
                assert receipt.state is State.FORWARDING
            finally:
                behind.resume()
            assert receipt.payment_id is not None
            assert gateway.lookup_payment(receipt.payment_id) == InFlight()
            assert gateway.holdings() == (sats(500),)
            work(flow, clock, seconds=7200)
            assert flow.sync_payment(receipt.action_id).state is State.FORWARDING
            assert flow.balance_of(withdrawable("ann")) == sats(395)
            assert [one.action_id for one in attention(flow)] == [receipt.action_id]
