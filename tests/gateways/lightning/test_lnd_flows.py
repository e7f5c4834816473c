"""Whole actions, from the request to the end, with money that moves between real nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paidflow import POOL, PaidFlow, Receipt, State, Worker, purse, sats, withdrawable
from paidflow.errors import NotCancellable, PaymentUsed
from paidflow.money import Money, msats
from paidflow.operating.audit import Rule, audit
from paidflow.payments.contract import Declined, Expired, Held, OpenCommand, Opened, Settled
from paidflow.payments.lnd import Lnd
from paidflow.payments.lnd_messages import to_base64
from paidflow.payments.lnd_wallet import LndWallet
from tests.gateways.lightning.nodes import Network
from tests.gateways.lightning.processes import NotYet, wait_for
from tests.gateways.lightning.support import (
    gateway_of,
    new_preimage,
    read,
    wait_for_lookup,
    work_until,
)
from tests.payday import Cash, Tip
from tests.wall import NOTES, EagerNote, HeldNote, Note, WrappedNote, effects, open_wall

pytestmark = pytest.mark.lightning
ACTIONS = (*NOTES, Tip, Cash)


@pytest.fixture
def wallet(network: Network) -> LndWallet:
    """The wallet of Bob, who has the receiver's node."""
    node = network.receiver
    return LndWallet(node.url, macaroon=node.macaroon, tls_certificate=node.certificate)


@pytest.fixture
def flow(network: Network, flow_url: str, lnd: Lnd, wallet: LndWallet) -> Iterator[PaidFlow]:
    network.let_go()
    with open_wall(flow_url, {"lnd": lnd}, actions=ACTIONS, wallets={"bob-phone": wallet}) as flow:
        before = held_by(lnd)
        yield flow
        wait_for(lambda: balanced(flow, before))


def held_by(lnd: Lnd) -> Money:
    """What the node holds."""
    found = lnd.holdings()
    assert isinstance(found, tuple)
    (money,) = found
    return money


def balanced(flow: PaidFlow, before: Money) -> None:
    """The ledger agrees with itself, and with what the node has gained, to the millisatoshi."""
    for line in audit(flow):
        if line.rule is not Rule.HOLDINGS:
            assert line.agrees, line
        elif line.other is None or line.entries != line.other - before:
            raise NotYet(f"{line.entries} are booked, and {before} has become {line.other}")


def pay(network: Network, receipt: Receipt) -> str:
    """The payer pays; returns the payment hash."""
    assert receipt.payment_request is not None
    assert receipt.invoice_id is not None
    network.payer.pay(receipt.payment_request)
    return receipt.invoice_id


def test_optimistic(network: Network, flow: PaidFlow) -> None:
    receipt = flow.perform(Note(text="first"), actor="ann")
    assert receipt.state is State.PENDING
    payment = pay(network, receipt)
    work_until(flow, receipt, State.PAID)
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    network.payer.wait_for_payment(payment, "SUCCEEDED")


def test_pessimistic(network: Network, flow: PaidFlow) -> None:
    receipt = flow.perform(HeldNote(text="later"), actor="ann")
    assert receipt.state is State.PENDING_HELD
    assert effects(flow, receipt.action_id) == {}
    payment = pay(network, receipt)
    work_until(flow, receipt, State.PAID)
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    network.payer.wait_for_payment(payment, "SUCCEEDED")


def test_what_cannot_be_done_costs_nothing(network: Network, flow: PaidFlow) -> None:
    receipt = flow.perform(HeldNote(text="no", raises={"perform": -1}), actor="ann")
    payment = pay(network, receipt)
    work_until(flow, receipt, State.FAILED)
    network.payer.wait_for_payment(payment, "FAILED")


