"""Checks of holds: money that is locked until it is captured, released, or let go of."""

from __future__ import annotations

import pytest

from paidflow.payments.contract import (
    Accepted,
    Cancelled,
    Capability,
    CaptureCommand,
    Declined,
    Expired,
    Held,
    InstantDeadline,
    Open,
    Settled,
)
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.steps import (
    Hold,
    at_once,
    cancel,
    cancelled,
    capture,
    captured,
    hold,
    new_preimage,
    not_supported,
    open_invoice,
    paid_invoice,
    part_of,
    require,
    wait_for,
)
from paidflow.testing.conformance.under_test import GatewayUnderTest


class HoldChecks(Checks):
    """Locked money."""

    topic = "hold"

    def test_hold_is_open_first(self, under_test: GatewayUnderTest) -> None:
        """A hold that nobody has paid is open."""
        require(under_test, Capability.HOLD)
        invoice = open_invoice(under_test, preimage=new_preimage())
        assert under_test.gateway.lookup(invoice.invoice_id) == Open()

    def test_hold_locks_the_amount(self, under_test: GatewayUnderTest) -> None:
        """The payment of a hold is held over exactly its amount, and not settled."""
        held = hold(under_test)
        assert held.locked.amount == held.invoice.amount

    def test_hold_has_a_deadline_ahead(self, under_test: GatewayUnderTest) -> None:
        """Its deadline is in the future; a height comes with the height of now."""
        held = hold(under_test).locked
        if isinstance(held.deadline, InstantDeadline):
            assert held.deadline.at > under_test.now()
        else:
            assert held.height is not None
            assert held.height < held.deadline.height

    def test_hold_stays_held(self, under_test: GatewayUnderTest) -> None:
        """Looking at a hold changes neither what is locked nor its deadline."""
        held = hold(under_test)
        answers = [under_test.gateway.lookup(held.invoice.invoice_id) for _ in range(3)]
        assert all(isinstance(answer, Held) for answer in answers)
        assert {(each.amount, each.deadline) for each in answers if isinstance(each, Held)} == {
            (held.locked.amount, held.locked.deadline)
        }

    @pytest.mark.parametrize(("numerator", "denominator"), [(1, 2), (3, 2)])
    def test_hold_other_amount(
        self, under_test: GatewayUnderTest, numerator: int, denominator: int
    ) -> None:
        """Less or more than was asked for is refused to the payer, or shown as what is locked."""
        require(under_test, Capability.HOLD)
        invoice = open_invoice(under_test, preimage=new_preimage())
        sent = part_of(invoice.amount, numerator, denominator)
        if under_test.pay(invoice, sent):
            assert wait_for(under_test, invoice.invoice_id, Held).amount == sent
        else:
            assert not isinstance(under_test.gateway.lookup(invoice.invoice_id), Held)

    def test_hold_let_go_of(self, under_test: GatewayUnderTest) -> None:
        """A hold whose deadline has come is closed, and its capture takes nothing."""
        held = hold(under_test)
        under_test.drop_hold(held.invoice)
        wait_for(under_test, held.invoice.invoice_id, Cancelled, Expired)
        assert capture(under_test, held) != Accepted()
        answer = under_test.gateway.lookup(held.invoice.invoice_id)
        assert isinstance(answer, Cancelled | Expired)


