"""Checks of refunds, and of money that others send back."""

from __future__ import annotations

import pytest

from paidflow.money import Money
from paidflow.payments.contract import (
    Accepted,
    Capability,
    CommandOutcome,
    Declined,
    Invoice,
    RefundCommand,
    RefundingGateway,
    Reversal,
    ReversalKind,
    ReversalStatus,
    Settled,
)
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.steps import (
    at_once,
    open_invoice,
    paid_invoice,
    part_of,
    require,
    wait_until,
)
from paidflow.testing.conformance.under_test import GatewayUnderTest

OTHER_CURRENCY = "XTS"


class RefundChecks(Checks):
    """Money that goes back."""

    topic = "refund"

    def test_refund_all(self, under_test: GatewayUnderTest) -> None:
        """Everything goes back, is listed with our key, and what was received stays the same."""
        invoice, key = _paid(under_test), under_test.new_id()
        assert _refund(under_test, invoice, invoice.amount, key) == Accepted()
        (reversal,) = _reversals(under_test, invoice, 1)
        assert (reversal.amount, reversal.kind) == (invoice.amount, ReversalKind.REFUND)
        assert reversal.key == key
        assert reversal.reversal_id
        assert reversal.status is not ReversalStatus.FAILED
        answer = under_test.gateway.lookup(invoice.invoice_id)
        assert isinstance(answer, Settled)
        assert answer.amount == invoice.amount

    def test_refund_in_parts(self, under_test: GatewayUnderTest) -> None:
        """Two parts are two reversals, each with its own amount, key and id."""
        invoice = _paid(under_test)
        parts = {under_test.new_id(): part_of(invoice.amount, share, 4) for share in (1, 2)}
        for number, (key, part) in enumerate(parts.items(), start=1):
            assert _refund(under_test, invoice, part, key) == Accepted()
            _reversals(under_test, invoice, number)
        found = _reversals(under_test, invoice, 2)
        assert {reversal.key: reversal.amount for reversal in found} == parts
        assert len({reversal.reversal_id for reversal in found}) == 2

    def test_refund_same_key(self, under_test: GatewayUnderTest) -> None:
        """The same key sends money back once."""
        invoice, key = _paid(under_test), under_test.new_id()
        part = part_of(invoice.amount, 1, 4)
        assert _refund(under_test, invoice, part, key) == Accepted()
        _reversals(under_test, invoice, 1)
        assert isinstance(_refund(under_test, invoice, part, key), Accepted | Declined)
        assert len(_reversals(under_test, invoice, 1)) == 1

    def test_refund_too_much(self, under_test: GatewayUnderTest) -> None:
        """More than was received is declined, and nothing goes back."""
        invoice = _paid(under_test)
        outcome = _refund(under_test, invoice, part_of(invoice.amount, 3, 2))
        assert isinstance(outcome, Declined)
        assert _reversals(under_test, invoice, 0) == ()

    def test_refund_more_than_is_left(self, under_test: GatewayUnderTest) -> None:
        """What has gone back cannot go back again."""
        invoice = _paid(under_test)
        part = part_of(invoice.amount, 3, 4)
        assert _refund(under_test, invoice, part) == Accepted()
        _reversals(under_test, invoice, 1)
        assert isinstance(_refund(under_test, invoice, part), Declined)
        assert len(_reversals(under_test, invoice, 1)) == 1

    def test_refund_in_many_threads(self, under_test: GatewayUnderTest) -> None:
        """Eight refunds at the same time never send back more than was received."""
        invoice = _paid(under_test)
        part = part_of(invoice.amount, 1, 3)
        outcomes = at_once(lambda _: _refund(under_test, invoice, part))
        accepted = sum(isinstance(outcome, Accepted) for outcome in outcomes)
        assert accepted <= 3
        assert len(_reversals(under_test, invoice, accepted)) <= 3

    def test_refund_one_key_in_many_threads(self, under_test: GatewayUnderTest) -> None:
        """Eight refunds with one key at the same time send money back once."""
        invoice, key = _paid(under_test), under_test.new_id()
        part = part_of(invoice.amount, 1, 10)
        at_once(lambda _: _refund(under_test, invoice, part, key))
        assert len(_reversals(under_test, invoice, 1)) == 1

    @pytest.mark.parametrize("amount", ["zero", "negative", "another currency"])
    def test_refund_amount_that_is_none(self, under_test: GatewayUnderTest, amount: str) -> None:
        """An amount that is not more than zero, or in another currency, is declined."""
        invoice = _paid(under_test)
        amounts = {
            "zero": part_of(invoice.amount, 0, 1),
            "negative": part_of(invoice.amount, -1, 1),
            "another currency": Money(invoice.amount.amount, OTHER_CURRENCY),
        }
        assert isinstance(_refund(under_test, invoice, amounts[amount]), Declined)
        assert _reversals(under_test, invoice, 0) == ()

    def test_refund_unpaid(self, under_test: GatewayUnderTest) -> None:
        """Nothing goes back of an invoice that nobody has paid."""
        require(under_test, Capability.REFUND)
        invoice = open_invoice(under_test)
        assert isinstance(_refund(under_test, invoice, invoice.amount), Declined)

    def test_refund_unknown_id(self, under_test: GatewayUnderTest) -> None:
        """Nothing goes back of an invoice that is not there."""
        invoice = _paid(under_test)
        command = RefundCommand("0" * len(invoice.invoice_id), under_test.new_id(), invoice.amount)
        assert isinstance(_gateway(under_test).refund(command), Declined)

    def test_refund_by_somebody_else(self, under_test: GatewayUnderTest) -> None:
        """A refund that others have made is listed too, without a key."""
        invoice = _paid(under_test)
        part = part_of(invoice.amount, 1, 4)
        under_test.refund_outside(invoice, part)
        (reversal,) = _reversals(under_test, invoice, 1)
        assert (reversal.amount, reversal.kind) == (part, ReversalKind.REFUND)
        assert reversal.key is None

    def test_refund_dispute(self, under_test: GatewayUnderTest) -> None:
        """A payment that is contested shows a dispute that is not decided yet."""
        invoice = _paid(under_test)
        under_test.open_dispute(invoice)
        (reversal,) = _reversals(under_test, invoice, 1)
        assert (reversal.amount, reversal.kind) == (invoice.amount, ReversalKind.DISPUTE)
        assert (reversal.status, reversal.key) == (ReversalStatus.PENDING, None)


def _gateway(under_test: GatewayUnderTest) -> RefundingGateway:
    require(under_test, Capability.REFUND)
    assert isinstance(under_test.gateway, RefundingGateway)
    return under_test.gateway


def _paid(under_test: GatewayUnderTest) -> Invoice:
    require(under_test, Capability.REFUND)
    return paid_invoice(under_test)


def _refund(
    under_test: GatewayUnderTest, invoice: Invoice, amount: Money, key: str | None = None
) -> CommandOutcome:
    command = RefundCommand(invoice.invoice_id, key or under_test.new_id(), amount)
    return _gateway(under_test).refund(command)


def _reversals(
    under_test: GatewayUnderTest, invoice: Invoice, at_least: int
) -> tuple[Reversal, ...]:
    """What has gone back of an invoice, once the gateway shows so many."""

    found: tuple[Reversal, ...] = ()

    def look() -> bool | str:
        nonlocal found
        answer = under_test.gateway.lookup(invoice.invoice_id)
        found = answer.reversals if isinstance(answer, Settled) else ()
        return len(found) >= at_least or f"{answer}, where {at_least} reversals were expected"

    wait_until(under_test, look, bool)
    return found
