"""Webhooks of LNbits: whatever comes is a hint or is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidflow.errors import InvalidConfiguration, WebhookRefused
from paidflow.payments.contract import Hint
from paidflow.payments.lnbits_webhook import BODY_BYTES_MAX, LnbitsWebhook

WEBHOOK = LnbitsWebhook("https://shop.example/lnbits", b"sixteen bytes and more")
KEY = "pf-an-action-1-open"
HASH = "0123456789abcdef" * 4
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)


def payment(**changed: Any) -> dict[str, Any]:
    extra = WEBHOOK.asked_for(KEY)["extra"]
    return {"payment_hash": HASH, "external_id": KEY, "extra": extra, "amount": 1000} | changed


def sent(payment: Any) -> bytes:
    """As LNbits sends it: JSON within JSON."""
    return json.dumps(json.dumps(payment)).encode()


def test_a_genuine_one_is_a_hint() -> None:
    assert WEBHOOK.parse(sent(payment())) == (Hint(HASH),)
    assert WEBHOOK.parse(json.dumps(payment()).encode()) == (Hint(HASH),)


@pytest.mark.parametrize(
    "changed",
    [
        {"extra": {}},
        {"extra": {"paidflow": ""}},
        {"extra": {"paidflow": "0" * 64}},
        {"extra": {"paidflow": "\ud800"}},
        {"extra": None},
        {"external_id": "pf-another-1-open"},
        {"external_id": None},
        {"external_id": "\ud800"},
        {"payment_hash": HASH[:-1]},
        {"payment_hash": HASH + "\n"},
        {"payment_hash": None},
    ],
    ids=str,
)
def test_others_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(WebhookRefused):
        WEBHOOK.parse(sent(payment(**changed)))


@given(body=st.binary(max_size=200) | ANYTHING.map(sent) | ANYTHING.map(json.dumps).map(str.encode))
def test_nonsense_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookRefused):
        WEBHOOK.parse(body)


def test_too_deep_and_too_long() -> None:
    for body in (b"[" * 50_000, json.dumps("[" * 50_000).encode(), b" " * (BODY_BYTES_MAX + 1)):
        with pytest.raises(WebhookRefused):
            WEBHOOK.parse(body)


def test_of_another_secret() -> None:
    other = LnbitsWebhook(WEBHOOK.url, b"another secret of tests")
    with pytest.raises(WebhookRefused):
        other.parse(sent(payment()))


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(InvalidConfiguration):
        LnbitsWebhook(WEBHOOK.url, b"short")


def test_the_secret_is_not_shown() -> None:
    assert "sixteen" not in repr(WEBHOOK)