class CaptureChecks(Checks):
    """Handing locked money over."""

    topic = "capture"

    def test_capture_settles(self, under_test: GatewayUnderTest) -> None:
        """A captured hold is settled over what was locked."""
        held = hold(under_test)
        assert capture(under_test, held) == Accepted()
        answer = wait_for(under_test, held.invoice.invoice_id, Settled)
        assert answer.amount == held.locked.amount

    @pytest.mark.parametrize("wrong", ["another one", "none", "empty", "too short"])
    def test_capture_wrong_preimage(self, under_test: GatewayUnderTest, wrong: str) -> None:
        """Without the right preimage a capture is declined, and the money stays locked."""
        if not under_test.holds_need_preimage:
            not_supported("holds that need a preimage")
        held = hold(under_test)
        preimages = {"another one": new_preimage(), "empty": b"", "too short": held.preimage[:31]}
        command = CaptureCommand(
            held.invoice.invoice_id,
            under_test.new_id(),
            held.locked.amount,
            preimages.get(wrong),
        )
        assert isinstance(under_test.gateway.capture(command), Declined)
        assert isinstance(under_test.gateway.lookup(held.invoice.invoice_id), Held)
        assert capture(under_test, held) == Accepted()

    @pytest.mark.parametrize("key", ["the same key", "another key"])
    def test_capture_twice(self, under_test: GatewayUnderTest, key: str) -> None:
        """A second capture takes nothing more."""
        held, first = hold(under_test), under_test.new_id()
        assert capture(under_test, held, key=first) == Accepted()
        wait_for(under_test, held.invoice.invoice_id, Settled)
        second = first if key == "the same key" else under_test.new_id()
        assert isinstance(capture(under_test, held, key=second), Accepted | Declined)
        answer = under_test.gateway.lookup(held.invoice.invoice_id)
        assert answer == Settled(held.locked.amount)

    def test_capture_in_many_threads(self, under_test: GatewayUnderTest) -> None:
        """Eight captures at the same time take the money once."""
        held, key = hold(under_test), under_test.new_id()
        at_once(lambda _: capture(under_test, held, key=key))
        answer = wait_for(under_test, held.invoice.invoice_id, Settled)
        assert answer.amount == held.locked.amount

    def test_capture_after_cancel(self, under_test: GatewayUnderTest) -> None:
        """Money that was released cannot be captured."""
        held = hold(under_test)
        cancelled(under_test, held.invoice)
        assert isinstance(capture(under_test, held), Declined)
        assert under_test.gateway.lookup(held.invoice.invoice_id) == Cancelled()

    def test_capture_before_payment(self, under_test: GatewayUnderTest) -> None:
        """A hold that nobody has paid cannot be captured, and can still be paid."""
        require(under_test, Capability.HOLD)
        preimage = new_preimage()
        invoice = open_invoice(under_test, preimage=preimage)
        command = CaptureCommand(invoice.invoice_id, under_test.new_id(), invoice.amount, preimage)
        assert isinstance(under_test.gateway.capture(command), Declined)
        assert under_test.pay(invoice, invoice.amount)
        wait_for(under_test, invoice.invoice_id, Held)

    def test_capture_more_than_is_held(self, under_test: GatewayUnderTest) -> None:
        """More than is locked is declined, and the money stays locked."""
        held = hold(under_test)
        more = part_of(held.locked.amount, 3, 2)
        assert isinstance(capture(under_test, held, more), Declined)
        assert isinstance(under_test.gateway.lookup(held.invoice.invoice_id), Held)

    def test_capture_less_than_is_held(self, under_test: GatewayUnderTest) -> None:
        """A part takes that part or everything, or is declined; the answer shows which."""
        held = hold(under_test)
        less = part_of(held.locked.amount, 1, 2)
        if capture(under_test, held, less) == Accepted():
            answer = wait_for(under_test, held.invoice.invoice_id, Settled)
            assert answer.amount in (less, held.locked.amount)
        else:
            assert isinstance(under_test.gateway.lookup(held.invoice.invoice_id), Held)

    def test_capture_unknown_id(self, under_test: GatewayUnderTest) -> None:
        """A capture of a hold that is not there is declined."""
        held = captured(under_test)
        unknown = CaptureCommand(
            "0" * len(held.invoice.invoice_id),
            under_test.new_id(),
            held.locked.amount,
            new_preimage(),
        )
        assert isinstance(under_test.gateway.capture(unknown), Declined)

    def test_capture_ordinary_invoice(self, under_test: GatewayUnderTest) -> None:
        """An invoice that is no hold takes nothing more by a capture."""
        require(under_test, Capability.HOLD)
        invoice = paid_invoice(under_test)
        command = CaptureCommand(
            invoice.invoice_id, under_test.new_id(), invoice.amount, new_preimage()
        )
        assert isinstance(under_test.gateway.capture(command), Accepted | Declined)
        assert under_test.gateway.lookup(invoice.invoice_id) == Settled(invoice.amount)

    def test_capture_against_cancel(self, under_test: GatewayUnderTest) -> None:
        """A capture and a release at the same time: one of them wins, and it stays so."""
        held = hold(under_test)
        at_once(lambda number: _capture_or_cancel(under_test, held, number), 2)
        answer = wait_for(under_test, held.invoice.invoice_id, Settled, Cancelled)
        if isinstance(answer, Settled):
            assert isinstance(cancel(under_test, held.invoice), Declined)
        else:
            assert isinstance(capture(under_test, held), Declined)
        assert under_test.gateway.lookup(held.invoice.invoice_id) == answer


def _capture_or_cancel(under_test: GatewayUnderTest, held: Hold, number: int) -> object:
    return capture(under_test, held) if number else cancel(under_test, held.invoice)
