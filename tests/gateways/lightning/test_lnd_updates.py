"""The updates of a real node: nothing is missed, and a cursor goes on in another process."""

from __future__ import annotations

import pytest

from paidflow.payments.contract import CancelCommand, CaptureCommand, Held, Settled
from paidflow.payments.lnd import Lnd
from tests.gateways.lightning.nodes import Network
from tests.gateways.lightning.processes import NotYet, wait_for
from tests.gateways.lightning.support import (
    TEN_SATS,
    gateway_of,
    new_preimage,
    opened,
    wait_for_lookup,
)

pytestmark = pytest.mark.lightning


def end_of(lnd: Lnd, cursor: str | None = None) -> tuple[list[str], str]:
    """All hints from a cursor on, and the cursor behind them."""
    told: list[str] = []
    while True:
        page = lnd.updates(cursor)
        told += [hint.invoice_id for hint in page.hints]
        if page.cursor == cursor:
            return told, page.cursor
        cursor = page.cursor


def test_each_step_of_a_hold_is_told_once(network: Network, lnd: Lnd) -> None:
    _, cursor = end_of(lnd)
    preimage, payment_hash = new_preimage()
    invoice = opened(lnd, payment_hash=payment_hash)
    told, cursor = end_of(lnd, cursor)
    assert told == []
    network.payer.pay(invoice.payment_request)
    wait_for_lookup(lnd, payment_hash, Held)
    told, cursor = end_of(lnd, cursor)
    assert told == [payment_hash]
    assert end_of(lnd, cursor) == ([], cursor)
    lnd.capture(CaptureCommand(payment_hash, "k", TEN_SATS, preimage))
    told, cursor = end_of(gateway_of(network.ours), cursor)
    assert told == [payment_hash]
    assert end_of(lnd, cursor) == ([], cursor)


def test_a_hold_that_was_let_go_is_told(network: Network, lnd: Lnd) -> None:
    _, payment_hash = new_preimage()
    network.payer.pay(opened(lnd, payment_hash=payment_hash).payment_request)
    wait_for_lookup(lnd, payment_hash, Held)
    _, cursor = end_of(lnd)
    lnd.cancel(CancelCommand(payment_hash, "k"))
    assert end_of(lnd, cursor)[0] == [payment_hash]


def test_what_happens_between_two_looks_is_told(network: Network, lnd: Lnd) -> None:
    before = opened(lnd)
    _, cursor = end_of(lnd)
    after = opened(lnd)
    expiring = opened(lnd, expires_in_s=1)
    for invoice in (after, before):
        network.payer.pay(invoice.payment_request)
        wait_for_lookup(lnd, invoice.invoice_id, Settled)

    def all_told() -> None:
        told = set(end_of(lnd, cursor)[0])
        missing = {before.invoice_id, after.invoice_id, expiring.invoice_id} - told
        if missing:
            raise NotYet(f"{missing} are not told")

    wait_for(all_told)


def test_a_node_that_is_away_loses_nothing(network: Network, lnd: Lnd) -> None:
    _, cursor = end_of(lnd)
    _, payment_hash = new_preimage()
    network.payer.pay(opened(lnd, payment_hash=payment_hash).payment_request)
    wait_for_lookup(lnd, payment_hash, Held)
    network.ours.kill()
    try:
        assert lnd.updates(cursor).cursor == cursor
    finally:
        network.ours.restart()
    assert end_of(lnd, cursor)[0] == [payment_hash]
    lnd.cancel(CancelCommand(payment_hash, "k"))
    network.wait_for_channels()
