"""What dies while money is locked: our node, our worker, or the connection between them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from paidflow import PaidFlow, Receipt, State, Worker
from paidflow.payments.contract import Held, Settled
from paidflow.payments.lnd import Lnd
from paidflow.testing.crash import crash_at
from tests.gateways.lightning.nodes import Network
from tests.gateways.lightning.processes import LIMIT_S
from tests.gateways.lightning.support import (
    TEN_SATS,
    gateway_of,
    wait_for_lookup,
    work_until,
)
from tests.wall import HeldNote, Note, effects, open_wall

pytestmark = pytest.mark.lightning


@pytest.fixture
def flow(flow_url: str, lnd: Lnd) -> Iterator[PaidFlow]:
    with open_wall(flow_url, {"lnd": lnd}) as flow:
        yield flow


def held(network: Network, lnd: Lnd, flow: PaidFlow) -> Receipt:
    """A pessimistic action whose money is locked, and nobody has seen that yet."""
    receipt = flow.perform(HeldNote(text="held"), actor="ann")
    network.payer.pay(receipt.payment_request or "")
    wait_for_lookup(lnd, receipt.invoice_id or "", Held)
    return receipt


def paid_once(network: Network, lnd: Lnd, flow: PaidFlow, receipt: Receipt) -> None:
    """It was done once, paid once, and the payer knows it."""
    work_until(flow, receipt, State.PAID)
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    assert lnd.lookup(receipt.invoice_id or "") == Settled(TEN_SATS)
    network.payer.wait_for_payment(receipt.invoice_id or "", "SUCCEEDED")


def test_our_node_is_killed_while_money_is_held(network: Network, lnd: Lnd, flow: PaidFlow) -> None:
    receipt = held(network, lnd, flow)
    network.ours.kill()
    for _ in range(3):
        Worker(flow).run_once()
    assert flow.get(receipt.action_id, actor="ann").state is State.PENDING_HELD
    network.ours.restart()
    paid_once(network, lnd, flow, receipt)
    network.wait_for_channels()


def test_our_node_is_killed_before_the_capture(network: Network, lnd: Lnd, flow: PaidFlow) -> None:
    receipt = held(network, lnd, flow)
    with crash_at("sync.capture.before"):
        flow.sync("lnd", receipt.invoice_id or "")
    network.ours.kill()
    Worker(flow).run_once()
    assert flow.get(receipt.action_id, actor="ann").state is State.CAPTURING
    network.ours.restart()
    paid_once(network, lnd, flow, receipt)
    network.wait_for_channels()


def test_the_payers_node_is_killed_while_money_is_held(
    network: Network, lnd: Lnd, flow: PaidFlow
) -> None:
    receipt = held(network, lnd, flow)
    network.payer.kill()
    work_until(flow, receipt, State.PAID)  # we have the proof, whether he is there or not
    network.payer.restart()
    paid_once(network, lnd, flow, receipt)
    network.wait_for_channels()


@contextmanager
def worker_at(network: Network, point: str, url: str) -> Iterator[subprocess.Popen[str]]:
    """A worker in another process that has come to a point, and stays there."""
    node = network.ours
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.gateways.lightning.worker_that_stops", point, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    patience = threading.Timer(LIMIT_S, child.kill)
    patience.start()
    settings = {"url": node.url, "macaroon": str(node.macaroon), "account": node.name}
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps({**settings, "tls_certificate": str(node.certificate)}))
        child.stdin.close()
        assert child.stdout.readline().strip() == point
        yield child
    finally:
        patience.cancel()
        child.kill()
        child.wait()


@pytest.mark.parametrize("point", ["sync.capture.before", "sync.capture.after"])
def test_our_worker_is_killed_while_money_is_held(
    network: Network, lnd: Lnd, flow: PaidFlow, flow_url: str, point: str
) -> None:
    receipt = held(network, lnd, flow)
    with worker_at(network, point, flow_url) as child:
        child.kill()
        child.wait()
    assert flow.get(receipt.action_id, actor="ann").state is State.CAPTURING
    paid_once(network, lnd, flow, receipt)


@pytest.mark.parametrize("point", ["perform.open.before", "perform.open.after"])
def test_our_process_dies_while_it_opens_an_invoice(
    network: Network, flow: PaidFlow, point: str
) -> None:
    with crash_at(point):
        flow.perform(Note(text="lost"), actor="ann", idempotency_key="once")
    receipt = flow.perform(Note(text="lost"), actor="ann", idempotency_key="once")
    assert receipt.state is State.PENDING
    network.payer.pay(receipt.payment_request or "")
    work_until(flow, receipt, State.PAID)
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_the_node_lets_go_while_our_worker_is_away(network: Network, flow_url: str) -> None:
    lnd = gateway_of(network.ours, hold_blocks=60)
    with open_wall(flow_url, {"lnd": lnd}) as flow:
        receipt = held(network, lnd, flow)
        network.mine_slowly(60)
        work_until(flow, receipt, State.FAILED)
        assert "perform" not in effects(flow, receipt.action_id)
        network.payer.wait_for_payment(receipt.invoice_id or "", "FAILED")
    network.wait_for_channels()


def test_near_the_end_of_the_time_lock_nothing_is_begun(network: Network, flow_url: str) -> None:
    lnd = gateway_of(network.ours, hold_blocks=60)
    with open_wall(flow_url, {"lnd": lnd}) as flow:
        receipt = held(network, lnd, flow)
        network.mine_slowly(36)  # still locked, and 12 blocks or less before our deadline
        assert isinstance(lnd.lookup(receipt.invoice_id or ""), Held)
        work_until(flow, receipt, State.FAILED)
        assert "perform" not in effects(flow, receipt.action_id)
        network.payer.wait_for_payment(receipt.invoice_id or "", "FAILED")
