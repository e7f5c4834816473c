"""Secrets that are not as they should be are refused, and never shown."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks

from paidflow.errors import InvalidConfiguration
from paidflow.outgoing.signature import Signer


def secret_of(size: int) -> str:
    return "whsec_" + base64.b64encode(b"k" * size).decode()


@pytest.mark.parametrize("size", [24, 32, 64])
def test_the_signature_is_that_of_the_reference(size: int) -> None:
    now = datetime(2030, 1, 1, 12, 30, 15, 999999, tzinfo=UTC)
    headers = Signer([secret_of(size)]).headers("an-id", b'{"a":1}', now)
    reference = standardwebhooks.Webhook(secret_of(size)).sign("an-id", now, '{"a":1}')
    assert headers == {
        "webhook-id": "an-id",
        "webhook-timestamp": "1893501015",
        "webhook-signature": reference,
    }


@pytest.mark.parametrize(
    "secrets",
    [
        [],
        secret_of(32),
        [secret_of(23)],
        [secret_of(65)],
        [secret_of(32), "whsec_"],
        [secret_of(32).removeprefix("whsec_")],
        ["whsec_not base64 at all, and long enough to be one"],
        ["whsk_" + secret_of(32).removeprefix("whsec_")],
        [None],
        [b"k" * 32],
    ],
)
def test_a_bad_secret_is_refused(secrets: Any) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        Signer(secrets)
    shown = repr(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)
    assert all(str(secret)[6:] not in shown for secret in secrets if len(str(secret)) > 20)


def test_a_signer_does_not_show_its_secrets() -> None:
    assert repr(Signer([secret_of(32), secret_of(24)])) == "Signer(secrets=2)"
