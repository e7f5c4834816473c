"""A macaroon with a time limit. That lnd understands it is shown on real nodes."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta, timezone

import pytest

from paidflow.errors import InvalidConfiguration
from paidflow.payments.macaroon import checked, valid_until

SIGNATURE = bytes(range(32))
GIVEN = b"\x02\x01\x03lnd\x02\x02id\x00\x00\x06\x20" + SIGNATURE
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
CONDITION = b"time-before 2026-01-02T03:04:05.678Z"


def test_the_condition_is_the_last_caveat_and_is_signed() -> None:
    caveat = b"\x02" + bytes((len(CONDITION),)) + CONDITION + b"\x00"
    signature = hmac.digest(SIGNATURE, CONDITION, "sha256")
    expected = b"\x02\x01\x03lnd\x02\x02id\x00" + caveat + b"\x00\x06\x20" + signature
    assert valid_until(GIVEN, MOMENT) == expected
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5)))
    assert valid_until(GIVEN, elsewhere) == expected


def test_limits_can_be_added_to_limits() -> None:
    twice = valid_until(valid_until(GIVEN, MOMENT), MOMENT)
    assert twice.count(CONDITION) == 2
    assert checked(twice) == twice


@pytest.mark.parametrize("given", [b"", b"\x01" + GIVEN[1:], GIVEN[:-1], GIVEN + b"\x00", b"\x02"])
def test_what_is_no_macaroon(given: bytes) -> None:
    with pytest.raises(InvalidConfiguration, match="macaroon"):
        checked(given)
