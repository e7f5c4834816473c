"""Checks that secrets stay secret: keys, macaroons, preimages, and what an invoice is paid with."""

from __future__ import annotations

import base64
import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import pytest

from paidflow.errors import WebhookRefused
from paidflow.payments.contract import Accepted, Capability, Settled
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.faults import FAULTS, set_up
from paidflow.testing.conformance.steps import (
    ask_for,
    cancel,
    capture,
    hold,
    invoice_in,
    open_invoice,
    require,
    shows_no_secret,
    wait_for,
)
from paidflow.testing.conformance.under_test import GatewayUnderTest


class SecretChecks(Checks):
    """What is never shown; the loggers of paidflow are read at DEBUG, all others at INFO."""

    topic = "secrets"

    def test_secrets_not_in_repr(self, under_test: GatewayUnderTest) -> None:
        """A gateway, as a traceback would print it, shows no secret."""
        for shown in (repr(under_test.gateway), str(under_test.gateway)):
            shows_no_secret(under_test, shown)
        shows_no_secret(under_test, repr(under_test.gateway.profile))

    def test_secrets_not_in_outcomes(self, under_test: GatewayUnderTest) -> None:
        """What a gateway answers shows no secret, and not what its invoices are paid with."""
        outcome = ask_for(under_test)
        invoice = invoice_in(outcome)
        told = [outcome, under_test.gateway.lookup(invoice.invoice_id), cancel(under_test, invoice)]
        shows_no_secret(under_test, repr(told), invoice.payment_request)

    def test_secrets_not_logged(
        self, under_test: GatewayUnderTest, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Opening, looking up and closing log no secret."""
        with _all_that_is_logged(caplog):
            invoice = open_invoice(under_test)
            under_test.gateway.lookup(invoice.invoice_id)
            cancel(under_test, invoice)
            under_test.gateway.updates(None)
        shows_no_secret(under_test, caplog.text, invoice.payment_request)

    def test_secrets_preimage_not_logged(
        self, under_test: GatewayUnderTest, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The preimage of a hold is in no log and in no answer, in no way of writing it."""
        require(under_test, Capability.HOLD)
        with _all_that_is_logged(caplog):
            held = hold(under_test)
            told: list[object] = [held, capture(under_test, held)]
            assert told[1] == Accepted()
            told.append(wait_for(under_test, held.invoice.invoice_id, Settled))
        for write in (bytes.hex, _base64, _url_base64, repr):
            shows_no_secret(under_test, caplog.text + repr(told), write(held.preimage))

    @pytest.mark.parametrize("fault", ["echo", "echo of a failure", "401", "read timeout"])
    def test_secrets_not_logged_when(
        self, under_test: GatewayUnderTest, caplog: pytest.LogCaptureFixture, fault: str
    ) -> None:
        """Failures log no secret, though the other side says everything back."""
        invoice = open_invoice(under_test)
        with set_up(FAULTS[fault]) as place, _all_that_is_logged(caplog):
            gateway = under_test.pointed_at(place.url, FAULTS[fault].timeout_s)
            told = [gateway.lookup(invoice.invoice_id), gateway.updates(None), repr(gateway)]
        shows_no_secret(under_test, caplog.text + repr(told))

    def test_secrets_not_in_refusals(self, under_test: GatewayUnderTest) -> None:
        """The refusal of a webhook shows neither a secret nor what was in it."""
        headers: Mapping[str, str] = {}
        if Capability.WEBHOOKS in under_test.gateway.profile.capabilities:
            headers, _ = under_test.webhook(open_invoice(under_test))
        body = "\n".join(under_test.secrets).encode() or b"a body"
        with pytest.raises(WebhookRefused) as refused:
            under_test.gateway.parse_webhook(headers, body)
        shows_no_secret(under_test, str(refused.value) + repr(refused.value), body.decode())


@contextmanager
def _all_that_is_logged(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    with caplog.at_level(logging.INFO), caplog.at_level(logging.DEBUG, logger="paidflow"):
        yield


def _base64(preimage: bytes) -> str:
    return base64.b64encode(preimage).decode()


def _url_base64(preimage: bytes) -> str:
    return base64.urlsafe_b64encode(preimage).decode()
