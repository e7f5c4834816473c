"""What an answer of lnd means, without a node."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paidflow.money import msats
from paidflow.payments.contract import (
    Cancelled,
    Expired,
    HeightDeadline,
    Held,
    InFlight,
    Lookup,
    Open,
    PaidOut,
    PayFailed,
    PayFailure,
    PaymentLookup,
    Pending,
    Settled,
    Unreachable,
)
from paidflow.payments.lnd_messages import (
    HOLD_EXPIRY_BLOCKS,
    NodeInvoice,
    NodePayment,
    is_hash,
)

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
HASH = "0f" * 32
HEIGHT = 1_000


def part(state: str, amount_msats: int = 4_000, expiry_height: int = 1_400) -> dict[str, Any]:
    return {"state": state, "amt_msat": str(amount_msats), "expiry_height": expiry_height}


def invoice(state: str, *parts: dict[str, Any], paid_msats: int = 0) -> NodeInvoice:
    """An invoice as lnd writes it: numbers of 64 bits are texts."""
    return NodeInvoice.model_validate(
        {
            "add_index": "7",
            "r_hash": base64.b64encode(bytes.fromhex(HASH)).decode(),
            "memo": "tests",
            "value_msat": "10000",
            "amt_paid_msat": str(paid_msats),
            "state": state,
            "creation_date": str(int(BEGUN.timestamp())),
            "expiry": "600",
            "payment_request": "lnbcrt1",
            "htlcs": parts,
            "something_new": "nobody minds",
        }
    )


@pytest.mark.parametrize(
    ("shown", "after_s", "expected"),
    [
        (invoice("OPEN"), 0, Open()),
        (invoice("OPEN"), 700, Open()),  # the node has not closed it yet
        (invoice("OPEN", part("ACCEPTED")), 0, Pending()),  # the other parts are missing
        (invoice("OPEN", part("CANCELED")), 0, Open()),
        (invoice("SETTLED", part("SETTLED"), paid_msats=12_000), 0, Settled(msats(12_000))),
        (invoice("CANCELED"), 0, Cancelled()),
        (invoice("CANCELED"), 600, Expired()),
        (invoice("CANCELED", part("CANCELED")), 700, Cancelled()),  # it was locked
        (
            invoice("ACCEPTED", part("ACCEPTED"), part("ACCEPTED", 6_000, 1_390)),
            700,
            Held(msats(10_000), HeightDeadline(1_390 - HOLD_EXPIRY_BLOCKS), HEIGHT),
        ),
        (
            invoice("ACCEPTED", part("CANCELED", 9_000, 1_200), part("ACCEPTED")),
            0,
            Held(msats(4_000), HeightDeadline(1_400 - HOLD_EXPIRY_BLOCKS), HEIGHT),
        ),
    ],
)
def test_an_invoice(shown: NodeInvoice, after_s: int, expected: Lookup) -> None:
    assert shown.means(BEGUN + timedelta(seconds=after_s), HEIGHT) == expected


def test_locked_money_that_is_nowhere() -> None:
    assert isinstance(invoice("ACCEPTED").means(BEGUN, HEIGHT), Unreachable)


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        ("SUCCEEDED", "FAILURE_REASON_NONE", PaidOut(msats(9_000), msats(12), b"\x0f" * 32)),
        ("IN_FLIGHT", "FAILURE_REASON_NONE", InFlight()),
        ("INITIATED", "FAILURE_REASON_NONE", InFlight()),
        ("FAILED", "FAILURE_REASON_NO_ROUTE", PayFailed(PayFailure.RECEIVER_UNREACHABLE)),
        ("FAILED", "FAILURE_REASON_TIMEOUT", PayFailed(PayFailure.RECEIVER_UNREACHABLE)),
        (
            "FAILED",
            "FAILURE_REASON_INCORRECT_PAYMENT_DETAILS",
            PayFailed(PayFailure.REFUSED),
        ),
        (
            "FAILED",
            "FAILURE_REASON_INSUFFICIENT_BALANCE",
            PayFailed(PayFailure.INSUFFICIENT_BALANCE),
        ),
        ("FAILED", "SOMETHING_NEW", PayFailed(PayFailure.OTHER)),
    ],
)
def test_a_payment(status: str, reason: str, expected: PaymentLookup) -> None:
    shown = NodePayment(
        status=status,
        value_msat=9_000,
        fee_msat=12,
        payment_preimage=HASH,
        failure_reason=reason,
    )
    assert shown.means() == expected


def test_a_payment_that_stands_in_no_known_way() -> None:
    shown = NodePayment(
        status="UNKNOWN", value_msat=1, fee_msat=0, payment_preimage="", failure_reason=""
    )
    assert isinstance(shown.means(), Unreachable)


@pytest.mark.parametrize(
    "text", ["", HASH[:-1], HASH + "0", HASH.upper(), "../" + HASH[3:], "g" * 64]
)
def test_what_is_no_hash(text: str) -> None:
    assert is_hash(HASH)
    assert not is_hash(text)
