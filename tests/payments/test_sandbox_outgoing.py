"""What the sandbox bank pays out: its answers, its faults, and that it sends nothing twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from paidflow.money import Money, msats, sats
from paidflow.payments.contract import (
    Accepted,
    CancelCommand,
    CaptureCommand,
    CommandOutcome,
    Declined,
    Destination,
    HeightDeadline,
    HoldDeadline,
    HoldingsGateway,
    InFlight,
    InstantDeadline,
    NotFound,
    NotSent,
    OpenCommand,
    Opened,
    PaidOut,
    PayFailed,
    PayFailure,
    PayingGateway,
    PayOutCommand,
    Settled,
    Unknown,
    Unreachable,
)
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_controls import FaultKind
from paidflow.payments.sandbox_payments import PaymentFate
from paidflow.testing import ManualClock

FUNDS = sats(100)
AMOUNT = sats(10)
FEE_MAX = sats(1)
ADDRESS = "sandbox-address:bob"
GIVE_UP_S = 60


@pytest.fixture(params=["file", "memory"])
def receiver(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> SandboxGateway:
    path = ":memory:" if request.param == "memory" else tmp_path / "receiver.db"
    return SandboxGateway(path, sandbox=True, clock=clock, account="receiver")


@pytest.fixture
def bank(receiver: SandboxGateway, tmp_path: Path, clock: ManualClock) -> SandboxGateway:
    opened = SandboxGateway(
        tmp_path / "bank.db", sandbox=True, clock=clock, receivers=[receiver], currencies=["BTC"]
    )
    fund(opened, FUNDS)
    return opened


def fund(bank: SandboxGateway, amount: Money) -> None:
    assert bank.pay(opened(bank, amount, key="funds").invoice_id)


def opened(bank: SandboxGateway, amount: Money = AMOUNT, *, key: str = "k", hold: bool = False):
    payment_hash = hashlib.sha256(key.encode()).hexdigest() if hold else None
    outcome = bank.open(OpenCommand(key, amount, hold, payment_hash, "a line", 600))
    assert isinstance(outcome, Opened)
    return outcome.invoice


def command(
    bank: SandboxGateway,
    destination: str,
    *,
    amount: Money = AMOUNT,
    payment_id: str = "p",
    hold_deadline: HoldDeadline | None = None,
) -> PayOutCommand:
    decoded = bank.decode(destination)
    assert isinstance(decoded, Destination)
    return PayOutCommand(
        key=f"key of {payment_id}",
        destination=destination,
        payment_id=decoded.payment_id or payment_id,
        amount=amount,
        fee_max=FEE_MAX,
        give_up_at=bank._clock.now() + timedelta(seconds=GIVE_UP_S),  # pyright: ignore
        hold_deadline=hold_deadline,
    )


def sent(bank: SandboxGateway) -> list[str | None]:
    return [call.invoice_id for call in bank.calls() if call.operation == "pay_out"]


def test_an_invoice_of_another_account(bank: SandboxGateway, receiver: SandboxGateway) -> None:
    assert isinstance(bank, PayingGateway)
    bank.route_fee = 300
    invoice = opened(receiver)
    asked = command(bank, invoice.payment_request)
    assert bank.decode(invoice.payment_request) == Destination(
        asked.payment_id, AMOUNT, invoice.expires_at
    )
    assert bank.pay_out(asked) == Accepted()
    shown = bank.lookup_payment(asked.payment_id)
    assert isinstance(shown, PaidOut)
    assert (shown.amount, shown.fee) == (AMOUNT, msats(300))
    assert shown.preimage is not None
    assert hashlib.sha256(shown.preimage).hexdigest() == asked.payment_id
    assert shown.preimage.hex() not in repr(shown)
    assert repr(shown.preimage) not in repr(shown)
    assert receiver.lookup(invoice.invoice_id) == Settled(AMOUNT)
    assert receiver.updates(None).hints
    assert bank.holdings() == (FUNDS - AMOUNT - msats(300),)
    assert receiver.holdings() == (AMOUNT,)


def test_an_address(bank: SandboxGateway) -> None:
    assert bank.decode(ADDRESS) == Destination(None, None, None)
    for payment_id in ("p", "q"):
        assert bank.pay_out(command(bank, ADDRESS, payment_id=payment_id)) == Accepted()
        assert bank.lookup_payment(payment_id) == PaidOut(AMOUNT, msats(0))
    assert bank.holdings() == (sats(80),)


def test_the_payers_hold_and_the_payment_share_a_hash(
    bank: SandboxGateway, receiver: SandboxGateway
) -> None:
    """What wrapped payments live on: the preimage that the receiver gives captures the hold."""
    asked = command(bank, opened(receiver).payment_request)
    hold = OpenCommand("h", sats(11), True, asked.payment_id, "a line", 600)
    assert isinstance(bank.open(hold), Opened)
    assert bank.pay(asked.payment_id)
    assert bank.pay_out(asked) == Accepted()
    shown = bank.lookup_payment(asked.payment_id)
    assert isinstance(shown, PaidOut)
    capture = CaptureCommand(asked.payment_id, "c", sats(11), shown.preimage)
    assert bank.capture(capture) == Accepted()
    assert bank.holdings() == (FUNDS + sats(1),)


@pytest.mark.parametrize(
    "text",
    ["", "lnbc1", "sandbox:", "sandbox-address:", "sandbox:x?amount=a&currency=BTC", "http://[x"],
)
def test_what_cannot_be_read(bank: SandboxGateway, text: str) -> None:
    assert isinstance(bank.decode(text), Declined)
    asked = replace(command(bank, ADDRESS), destination=text)
    assert isinstance(bank.pay_out(asked), Declined)
    assert bank.lookup_payment("p") == NotFound()


def another_amount(c: PayOutCommand) -> PayOutCommand:
    return replace(c, amount=sats(9))


def another_id(c: PayOutCommand) -> PayOutCommand:
    return replace(c, payment_id="another")


def too_late(c: PayOutCommand) -> PayOutCommand:
    return replace(c, give_up_at=c.give_up_at - timedelta(seconds=GIVE_UP_S + 1))


@pytest.mark.parametrize("change", [another_amount, another_id, too_late])
def test_a_command_that_does_not_fit(
    bank: SandboxGateway,
    receiver: SandboxGateway,
    change: Callable[[PayOutCommand], PayOutCommand],
) -> None:
    asked = change(command(bank, opened(receiver).payment_request))
    assert isinstance(bank.pay_out(asked), Declined)
    assert bank.lookup_payment(asked.payment_id) == NotFound()
    assert bank.payments() == []


def test_an_invoice_that_has_expired(
    bank: SandboxGateway, receiver: SandboxGateway, clock: ManualClock
) -> None:
    invoice = opened(receiver)
    clock.tick(600)
    assert isinstance(bank.pay_out(command(bank, invoice.payment_request)), Declined)


def pay_once(bank: SandboxGateway) -> None:
    assert bank.pay_out(command(bank, ADDRESS)) == Accepted()


def fail_once(bank: SandboxGateway) -> None:
    bank.fate("refused")
    pay_once(bank)


def stick_once(bank: SandboxGateway) -> None:
    bank.fate("stuck")
    pay_once(bank)


def lose_the_answer(bank: SandboxGateway) -> None:
    bank.fault("pay_out", "time_out_after")
    assert isinstance(bank.pay_out(command(bank, ADDRESS)), Unknown)


@pytest.mark.parametrize("first", [pay_once, fail_once, stick_once, lose_the_answer])
def test_one_payment_for_each_id_ever(
    bank: SandboxGateway, first: Callable[[SandboxGateway], None]
) -> None:
    first(bank)
    before = bank.lookup_payment("p"), bank.holdings()
    again = bank.pay_out(replace(command(bank, ADDRESS), key="another key"))
    assert isinstance(again, Declined)
    assert (bank.lookup_payment("p"), bank.holdings()) == before
    assert sent(bank) == ["p", "p"]
    assert len(bank.payments()) == 1


OUTCOMES: dict[FaultKind, tuple[type[CommandOutcome], bool]] = {
    "decline": (Declined, False),
    "refuse": (NotSent, False),
    "time_out_before": (Unknown, False),
    "time_out_after": (Unknown, True),
}


@pytest.mark.parametrize("kind", OUTCOMES)
def test_faults(bank: SandboxGateway, kind: FaultKind) -> None:
    outcome, done = OUTCOMES[kind]
    bank.fault("pay_out", kind)
    assert isinstance(bank.pay_out(command(bank, ADDRESS)), outcome)
    bank.fault("lookup_payment", kind)
    assert isinstance(bank.lookup_payment("p"), Unreachable)
    assert isinstance(bank.lookup_payment("p"), PaidOut if done else NotFound)
    bank.fault("holdings", kind)
    assert isinstance(bank.holdings(), Unreachable)
    assert bank.holdings() == (FUNDS - AMOUNT if done else FUNDS,)


def test_faults_that_raise(bank: SandboxGateway) -> None:
    bank.fault("pay_out", "raise")
    with pytest.raises(RuntimeError):
        bank.pay_out(command(bank, ADDRESS))
    assert bank.payments() == []


def test_an_outage(bank: SandboxGateway) -> None:
    bank.outage(True)
    assert isinstance(bank.pay_out(command(bank, ADDRESS)), NotSent)
    assert isinstance(bank.lookup_payment("p"), Unreachable)
    bank.outage(False)
    assert bank.lookup_payment("p") == NotFound()


@pytest.mark.parametrize(
    ("fate", "failure"),
    [("unreachable", PayFailure.RECEIVER_UNREACHABLE), ("refused", PayFailure.REFUSED)],
)
def test_a_receiver_that_does_not_take_it(
    bank: SandboxGateway, receiver: SandboxGateway, fate: PaymentFate, failure: PayFailure
) -> None:
    bank.fate(fate)
    invoice = opened(receiver)
    asked = command(bank, invoice.payment_request)
    assert bank.pay_out(asked) == Accepted()
    assert bank.lookup_payment(asked.payment_id) == PayFailed(failure)
    assert receiver.payable_invoices() == [invoice.invoice_id]
    assert bank.holdings() == (FUNDS,)


def test_a_receiver_that_nobody_knows(bank: SandboxGateway, clock: ManualClock) -> None:
    stranger = SandboxGateway(":memory:", sandbox=True, clock=clock, account="stranger")
    asked = command(bank, opened(stranger).payment_request)
    assert bank.pay_out(asked) == Accepted()
    shown = bank.lookup_payment(asked.payment_id)
    assert shown == PayFailed(PayFailure.RECEIVER_UNREACHABLE)


def cancelled(receiver: SandboxGateway) -> str:
    invoice = opened(receiver)
    assert receiver.cancel(CancelCommand(invoice.invoice_id, "c")) == Accepted()
    return invoice.payment_request


def paid_already(receiver: SandboxGateway) -> str:
    invoice = opened(receiver)
    assert receiver.pay(invoice.invoice_id)
    return invoice.payment_request


def a_hold(receiver: SandboxGateway) -> str:
    return opened(receiver, hold=True).payment_request


@pytest.mark.parametrize("make", [cancelled, paid_already, a_hold])
def test_an_invoice_that_takes_nothing(
    bank: SandboxGateway, receiver: SandboxGateway, make: Callable[[SandboxGateway], str]
) -> None:
    asked = command(bank, make(receiver))
    assert bank.pay_out(asked) == Accepted()
    assert bank.lookup_payment(asked.payment_id) == PayFailed(PayFailure.REFUSED)
    assert bank.holdings() == (FUNDS,)


def test_a_payment_that_is_stuck(bank: SandboxGateway, receiver: SandboxGateway) -> None:
    bank.fate("stuck", times=2)
    arrives = command(bank, opened(receiver).payment_request)
    breaks = command(bank, opened(receiver, key="l").payment_request)
    for asked in (arrives, breaks):
        assert bank.pay_out(asked) == Accepted()
        assert bank.lookup_payment(asked.payment_id) == InFlight()
    assert bank.holdings() == (FUNDS,)
    assert bank.finish_payment(arrives.payment_id)
    assert bank.break_payment(breaks.payment_id)
    assert isinstance(bank.lookup_payment(arrives.payment_id), PaidOut)
    shown = bank.lookup_payment(breaks.payment_id)
    assert shown == PayFailed(PayFailure.RECEIVER_UNREACHABLE)
    assert not bank.finish_payment(breaks.payment_id)
    assert not bank.break_payment(arrives.payment_id)
    assert receiver.holdings() == (AMOUNT,)


def test_what_it_costs(bank: SandboxGateway) -> None:
    bank.route_fee = FEE_MAX.amount
    assert bank.pay_out(command(bank, ADDRESS)) == Accepted()
    assert bank.lookup_payment("p") == PaidOut(AMOUNT, FEE_MAX)
    bank.route_fee = FEE_MAX.amount + 1
    assert bank.pay_out(command(bank, ADDRESS, payment_id="q")) == Accepted()
    assert bank.lookup_payment("q") == PayFailed(PayFailure.FEE_TOO_HIGH)
    bank.fate("overcharged")
    assert bank.pay_out(command(bank, ADDRESS, payment_id="r")) == Accepted()
    assert bank.lookup_payment("r") == PaidOut(AMOUNT, FEE_MAX + msats(1))
    assert bank.holdings() == (FUNDS - AMOUNT - FEE_MAX - AMOUNT - FEE_MAX - msats(1),)


def test_it_does_not_pay_what_it_does_not_have(bank: SandboxGateway) -> None:
    bank.fate("stuck")
    first = command(bank, ADDRESS, amount=sats(60))
    assert bank.pay_out(first) == Accepted()
    second = command(bank, ADDRESS, amount=sats(41), payment_id="q")
    assert bank.pay_out(second) == Accepted()
    assert bank.lookup_payment("q") == PayFailed(PayFailure.INSUFFICIENT_BALANCE)
    third = command(bank, ADDRESS, amount=sats(40), payment_id="r")
    assert bank.pay_out(third) == Accepted()
    assert bank.lookup_payment("r") == PaidOut(sats(40), msats(0))


@pytest.mark.parametrize("short", [0, 1])
def test_a_time_lock(
    bank: SandboxGateway, receiver: SandboxGateway, clock: ManualClock, short: int
) -> None:
    receiver.time_lock_s = 1200
    request = opened(receiver).payment_request
    at = InstantDeadline(clock.now() + timedelta(seconds=1200 - short))
    asked = command(bank, request, hold_deadline=at)
    assert bank.pay_out(asked) == Accepted()
    shown = bank.lookup_payment(asked.payment_id)
    assert (shown == PayFailed(PayFailure.TIME_LOCK_TOO_SHORT)) == bool(short)


@pytest.mark.parametrize("short", [0, 1])
def test_a_time_lock_in_blocks(bank: SandboxGateway, receiver: SandboxGateway, short: int) -> None:
    receiver.time_lock_s = 1201
    now = bank.mine_blocks(0)
    request = opened(receiver).payment_request
    asked = command(bank, request, hold_deadline=HeightDeadline(now + 3 - short))
    assert bank.pay_out(asked) == Accepted()
    shown = bank.lookup_payment(asked.payment_id)
    assert (shown == PayFailed(PayFailure.TIME_LOCK_TOO_SHORT)) == bool(short)


def test_a_payment_that_the_bank_denies(bank: SandboxGateway) -> None:
    assert bank.pay_out(command(bank, ADDRESS)) == Accepted()
    assert bank.forget_payment("p")
    assert bank.lookup_payment("p") == NotFound()
    assert isinstance(bank.pay_out(command(bank, ADDRESS)), Declined)
    assert bank.forget_payment("p", False)
    assert isinstance(bank.lookup_payment("p"), PaidOut)
    assert not bank.forget_payment("nobody")


def test_it_says_what_it_holds(bank: SandboxGateway) -> None:
    assert isinstance(bank, HoldingsGateway)
    assert bank.holdings() == (FUNDS,)
    held = opened(bank, key="h", hold=True)
    assert bank.pay(held.invoice_id)
    assert bank.holdings() == (FUNDS,)


def test_it_outlives_its_process(bank: SandboxGateway, tmp_path: Path, clock: ManualClock) -> None:
    bank.fate("stuck")
    assert bank.pay_out(command(bank, ADDRESS)) == Accepted()
    other = SandboxGateway(tmp_path / "bank.db", sandbox=True, clock=clock)
    assert other.finish_payment("p")
    assert isinstance(bank.lookup_payment("p"), PaidOut)
    other.close()
