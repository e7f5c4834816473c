"""Checks of outgoing payments: each is made once, ever, and within its limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from paidflow.money import Money
from paidflow.payments.contract import (
    Accepted,
    Capability,
    CommandOutcome,
    Declined,
    Destination,
    HoldDeadline,
    HoldingsGateway,
    InstantDeadline,
    NotFound,
    PaidOut,
    PayFailed,
    PayingGateway,
    PaymentLookup,
    PayOutCommand,
    Settled,
    Unreachable,
)
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.looking import IDS_THAT_ARE_NONE
from paidflow.testing.conformance.steps import (
    at_once,
    hash_of,
    hold,
    open_invoice,
    paid_invoice,
    part_of,
    require,
    wait_for,
    wait_until,
)
from paidflow.testing.conformance.under_test import GatewayUnderTest

DESTINATIONS_THAT_ARE_NONE = {
    "empty": "",
    "words": "to whom it may concern",
    "zero byte": "lnbc1\0",
    "every script": "支払い\U0001f9fe\u202e",
    "half a character": "\ud800",
    "long": "lnbc" + "q" * 100_000,
    "a web address": "https://127.0.0.1:1/pay?to=me",
}


class PayOutChecks(Checks):
    """Sending money to others."""

    topic = "pay_out"

    def test_decode_reads_a_destination(self, under_test: GatewayUnderTest) -> None:
        """Amount, id and end of a receiver's invoice are read from its text."""
        amount = _part(under_test)
        read = _read(under_test, under_test.destination(amount))
        assert read.amount == amount
        assert read.payment_id
        assert read.expires_at is None or read.expires_at > under_test.now()

    def test_decode_tells_destinations_apart(self, under_test: GatewayUnderTest) -> None:
        """Two invoices of a receiver have two payment ids."""
        amount = _part(under_test)
        ids = {_read(under_test, under_test.destination(amount)).payment_id for _ in range(2)}
        assert len(ids) == 2

    @pytest.mark.parametrize("kind", DESTINATIONS_THAT_ARE_NONE)
    def test_decode_nonsense(self, under_test: GatewayUnderTest, kind: str) -> None:
        """A text that is no destination is declined, and so is a payment to it."""
        text = DESTINATIONS_THAT_ARE_NONE[kind]
        assert isinstance(_gateway(under_test).decode(text), Declined)
        command = replace(_command(under_test, "x", "0" * 64, _part(under_test)), destination=text)
        assert isinstance(_gateway(under_test).pay_out(command), Declined)

    def test_decode_half_a_destination(self, under_test: GatewayUnderTest) -> None:
        """A destination that was cut or changed is declined."""
        text = under_test.destination(_part(under_test))
        for broken in (text[: len(text) // 2], text + text, text[::-1]):
            assert isinstance(_gateway(under_test).decode(broken), Declined)

    def test_pay_out_arrives(self, under_test: GatewayUnderTest) -> None:
        """The receiver gets exactly the amount; the answer shows it, the fee, and a true proof."""
        command = payment_to_receiver(under_test)
        assert _gateway(under_test).pay_out(command) == Accepted()
        paid = _wait_for(under_test, command, PaidOut)
        assert isinstance(paid, PaidOut)
        assert paid.amount == command.amount
        assert 0 <= paid.fee.amount <= command.fee_max.amount
        if paid.preimage is not None:
            assert hash_of(paid.preimage) == command.payment_id
            assert paid.preimage.hex() not in repr(paid)

    @pytest.mark.parametrize("key", ["the same key", "another key"])
    def test_pay_out_twice(self, under_test: GatewayUnderTest, key: str) -> None:
        """A second command with the same payment id is declined, and nothing is sent again."""
        command = payment_to_receiver(under_test)
        assert _gateway(under_test).pay_out(command) == Accepted()
        paid = _wait_for(under_test, command, PaidOut)
        again = command if key == "the same key" else replace(command, key=under_test.new_id())
        assert isinstance(_gateway(under_test).pay_out(again), Declined)
        assert _gateway(under_test).lookup_payment(command.payment_id) == paid

    def test_pay_out_twice_at_the_receiver(self, under_test: GatewayUnderTest) -> None:
        """The receiver of a payment that was asked for twice has got it once."""
        command = payment_to_receiver(under_test)
        for _ in range(2):
            _gateway(under_test).pay_out(command)
        _wait_for(under_test, command, PaidOut)
        assert under_test.received(command.destination) == command.amount

    def test_pay_out_in_many_threads(self, under_test: GatewayUnderTest) -> None:
        """Of eight commands with one payment id at the same time one is accepted."""
        command = payment_to_receiver(under_test)
        outcomes = at_once(lambda _: _gateway(under_test).pay_out(command))
        assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 1
        _wait_for(under_test, command, PaidOut)

    def test_pay_out_again_after_a_failure(self, under_test: GatewayUnderTest) -> None:
        """A payment that has failed stays failed, and its id is used up."""
        _fund(under_test)
        amount = _part(under_test)
        command = _of(under_test, under_test.unreachable_destination(amount), amount)
        assert _gateway(under_test).pay_out(command) == Accepted()
        failed = _wait_for(under_test, command, PayFailed)
        assert isinstance(_gateway(under_test).pay_out(command), Declined)
        assert _gateway(under_test).lookup_payment(command.payment_id) == failed

    def test_pay_out_too_late(self, under_test: GatewayUnderTest) -> None:
        """After ``give_up_at`` the command is declined, and there is no such payment."""
        command = payment_to_receiver(under_test)
        late = replace(command, give_up_at=under_test.now() - timedelta(seconds=1))
        assert isinstance(_gateway(under_test).pay_out(late), Declined)
        assert _gateway(under_test).lookup_payment(command.payment_id) == NotFound()

    def test_pay_out_fee_limit(self, under_test: GatewayUnderTest) -> None:
        """A payment that costs more than it may does not arrive."""
        _fund(under_test)
        amount = _part(under_test)
        command = _of(under_test, under_test.costly_destination(amount), amount)
        free = replace(command, fee_max=part_of(amount, 0, 1))
        assert isinstance(end_of(under_test, free), Declined | PayFailed)

    def test_pay_out_fee_shown(self, under_test: GatewayUnderTest) -> None:
        """A payment that costs something arrives in full, and its fee is shown."""
        _fund(under_test)
        amount = _part(under_test)
        command = _of(under_test, under_test.costly_destination(amount), amount)
        paid = end_of(under_test, command)
        assert isinstance(paid, PaidOut)
        assert paid.amount == amount
        assert 0 < paid.fee.amount <= command.fee_max.amount

    def test_pay_out_expired_destination(self, under_test: GatewayUnderTest) -> None:
        """An invoice of a receiver that has run out is not paid."""
        _fund(under_test)
        amount = _part(under_test)
        command = _of(under_test, under_test.expired_destination(amount), amount)
        assert isinstance(end_of(under_test, command), Declined | PayFailed)

    def test_pay_out_unreachable_receiver(self, under_test: GatewayUnderTest) -> None:
        """A payment to somebody who cannot be reached fails for certain."""
        _fund(under_test)
        amount = _part(under_test)
        command = _of(under_test, under_test.unreachable_destination(amount), amount)
        assert isinstance(end_of(under_test, command), Declined | PayFailed)

    def test_pay_out_other_amount(self, under_test: GatewayUnderTest) -> None:
        """Another amount than the receiver asks for is not sent."""
        command = payment_to_receiver(under_test)
        other = replace(command, amount=part_of(command.amount, 1, 2))
        assert isinstance(end_of(under_test, other), Declined | PayFailed)

    def test_pay_out_other_payment_id(self, under_test: GatewayUnderTest) -> None:
        """A payment id that is not that of the receiver's invoice is declined."""
        command = payment_to_receiver(under_test)
        other = replace(command, payment_id="0" * len(command.payment_id))
        assert isinstance(_gateway(under_test).pay_out(other), Declined)
        assert _gateway(under_test).lookup_payment(other.payment_id) == NotFound()

    def test_pay_out_more_than_there_is(self, under_test: GatewayUnderTest) -> None:
        """More money than the account has is not sent."""
        amount = _too_much(under_test)
        command = _of(under_test, under_test.destination(amount), amount)
        assert isinstance(end_of(under_test, command), Declined | PayFailed)

    def test_pay_out_to_ourselves(self, under_test: GatewayUnderTest) -> None:
        """An invoice of our own is refused, or paid as any other; never half."""
        _fund(under_test)
        invoice = open_invoice(under_test, _part(under_test))
        command = _of(under_test, invoice.payment_request, invoice.amount)
        if isinstance(end_of(under_test, command), PaidOut):
            wait_for(under_test, invoice.invoice_id, Settled)
        else:
            assert not isinstance(under_test.gateway.lookup(invoice.invoice_id), Settled)

    def test_pay_out_deadline_too_near(self, under_test: GatewayUnderTest) -> None:
        """Money that is passed on is not sent if the payer's hold could end before it arrives."""
        held = hold(under_test).locked
        now: HoldDeadline
        if isinstance(held.deadline, InstantDeadline):
            now = InstantDeadline(under_test.now() - timedelta(seconds=1))
        else:
            assert held.height is not None
            now = replace(held.deadline, height=held.height - 1)
        command = replace(payment_to_receiver(under_test), hold_deadline=now)
        assert isinstance(end_of(under_test, command), Declined | PayFailed)

    def test_lookup_payment_unknown_id(self, under_test: GatewayUnderTest) -> None:
        """A payment that was never asked for is not found."""
        command = payment_to_receiver(under_test)
        assert _gateway(under_test).lookup_payment(command.payment_id) == NotFound()

    @pytest.mark.parametrize("kind", IDS_THAT_ARE_NONE)
    def test_lookup_payment_id_that_is_none(self, under_test: GatewayUnderTest, kind: str) -> None:
        """A text that cannot be an id is not found, or nothing is known; nothing is raised."""
        answer = _gateway(under_test).lookup_payment(IDS_THAT_ARE_NONE[kind])
        assert isinstance(answer, NotFound | Unreachable)


def _gateway(under_test: GatewayUnderTest) -> PayingGateway:
    require(under_test, Capability.PAY_OUT)
    assert isinstance(under_test.gateway, PayingGateway)
    return under_test.gateway


def _part(under_test: GatewayUnderTest) -> Money:
    require(under_test, Capability.PAY_OUT)
    return part_of(under_test.amount, 1, 2)


def _fund(under_test: GatewayUnderTest) -> None:
    """Have something to pay out."""
    require(under_test, Capability.PAY_OUT)
    paid_invoice(under_test, part_of(under_test.amount, 3, 1))


def _read(under_test: GatewayUnderTest, destination: str) -> Destination:
    read = _gateway(under_test).decode(destination)
    assert isinstance(read, Destination), read
    return read


def _command(
    under_test: GatewayUnderTest, destination: str, payment_id: str, amount: Money
) -> PayOutCommand:
    return PayOutCommand(
        key=under_test.new_id(),
        destination=destination,
        payment_id=payment_id,
        amount=amount,
        fee_max=part_of(amount, 1, 1),
        give_up_at=under_test.now() + timedelta(seconds=under_test.gateway.profile.pay_out_s),
    )


def _of(under_test: GatewayUnderTest, destination: str, amount: Money) -> PayOutCommand:
    payment_id = _read(under_test, destination).payment_id or under_test.new_id()
    return _command(under_test, destination, payment_id, amount)


def payment_to_receiver(under_test: GatewayUnderTest) -> PayOutCommand:
    """A payment that can arrive."""
    _fund(under_test)
    amount = _part(under_test)
    return _of(under_test, under_test.destination(amount), amount)


def _wait_for(
    under_test: GatewayUnderTest,
    command: PayOutCommand,
    *kinds: type[PaymentLookup],
) -> PaymentLookup:
    look = _gateway(under_test).lookup_payment
    return wait_until(under_test, lambda: look(command.payment_id), *kinds)


def end_of(under_test: GatewayUnderTest, command: PayOutCommand) -> CommandOutcome | PaymentLookup:
    """What became of a payment: the refusal of the command, or its end."""
    outcome = _gateway(under_test).pay_out(command)
    if not isinstance(outcome, Accepted):
        return outcome
    return _wait_for(under_test, command, PaidOut, PayFailed)


def _too_much(under_test: GatewayUnderTest) -> Money:
    gateway, amount = _gateway(under_test), part_of(under_test.amount, 1_000, 1)
    if isinstance(gateway, HoldingsGateway):
        held = gateway.holdings()
        assert not isinstance(held, Unreachable)
        for each in held:
            amount = amount + each if each.currency == amount.currency else amount
    return amount
