"""Checks of ``updates``: hints come at least once, and go on where a cursor says."""

from __future__ import annotations

import pytest

from paidflow.payments.contract import Capability, Settled, Updates
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.steps import (
    at_once,
    hold,
    not_supported,
    paid_invoice,
    require,
    wait_until,
)
from paidflow.testing.conformance.under_test import GatewayUnderTest

PAGES_MAX = 10_000
CURSORS_THAT_ARE_NONE = {
    "empty": "",
    "words": "where I was",
    "negative": "-1",
    "from the future": "999999999999999999",
    "too many digits": "9" * 5_000,
    "zero byte": "\0",
    "half a character": "\ud800",
    "JSON": '{"last": null}',
}


class UpdatesChecks(Checks):
    """The stream of hints."""

    topic = "updates"

    def test_updates_tell_a_payment(self, under_test: GatewayUnderTest) -> None:
        """A payment is in the stream."""
        cursor = _end_of_stream(under_test)
        invoice = paid_invoice(under_test)
        _wait_for(under_test, cursor, invoice.invoice_id)

    def test_updates_tell_a_hold(self, under_test: GatewayUnderTest) -> None:
        """Locked money is in the stream."""
        require(under_test, Capability.UPDATES)
        if not under_test.updates_tell_holds:
            not_supported("a stream that tells of holds")
        cursor = _end_of_stream(under_test)
        _wait_for(under_test, cursor, hold(under_test).invoice.invoice_id)

    def test_updates_resume(self, under_test: GatewayUnderTest) -> None:
        """What came after a cursor is found with that cursor, however late one asks."""
        cursor = _end_of_stream(under_test)
        first = paid_invoice(under_test)
        after_first = _wait_for(under_test, cursor, first.invoice_id)
        second, third = paid_invoice(under_test), paid_invoice(under_test)
        _wait_for(under_test, after_first, second.invoice_id)
        _wait_for(under_test, after_first, third.invoice_id)

    def test_updates_repeat(self, under_test: GatewayUnderTest) -> None:
        """The same cursor asked again gives the same again: nothing is used up by reading."""
        cursor = _end_of_stream(under_test)
        invoice = paid_invoice(under_test)
        for _ in range(2):
            _wait_for(under_test, cursor, invoice.invoice_id)

    def test_updates_from_the_beginning(self, under_test: GatewayUnderTest) -> None:
        """Without a cursor the stream begins so early that a payment of before is in it."""
        require(under_test, Capability.UPDATES)
        invoice = paid_invoice(under_test)
        _wait_for(under_test, None, invoice.invoice_id)

    def test_updates_end(self, under_test: GatewayUnderTest) -> None:
        """Where there is nothing new there are no hints, and one can go on from there."""
        cursor = _end_of_stream(under_test)
        page = under_test.gateway.updates(cursor)
        assert page.hints == ()
        invoice = paid_invoice(under_test)
        _wait_for(under_test, page.cursor, invoice.invoice_id)

    @pytest.mark.parametrize("kind", CURSORS_THAT_ARE_NONE)
    def test_updates_cursor_that_is_none(self, under_test: GatewayUnderTest, kind: str) -> None:
        """A cursor that cannot be one raises nothing, and the stream can be read on."""
        require(under_test, Capability.UPDATES)
        page = under_test.gateway.updates(CURSORS_THAT_ARE_NONE[kind])
        assert isinstance(page.hints, tuple)
        assert isinstance(under_test.gateway.updates(page.cursor), Updates)

    def test_updates_in_many_threads(self, under_test: GatewayUnderTest) -> None:
        """Eight readers with one cursor all find a payment."""
        cursor = _end_of_stream(under_test)
        invoice = paid_invoice(under_test)
        at_once(lambda _: _wait_for(under_test, cursor, invoice.invoice_id))

    def test_updates_are_only_hints(self, under_test: GatewayUnderTest) -> None:
        """Reading the stream changes nothing about an invoice."""
        cursor = _end_of_stream(under_test)
        invoice = paid_invoice(under_test)
        _wait_for(under_test, cursor, invoice.invoice_id)
        assert under_test.gateway.lookup(invoice.invoice_id) == Settled(invoice.amount)


def _end_of_stream(under_test: GatewayUnderTest) -> str:
    """The cursor behind everything that is there now."""
    require(under_test, Capability.UPDATES)
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        page = under_test.gateway.updates(cursor)
        if not page.hints:
            return page.cursor
        assert page.cursor != cursor, "the stream stands still though there are hints"
        cursor = page.cursor
    raise AssertionError(f"the stream has no end after {PAGES_MAX} pages")


def _wait_for(under_test: GatewayUnderTest, cursor: str | None, invoice_id: str) -> str:
    """Read on until there is a hint at an invoice; returns the cursor behind it."""
    here = cursor

    def look() -> str | None:
        nonlocal here
        page = under_test.gateway.updates(here)
        here = page.cursor
        return here if invoice_id in {hint.invoice_id for hint in page.hints} else None

    return wait_until(under_test, look, str)