def test_failure_and_retry(network: Network, flow_url: str) -> None:
    hasty = gateway_of(network.ours, invoice_expiry_s=2)
    with open_wall(flow_url, {"lnd": hasty}) as flow:
        receipt = flow.perform(Note(text="forgotten"), actor="ann")
        wait_for_lookup(hasty, receipt.invoice_id or "", Expired)
        flow.sync("lnd", receipt.invoice_id or "")
        failed = work_until(flow, receipt, State.FAILED)
        assert effects(flow, receipt.action_id) == {"perform": 1, "on_failed": 1}
    patient = gateway_of(network.ours)
    with open_wall(flow_url, {"lnd": patient}, create=False) as flow:
        again = flow.retry(failed.action_id, actor="ann")
        again = work_until(flow, again, State.PENDING)
        assert again.invoice_id != receipt.invoice_id
        with pytest.raises(AssertionError, match="invoice expired"):
            pay(network, receipt)
        pay(network, again)
        work_until(flow, again, State.PAID)


def test_a_payment_that_was_faster_than_the_cancel(network: Network, flow: PaidFlow) -> None:
    receipt = flow.perform(Note(text="fast"), actor="ann")
    payment = pay(network, receipt)
    network.payer.wait_for_payment(payment, "SUCCEEDED")
    flow.cancel(receipt.action_id, actor="ann")
    work_until(flow, receipt, State.PAID)


def test_a_cancelled_invoice_takes_no_late_money(network: Network, flow: PaidFlow) -> None:
    receipt = flow.perform(Note(text="cancelled"), actor="ann")
    flow.cancel(receipt.action_id, actor="ann")
    work_until(flow, receipt, State.FAILED)
    payment = pay(network, receipt)
    network.payer.wait_for_payment(payment, "FAILED")
    assert work_until(flow, receipt, State.FAILED).state is State.FAILED


def test_wrapped(network: Network, lnd: Lnd, flow: PaidFlow) -> None:
    receipt = flow.perform(WrappedNote(text="for bob", price_sats=1000), actor="ann")
    assert receipt.state is State.PENDING_HELD
    payment = pay(network, receipt)
    work_until(flow, receipt, State.PAID)
    invoice = network.receiver.get(f"/v1/invoice/{payment}")  # the same hash on both sides
    assert (invoice["state"], invoice["amt_paid_msat"]) == ("SETTLED", "700000")
    sent = network.payer.wait_for_payment(payment, "SUCCEEDED")
    assert sent["value_msat"] == "1000000"
    assert lnd.lookup(payment) == Settled(sats(1000))
    assert flow.balance_of(purse("bob")) == msats(0)
    assert flow.balance_of(POOL) == sats(90)  # the way to him was free


def test_wrapped_and_done_at_once(network: Network, flow: PaidFlow) -> None:
    receipt = flow.perform(EagerNote(text="for bob", price_sats=1000), actor="ann")
    assert effects(flow, receipt.action_id)["perform"] == 1
    pay(network, receipt)
    work_until(flow, receipt, State.PAID)


def test_wrapped_and_the_receiver_does_not_take_it(network: Network, flow: PaidFlow) -> None:
    receipt = flow.perform(WrappedNote(text="for bob", price_sats=1000), actor="ann")
    told = network.receiver.get(f"/v1/invoice/{receipt.invoice_id}")
    network.receiver.post("/v2/invoices/cancel", {"payment_hash": told["r_hash"]})
    payment = pay(network, receipt)
    work_until(flow, receipt, State.FAILED)
    network.payer.wait_for_payment(payment, "FAILED")
    again = work_until(flow, flow.retry(receipt.action_id, actor="ann"), State.PENDING_HELD)
    assert not _of_receiver(network, again)  # that wallet is left out
    pay(network, again)
    work_until(flow, again, State.PAID)
    assert flow.balance_of(purse("bob")) == sats(700)


class HoldingWallet:
    """Bob's wallet, which lets payments wait.

    Args:
        lnd: his node.
    """

    def __init__(self, lnd: Lnd) -> None:
        self._lnd = lnd
        self.preimage, self.payment_hash = new_preimage()

    def invoice(self, amount: Money, description: str, expires_in_s: int) -> str | Declined:
        command = OpenCommand(
            self.payment_hash, amount, True, self.payment_hash, description, expires_in_s
        )
        outcome = self._lnd.open(command)
        return outcome.invoice.payment_request if isinstance(outcome, Opened) else Declined()


