"""Webhooks of Stripe: genuine ones are hints, all others are refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from paidflow.errors import InvalidConfiguration, WebhookRefused
from paidflow.payments.contract import Capability, Hint
from paidflow.payments.stripe import StripeGateway
from paidflow.payments.stripe_events import BODY_BYTES_MAX, TOLERANCE_S, read_webhook

SECRET = "whsec_only_for_tests"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
NOW_S = int(NOW.timestamp())


def event(thing: Any, **more: Any) -> str:
    return json.dumps({"id": "evt_1", "object": "event", "data": {"object": thing}, **more})


PAYMENT = event({"object": "payment_intent", "id": "pi_1"})


def signed(body: str, secret: str = SECRET, at_s: int = NOW_S) -> dict[str, str]:
    signature = stripe.WebhookSignature.generate_signature_header(body, secret, at_s)
    return {"Stripe-Signature": signature}


def read(headers: dict[str, str], body: str | bytes) -> tuple[Hint, ...]:
    content = body.encode() if isinstance(body, str) else body
    return read_webhook(headers, content, secret=SECRET, now=NOW)


@pytest.mark.parametrize(
    "thing",
    [
        {"object": "payment_intent", "id": "pi_1"},
        {"object": "charge", "id": "ch_1", "payment_intent": "pi_1"},
        {"object": "refund", "id": "re_1", "payment_intent": "pi_1"},
        {"object": "dispute", "id": "du_1", "payment_intent": "pi_1"},
    ],
    ids=lambda thing: thing["object"],
)
def test_it_is_about_a_payment(thing: dict[str, str]) -> None:
    body = event(thing)
    assert read(signed(body), body) == (Hint("pi_1"),)
    assert read({name.upper(): value for name, value in signed(body).items()}, body)


@pytest.mark.parametrize(
    "body",
    [
        event({"object": "customer", "id": "cus_1"}),
        event({"object": "charge", "id": "ch_1", "payment_intent": None}),
        event({"object": "balance", "available": []}),
    ],
)
def test_it_is_about_something_else(body: str) -> None:
    assert read(signed(body), body) == ()


@pytest.mark.parametrize("seconds", [-TOLERANCE_S, 0, TOLERANCE_S])
def test_it_is_of_now(seconds: int) -> None:
    assert read(signed(PAYMENT, at_s=NOW_S + seconds), PAYMENT)


@pytest.mark.parametrize("seconds", [-86400, -TOLERANCE_S - 1, TOLERANCE_S + 1, 86400])
def test_it_is_replayed_or_from_the_future(seconds: int) -> None:
    with pytest.raises(WebhookRefused, match="too old, or from the future"):
        read(signed(PAYMENT, at_s=NOW_S + seconds), PAYMENT)


def test_one_of_two_signatures_is_enough_while_the_secret_is_changed() -> None:
    old, new = signed(PAYMENT, "whsec_before"), signed(PAYMENT)
    both = f"{old['Stripe-Signature']},{new['Stripe-Signature'].split(',')[1]}"
    assert read({"Stripe-Signature": both}, PAYMENT)


def test_the_time_that_was_signed_counts() -> None:
    """A second time in the header is not what the signature is of."""
    old = signed(PAYMENT, at_s=NOW_S - 86400)["Stripe-Signature"]
    for header in (f"{old},t={NOW_S}", f"t={NOW_S},{old}"):
        with pytest.raises(WebhookRefused):
            read({"Stripe-Signature": header}, PAYMENT)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Stripe-Signature": ""},
        {"Stripe-Signature": "nonsense"},
        {"Stripe-Signature": "t=,v1="},
        {"Stripe-Signature": f"t={NOW_S}"},
        {"Stripe-Signature": f"t={NOW_S},v1=ä"},
        {"Stripe-Signature": f"t={NOW_S},v0={'0' * 64}"},
        {"Stripe-Signature": f"t={'9' * 5000},v1={'0' * 64}"},
        signed(PAYMENT, "whsec_of_somebody_else"),
        signed(PAYMENT + " "),
    ],
    ids=range(10),
)
def test_it_is_not_genuine(headers: dict[str, str]) -> None:
    with pytest.raises(WebhookRefused, match="the signature does not fit") as refused:
        read(headers, PAYMENT)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("body", ["", "nonsense", "[]", "null", "7", '"text"'])
def test_it_is_genuine_and_not_readable(body: str) -> None:
    with pytest.raises(WebhookRefused, match="it is not readable"):
        read(signed(body), body)


@pytest.mark.parametrize("body", ["{}", '{"id":"evt_1"}', event(None), event([]), event({"id": 7})])
def test_it_is_genuine_and_of_another_kind(body: str) -> None:
    assert read(signed(body), body) == ()


def test_it_is_too_long() -> None:
    body = event({"object": "payment_intent", "id": "pi_1"}, more="x" * BODY_BYTES_MAX)
    with pytest.raises(WebhookRefused, match="too long"):
        read(signed(body), body)


@given(body=st.binary(max_size=300), header=st.text(max_size=100))
def test_whatever_comes_is_refused(body: bytes, header: str) -> None:
    with pytest.raises(WebhookRefused):
        read({"Stripe-Signature": header}, body)


def test_without_a_secret_there_are_none() -> None:
    gateway = StripeGateway("sk_test_1", account="acct_1", currencies=["EUR"])
    assert Capability.WEBHOOKS not in gateway.profile.capabilities
    with pytest.raises(WebhookRefused, match="webhook_secret is not set"):
        gateway.parse_webhook(signed(PAYMENT), PAYMENT.encode())
    gateway.close()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("api_key", "pk_test_1"),
        ("api_key", ""),
        ("api_key", "sk_test_1\n"),
        ("currencies", ["EUR", "BTC"]),
        ("currencies", ["eur"]),
        ("url", "http://api.stripe.com"),
        ("url", "nonsense"),
    ],
)
def test_a_setting_that_cannot_be_right_is_named(setting: str, value: object) -> None:
    settings: dict[str, Any] = {"api_key": "sk_test_1", "account": "acct_1", "currencies": ["EUR"]}
    with pytest.raises(InvalidConfiguration, match=setting) as refused:
        StripeGateway(**settings | {setting: value})
    assert "sk_test_1" not in str(refused.value)


@pytest.mark.parametrize(
    ("api_key", "account"),
    [
        ("sk_test_1", "acct_1 (test)"),
        ("rk_live_1", "acct_1 (live)"),
        ("sk_live_1", "acct_1 (live)"),
    ],
)
def test_a_test_account_is_another_one(api_key: str, account: str) -> None:
    gateway = StripeGateway(api_key, account="acct_1", currencies=["EUR"])
    assert gateway.profile.account == account
    assert api_key not in repr(gateway)
    gateway.close()
