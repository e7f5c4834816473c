"""Checks of ``open``: an invoice for a key, over exactly what was asked for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paidflow.money import Money
from paidflow.payments.contract import Capability, Declined, Opened
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.steps import (
    THREADS,
    ask_for,
    at_once,
    invoice_in,
    new_preimage,
    open_invoice,
    part_of,
    require,
)
from paidflow.testing.conformance.under_test import GatewayUnderTest

CLOCKS_DIFFER = timedelta(seconds=60)
UNKNOWN_CURRENCY = "XTS"  # ISO 4217 keeps this code for tests, so nobody takes it
HUGE = 2**63 - 1
DESCRIPTIONS = {
    "empty": "",
    "quotes": "\"';--</script>\\ %s {0} & ? #",
    "lines": "one\r\ntwo\n\nSet-Cookie: a=b\ttab",
    "every script": "żółć 支払い मूल्य \U0001f9fe \u202e right to left",
    "zero byte": "before\0after",
    "long": "a long story, " * 500,
    "long in bytes": "\U0001f9fe" * 400,
}


class OpenChecks(Checks):
    """Opening invoices."""

    topic = "open"

    def test_open_gives_an_invoice(self, under_test: GatewayUnderTest) -> None:
        """It has an id, a text to pay it with, and the amount that was asked for."""
        invoice = open_invoice(under_test)
        assert invoice.invoice_id
        assert invoice.payment_request
        assert invoice.amount == under_test.amount

    def test_open_same_key_same_invoice(self, under_test: GatewayUnderTest) -> None:
        """Asking again with the same key gives the same invoice."""
        key = under_test.new_id()
        first, second = (invoice_in(ask_for(under_test, key=key)) for _ in range(2))
        assert first == second
        assert first.payment_request == second.payment_request

    def test_open_same_key_same_hold(self, under_test: GatewayUnderTest) -> None:
        """Asking again with the same key and the same hash gives the same hold."""
        require(under_test, Capability.HOLD)
        key, preimage = under_test.new_id(), new_preimage()
        first, second = (
            invoice_in(ask_for(under_test, key=key, preimage=preimage)) for _ in range(2)
        )
        assert first == second

    def test_open_other_key_other_invoice(self, under_test: GatewayUnderTest) -> None:
        """Another key gives another invoice, though all else is the same."""
        first, second = open_invoice(under_test), open_invoice(under_test)
        assert first.invoice_id != second.invoice_id
        assert first.payment_request != second.payment_request

    def test_open_same_key_other_amount(self, under_test: GatewayUnderTest) -> None:
        """A key that was used for another amount opens no second invoice."""
        key = under_test.new_id()
        first = invoice_in(ask_for(under_test, key=key))
        outcome = ask_for(under_test, part_of(under_test.amount, 2, 1), key=key)
        assert outcome == Opened(first) or isinstance(outcome, Declined)

    def test_open_same_hash_other_key(self, under_test: GatewayUnderTest) -> None:
        """Two keys never share an invoice, though their holds have the same hash."""
        require(under_test, Capability.HOLD)
        preimage = new_preimage()
        first = open_invoice(under_test, preimage=preimage)
        outcome = ask_for(under_test, preimage=preimage)
        if isinstance(outcome, Opened):
            assert outcome.invoice.invoice_id != first.invoice_id
        else:
            assert isinstance(outcome, Declined)

    @pytest.mark.parametrize(("numerator", "denominator"), [(1, 3), (7, 5), (999, 1000)])
    def test_open_amount_exactly(
        self, under_test: GatewayUnderTest, numerator: int, denominator: int
    ) -> None:
        """The invoice asks for exactly the amount, not for a rounded one."""
        amount = part_of(under_test.amount, numerator, denominator)
        assert open_invoice(under_test, amount).amount == amount

    def test_open_every_currency(self, under_test: GatewayUnderTest) -> None:
        """All currencies of the profile are taken, each with its own minor unit."""
        for currency in sorted(under_test.gateway.profile.currencies):
            amount = under_test.amount_in(currency)
            assert open_invoice(under_test, amount).amount == amount

    def test_open_unknown_currency(self, under_test: GatewayUnderTest) -> None:
        """A currency that is not in the profile is declined."""
        assert UNKNOWN_CURRENCY not in under_test.gateway.profile.currencies
        assert isinstance(ask_for(under_test, Money(100_000, UNKNOWN_CURRENCY)), Declined)

    @pytest.mark.parametrize("sign", ["zero", "negative"])
    def test_open_amount_that_is_none(self, under_test: GatewayUnderTest, sign: str) -> None:
        """An amount that is not more than zero is declined."""
        amount = part_of(under_test.amount, 0 if sign == "zero" else -1, 1)
        assert isinstance(ask_for(under_test, amount), Declined)

    def test_open_huge_amount(self, under_test: GatewayUnderTest) -> None:
        """The largest amount that can be written is declined, or opened exactly."""
        amount = Money(HUGE, under_test.amount.currency)
        outcome = ask_for(under_test, amount)
        assert isinstance(outcome, Declined) or invoice_in(outcome).amount == amount

    @pytest.mark.parametrize("kind", DESCRIPTIONS)
    def test_open_description(self, under_test: GatewayUnderTest, kind: str) -> None:
        """No description keeps an invoice from being opened."""
        invoice = invoice_in(ask_for(under_test, description=DESCRIPTIONS[kind]))
        assert invoice.amount == under_test.amount

    @pytest.mark.parametrize("times", [1, 3])
    def test_open_expiry(self, under_test: GatewayUnderTest, times: int) -> None:
        """The invoice is open for as long as was asked, if it does not stay open for ever."""
        expires_in_s = times * under_test.expiry_s
        invoice = open_invoice(under_test, expires_in_s=expires_in_s)
        if invoice.expires_at is None:
            return
        late = invoice.expires_at - under_test.now() - timedelta(seconds=expires_in_s)
        assert abs(late) <= CLOCKS_DIFFER

    def test_open_other_hash_other_hold(self, under_test: GatewayUnderTest) -> None:
        """Two holds with two hashes are two invoices."""
        require(under_test, Capability.HOLD)
        ids = {open_invoice(under_test, preimage=new_preimage()).invoice_id for _ in range(2)}
        assert len(ids) == 2

    def test_open_one_key_in_many_threads(self, under_test: GatewayUnderTest) -> None:
        """Eight threads that ask with one key at the same time get one invoice."""
        key = under_test.new_id()
        outcomes = at_once(lambda _: ask_for(under_test, key=key))
        opened = [outcome for outcome in outcomes if isinstance(outcome, Opened)]
        opened.append(Opened(invoice_in(ask_for(under_test, key=key))))
        assert len({outcome.invoice.invoice_id for outcome in opened}) == 1

    def test_open_many_keys_in_many_threads(self, under_test: GatewayUnderTest) -> None:
        """Eight threads that ask with eight keys at the same time get eight invoices."""
        outcomes = at_once(lambda _: ask_for(under_test))
        assert len({invoice_in(outcome).invoice_id for outcome in outcomes}) == THREADS

    def test_open_shows_no_payment_request(self, under_test: GatewayUnderTest) -> None:
        """The text that an invoice is paid with is not in its ``repr``."""
        invoice = open_invoice(under_test)
        assert invoice.payment_request not in repr(Opened(invoice))