def test_wrapped_and_our_node_dies_while_money_is_on_its_way(
    network: Network, lnd: Lnd, flow_url: str
) -> None:
    receiver = gateway_of(network.receiver, hold_blocks=80)
    wallet = HoldingWallet(receiver)
    with open_wall(flow_url, {"lnd": lnd}, wallets={"bob-phone": wallet}) as flow:
        receipt = flow.perform(WrappedNote(text="for bob", price_sats=1000), actor="ann")
        payment = pay(network, receipt)
        work_until(flow, receipt, State.FORWARDING)
        wait_for_lookup(receiver, payment, Held)
        with pytest.raises(NotCancellable):
            flow.cancel(receipt.action_id, actor="ann")
        network.ours.kill()
        network.receiver.post("/v2/invoices/settle", {"preimage": to_base64(wallet.preimage.hex())})
        Worker(flow).run_once()
        assert flow.get(receipt.action_id, actor="ann").state is State.FORWARDING
        network.ours.restart()
        work_until(flow, receipt, State.PAID)
        network.payer.wait_for_payment(payment, "SUCCEEDED")
        assert lnd.lookup(payment) == Settled(sats(1000))
    network.wait_for_channels()


def test_a_wallet_on_our_own_node_gets_credits(network: Network, lnd: Lnd, flow_url: str) -> None:
    node = network.ours
    wallet = LndWallet(node.url, macaroon=node.macaroon, tls_certificate=node.certificate)
    with open_wall(flow_url, {"lnd": lnd}, wallets={"bob-phone": wallet}) as flow:
        receipt = flow.perform(WrappedNote(text="for bob", price_sats=1000), actor="ann")
        pay(network, receipt)
        work_until(flow, receipt, State.PAID)
        assert flow.balance_of(purse("bob")) == sats(700)


def test_withdrawal(network: Network, lnd: Lnd, flow: PaidFlow) -> None:
    tip = flow.perform(Tip(text="for ann", price_sats=100, to="ann"), actor="bob")
    pay(network, tip)

    def paid() -> None:
        Worker(flow).run_once()
        if flow.balance_of(withdrawable("ann")) != sats(100):
            raise NotYet("the tip has not come")

    wait_for(paid)
    invoice = network.receiver.invoice(60_000)
    cash = Cash(destination=invoice, amount=sats(60), fee_max=sats(1))
    receipt = flow.perform(cash, actor="ann", idempotency_key="once")
    work_until(flow, receipt, State.PAID)
    assert flow.balance_of(withdrawable("ann")) == sats(40)
    told = network.receiver.get(f"/v1/invoice/{read(lnd, invoice).payment_id}")
    assert told["amt_paid_msat"] == "60000"
    again = flow.perform(Tip(text="for bob", price_sats=100, to="bob"), actor="ann")
    pay(network, again)
    work_until(flow, again, State.PAID)
    with pytest.raises(PaymentUsed):
        flow.perform(Cash(destination=invoice, amount=sats(60), fee_max=sats(0)), actor="bob")


def test_a_withdrawal_that_cannot_arrive_costs_nothing(
    network: Network, lnd: Lnd, flow: PaidFlow
) -> None:
    tip = flow.perform(Tip(text="for ann", price_sats=100, to="ann"), actor="ann")
    pay(network, tip)
    work_until(flow, tip, State.PAID)
    invoice = network.receiver.invoice(60_000)
    told = network.receiver.get(f"/v1/invoice/{read(lnd, invoice).payment_id}")
    network.receiver.post("/v2/invoices/cancel", {"payment_hash": told["r_hash"]})
    cash = Cash(destination=invoice, amount=sats(60), fee_max=sats(1))
    receipt = flow.perform(cash, actor="ann")
    work_until(flow, receipt, State.FAILED)
    assert flow.balance_of(withdrawable("ann")) == sats(100)


def _of_receiver(network: Network, receipt: Receipt) -> bool:
    with network.receiver.client() as client:
        return client.get(f"/v1/invoice/{receipt.invoice_id}").status_code == 200
