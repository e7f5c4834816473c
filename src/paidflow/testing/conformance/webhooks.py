"""Checks of ``parse_webhook``: genuine ones are hints, all others are refused, nothing is raised.

Whatever can be varied is varied by hypothesis, always in the same way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paidflow.errors import WebhookRefused
from paidflow.payments.contract import Capability, Hint, Invoice, Open
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.steps import at_once, not_supported, open_invoice, require
from paidflow.testing.conformance.under_test import GatewayUnderTest

Webhook = tuple[Mapping[str, str], bytes]

OVERSIZED_BYTES = 4 * 1024 * 1024
BODIES_THAT_ARE_NONE = {
    "empty": b"",
    "not UTF-8": b"\xff\xfe\x00{",
    "half a JSON text": b'{"id": "x", "pay',
    "deep": b"[" * 100_000,
    "a number": b"4e4000",
    "long number": b"9" * 10_000,
    "null": b"null",
    "a list": b"[]",
    "a text in a text": b'"\\"x\\""',
    "other types": b'{"id": {"id": []}, "payment_hash": 1, "invoice_id": null, "data": 0}',
    "half a character": b'{"id": "\\ud800", "payment_hash": "\\ud800", "invoice_id": "\\ud800"}',
    "oversized": b'{"id": "' + b"x" * OVERSIZED_BYTES + b'"}',
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
BODIES = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode())
HEADERS = st.dictionaries(st.text(max_size=40), st.text(max_size=80), max_size=6)
CASES: dict[str, Callable[[str], str]] = {
    "small": str.lower,
    "capitals": str.upper,
    "titles": str.title,
    "mixed": lambda name: "".join(
        letter.upper() if at % 2 else letter.lower() for at, letter in enumerate(name)
    ),
}
CHANGES: tuple[Callable[[str], str], ...] = (
    lambda value: "",
    lambda value: value[:-1],
    lambda value: "0" * len(value),
)
_always_the_same = settings(max_examples=100, deadline=None, database=None, derandomize=True)


class WebhookChecks(Checks):
    """Webhooks."""

    topic = "webhooks"

    def test_webhook_is_a_hint(self, under_test: GatewayUnderTest) -> None:
        """A genuine webhook names its invoice."""
        invoice, (headers, body) = _webhook(under_test)
        assert Hint(invoice.invoice_id) in under_test.gateway.parse_webhook(headers, body)

    def test_webhook_needs_no_other_headers(self, under_test: GatewayUnderTest) -> None:
        """The headers that the profile names are all that a genuine webhook needs."""
        invoice, (headers, body) = _webhook(under_test)
        wanted = under_test.gateway.profile.webhook_headers
        kept = {name: value for name, value in headers.items() if name.lower() in wanted}
        assert Hint(invoice.invoice_id) in under_test.gateway.parse_webhook(kept, body)

    def test_webhook_is_not_believed(self, under_test: GatewayUnderTest) -> None:
        """A webhook about an unpaid invoice leaves it open."""
        invoice, (headers, body) = _webhook(under_test)
        under_test.gateway.parse_webhook(headers, body)
        assert under_test.gateway.lookup(invoice.invoice_id) == Open()

    def test_webhook_twice(self, under_test: GatewayUnderTest) -> None:
        """The same webhook again is the same hint: it may come as often as it likes."""
        _, (headers, body) = _webhook(under_test)
        hints = [under_test.gateway.parse_webhook(headers, body) for _ in range(3)]
        assert hints == [hints[0]] * 3

    def test_webhook_in_many_threads(self, under_test: GatewayUnderTest) -> None:
        """Eight threads may read webhooks at the same time."""
        invoice, (headers, body) = _webhook(under_test)
        found = at_once(lambda _: under_test.gateway.parse_webhook(headers, body))
        assert all(Hint(invoice.invoice_id) in hints for hints in found)

    def test_webhook_unknown_invoice(self, under_test: GatewayUnderTest) -> None:
        """A webhook about an invoice that is not there is a hint as any other."""
        require(under_test, Capability.WEBHOOKS)
        invoice = open_invoice(under_test)
        unknown = replace(invoice, invoice_id="0" * len(invoice.invoice_id))
        found = under_test.gateway.parse_webhook(*under_test.webhook(unknown))
        assert Hint(unknown.invoice_id) in found

    def test_webhook_about_something_else(self, under_test: GatewayUnderTest) -> None:
        """A genuine webhook that is about no invoice gives no hint, and is not refused."""
        require(under_test, Capability.WEBHOOKS)
        assert under_test.gateway.parse_webhook(*under_test.other_webhook()) == ()

    @pytest.mark.parametrize("case", CASES)
    def test_webhook_header_names(self, under_test: GatewayUnderTest, case: str) -> None:
        """Names of headers count in small letters and in capitals alike (RFC 9110, 5.1)."""
        invoice, (headers, body) = _webhook(under_test)
        written = {CASES[case](name): value for name, value in headers.items()}
        assert Hint(invoice.invoice_id) in under_test.gateway.parse_webhook(written, body)

    def test_webhook_other_headers(self, under_test: GatewayUnderTest) -> None:
        """Headers that proxies add do no harm."""
        invoice, (headers, body) = _webhook(under_test)
        more = {"X-Forwarded-For": "192.0.2.1", "Accept": "*/*", "X-Empty": ""}
        found = under_test.gateway.parse_webhook({**more, **headers}, body)
        assert Hint(invoice.invoice_id) in found

    def test_webhook_without_signature(self, under_test: GatewayUnderTest) -> None:
        """Without its headers a webhook is refused, where webhooks are signed."""
        _, (_, body) = _signed(under_test)
        assert _is_refused(under_test, {}, body)

    def test_webhook_signature_of_another(self, under_test: GatewayUnderTest) -> None:
        """The signature of one webhook does not fit another one."""
        _, (headers, _) = _signed(under_test)
        _, (_, body) = _signed(under_test)
        assert _is_refused(under_test, headers, body)

    def test_webhook_signature_changed(self, under_test: GatewayUnderTest) -> None:
        """A signature that is cut, emptied or replaced is refused."""
        _, (headers, body) = _signed(under_test)
        for change in CHANGES:
            changed = {name: change(value) for name, value in headers.items()}
            assert _is_refused(under_test, changed, body)

    def test_webhook_body_changed(self, under_test: GatewayUnderTest) -> None:
        """A body that was changed anywhere is refused, where webhooks are signed."""
        _, (headers, body) = _signed(under_test)

        @_always_the_same
        @given(st.integers(0, len(body) - 1), st.integers(1, 255))
        def refuse(at: int, mask: int) -> None:
            changed = body[:at] + bytes([body[at] ^ mask]) + body[at + 1 :]
            assert _is_refused(under_test, headers, changed)

        refuse()
        assert _is_refused(under_test, headers, body + b" ")
        assert _is_refused(under_test, headers, body[:-1])

    def test_webhook_too_old(self, under_test: GatewayUnderTest) -> None:
        """A webhook that is so old that somebody may have kept it is refused."""
        require(under_test, Capability.WEBHOOKS)
        assert _is_refused(under_test, *under_test.old_webhook(open_invoice(under_test)))

    @pytest.mark.parametrize("kind", BODIES_THAT_ARE_NONE)
    def test_webhook_body_that_is_none(self, under_test: GatewayUnderTest, kind: str) -> None:
        """What nobody can read is refused, or hints at nothing that is there."""
        _, (headers, _) = _webhook(under_test)
        _is_harmless(under_test, headers, BODIES_THAT_ARE_NONE[kind])

    def test_webhook_any_body(self, under_test: GatewayUnderTest) -> None:
        """Whatever comes as a body, nothing is raised but the refusal."""
        _, (headers, _) = _webhook(under_test)

        @_always_the_same
        @given(BODIES)
        def try_it(body: bytes) -> None:
            _is_harmless(under_test, headers, body)

        try_it()

    def test_webhook_any_headers(self, under_test: GatewayUnderTest) -> None:
        """Whatever comes as headers, nothing is raised but the refusal."""
        _, (_, body) = _webhook(under_test)

        @_always_the_same
        @given(HEADERS)
        def try_it(headers: dict[str, str]) -> None:
            _is_harmless(under_test, headers, body)

        try_it()

    def test_webhook_any_signature(self, under_test: GatewayUnderTest) -> None:
        """Whatever stands in place of the signature is refused, and nothing else is raised."""
        _, (headers, body) = _signed(under_test)

        @_always_the_same
        @given(st.text(max_size=200))
        def refuse(value: str) -> None:
            assert _is_refused(under_test, dict.fromkeys(headers, value), body)

        refuse()

    @pytest.mark.parametrize(
        "content_type", ["text/html", "application/x-www-form-urlencoded", "", "multipart/x; =;"]
    )
    def test_webhook_content_type(self, under_test: GatewayUnderTest, content_type: str) -> None:
        """Another content type changes nothing, or the webhook is refused."""
        invoice, (headers, body) = _webhook(under_test)
        kept = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        written = {**kept, "Content-Type": content_type}
        try:
            found = under_test.gateway.parse_webhook(written, body)
        except WebhookRefused:
            return
        assert Hint(invoice.invoice_id) in found


def _webhook(under_test: GatewayUnderTest) -> tuple[Invoice, Webhook]:
    require(under_test, Capability.WEBHOOKS)
    invoice = open_invoice(under_test)
    return invoice, under_test.webhook(invoice)


def _signed(under_test: GatewayUnderTest) -> tuple[Invoice, Webhook]:
    require(under_test, Capability.WEBHOOKS)
    if not under_test.webhooks_are_signed:
        not_supported("signed webhooks")
    return _webhook(under_test)


def _is_refused(under_test: GatewayUnderTest, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        under_test.gateway.parse_webhook(headers, body)
    except WebhookRefused:
        return True
    return False


def _is_harmless(under_test: GatewayUnderTest, headers: Mapping[str, str], body: bytes) -> None:
    """Check that a webhook is refused, or is a tuple of hints."""
    try:
        hints = under_test.gateway.parse_webhook(headers, body)
    except WebhookRefused:
        return
    assert isinstance(hints, tuple)
    for hint in hints:
        assert isinstance(hint.invoice_id, str)
