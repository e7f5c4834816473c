"""Checks of failures: what an adapter concludes when the gateway cannot be reached or is not sane.

Three things must never be mixed up: a command that certainly did nothing, one that may have done
something, and a question that was not answered.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from paidflow.payments.contract import (
    Accepted,
    CancelCommand,
    Capability,
    CaptureCommand,
    Destination,
    Gateway,
    HoldingsGateway,
    NotSent,
    OpenCommand,
    PayingGateway,
    PayOutCommand,
    RefundCommand,
    RefundingGateway,
    Unknown,
)
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.faults import ELSEWHERE, FAULTS, MARK, Place, set_up
from paidflow.testing.conformance.steps import (
    hash_of,
    new_preimage,
    open_invoice,
    part_of,
    shows_no_secret,
)
from paidflow.testing.conformance.under_test import GatewayUnderTest

Call = Callable[[Gateway], object]


class FailureChecks(Checks):
    """Calls that fail."""

    topic = "failures"

    @pytest.mark.parametrize("fault", FAULTS)
    def test_command_when(self, under_test: GatewayUnderTest, fault: str) -> None:
        """Every command answers what may be concluded, and raises nothing."""
        calls = _commands(under_test)
        with set_up(FAULTS[fault]) as place:
            gateway = under_test.pointed_at(place.url, FAULTS[fault].timeout_s)
            for name, call in calls.items():
                allowed = FAULTS[fault].opened if name == "open" else FAULTS[fault].commands
                before = _count_changing(place)
                outcome = call(gateway)
                if Unknown in allowed and _count_changing(place) == before:
                    allowed = (*allowed, NotSent)
                assert isinstance(outcome, allowed), f"{name}: {outcome}"
                _tells_enough(under_test, outcome)
            _follows_nobody(place)

    @pytest.mark.parametrize("fault", FAULTS)
    def test_lookup_when(self, under_test: GatewayUnderTest, fault: str) -> None:
        """Every question answers that nothing is known, and raises nothing."""
        calls = _questions(under_test)
        with set_up(FAULTS[fault]) as place:
            gateway = under_test.pointed_at(place.url, FAULTS[fault].timeout_s)
            for name, call in calls.items():
                answer = call(gateway)
                assert isinstance(answer, FAULTS[fault].lookups), f"{name}: {answer}"
                _tells_enough(under_test, answer)
            _follows_nobody(place)

    @pytest.mark.parametrize("fault", FAULTS)
    def test_updates_when(self, under_test: GatewayUnderTest, fault: str) -> None:
        """The stream gives no hints and stays where it was, and raises nothing."""
        with set_up(FAULTS[fault]) as place:
            gateway = under_test.pointed_at(place.url, FAULTS[fault].timeout_s)
            first = gateway.updates(None)
            assert first.hints == ()
            assert gateway.updates(first.cursor) == first
            _follows_nobody(place)


def _commands(under_test: GatewayUnderTest) -> dict[str, Call]:
    """A call of each command that the profile promises, about things that are there."""
    able = under_test.gateway.profile.capabilities
    invoice, amount = open_invoice(under_test), under_test.amount
    calls: dict[str, Call] = {"open": lambda gateway: gateway.open(_order(under_test, None))}
    if Capability.CANCEL in able:
        cancel = CancelCommand(invoice.invoice_id, under_test.new_id())
        calls["cancel"] = lambda gateway: gateway.cancel(cancel)
    if Capability.HOLD in able:
        preimage = new_preimage()
        hold = open_invoice(under_test, preimage=preimage)
        capture = CaptureCommand(hold.invoice_id, under_test.new_id(), amount, preimage)
        calls["open a hold"] = lambda gateway: gateway.open(_order(under_test, new_preimage()))
        calls["capture"] = lambda gateway: gateway.capture(capture)
    if Capability.REFUND in able:
        refund = RefundCommand(invoice.invoice_id, under_test.new_id(), part_of(amount, 1, 4))
        calls["refund"] = lambda gateway: _refunding(gateway).refund(refund)
    pay_out = _payment(under_test) if Capability.PAY_OUT in able else None
    if pay_out is not None:
        calls["pay_out"] = lambda gateway: _paying(gateway).pay_out(pay_out)
    return calls


def _questions(under_test: GatewayUnderTest) -> dict[str, Call]:
    """A call of each lookup that the profile promises."""
    able = under_test.gateway.profile.capabilities
    invoice = open_invoice(under_test)
    calls: dict[str, Call] = {"lookup": lambda gateway: gateway.lookup(invoice.invoice_id)}
    if Capability.PAY_OUT in able:
        payment_id = hash_of(new_preimage())
        calls["lookup_payment"] = lambda gateway: _paying(gateway).lookup_payment(payment_id)
    if Capability.HOLDINGS in able:
        calls["holdings"] = lambda gateway: _holding(gateway).holdings()
    return calls


def _order(under_test: GatewayUnderTest, preimage: bytes | None) -> OpenCommand:
    return OpenCommand(
        key=under_test.new_id(),
        amount=under_test.amount,
        hold=preimage is not None,
        payment_hash=hash_of(preimage) if preimage is not None else None,
        description="a check",
        expires_in_s=under_test.expiry_s,
    )


def _payment(under_test: GatewayUnderTest) -> PayOutCommand | None:
    """A payment to a receiver; ``None`` if there is none to be had."""
    amount = part_of(under_test.amount, 1, 2)
    with suppress(pytest.skip.Exception):
        destination = under_test.destination(amount)
        read = _paying(under_test.gateway).decode(destination)
        assert isinstance(read, Destination)
        return PayOutCommand(
            key=under_test.new_id(),
            destination=destination,
            payment_id=read.payment_id or under_test.new_id(),
            amount=amount,
            fee_max=amount,
            give_up_at=under_test.now() + timedelta(seconds=60),
        )
    return None


def _paying(gateway: Gateway) -> PayingGateway:
    assert isinstance(gateway, PayingGateway)
    return gateway


def _holding(gateway: Gateway) -> HoldingsGateway:
    assert isinstance(gateway, HoldingsGateway)
    return gateway


def _refunding(gateway: Gateway) -> RefundingGateway:
    assert isinstance(gateway, RefundingGateway)
    return gateway


def _count_changing(place: Place) -> int:
    return len(place.server.changing_requests()) if place.server is not None else 0


def _tells_enough(under_test: GatewayUnderTest, outcome: object) -> None:
    """A reason is there, and in it neither a secret nor what a stranger has said."""
    if isinstance(outcome, Accepted):
        return
    reason = getattr(outcome, "reason", "nothing is to be said")
    assert reason, f"{outcome} without a reason"
    assert MARK not in reason
    shows_no_secret(under_test, reason)


def _follows_nobody(place: Place) -> None:
    """No redirect was followed: credentials would go to whoever it names."""
    requests = place.server.requests if place.server is not None else []
    assert not [request for request in requests if ELSEWHERE.encode() in request.split(b"\r\n")[0]]
