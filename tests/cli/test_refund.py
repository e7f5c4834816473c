from __future__ import annotations

import pytest

from paidflow import Money, PaidFlow, State, msats, sats
from paidflow.cli.refund import as_money
from paidflow.errors import InvalidArguments
from paidflow.payments.sandbox import SandboxGateway
from tests.cli.conftest import Run
from tests.flow.support import again, expired, paid, pay
from tests.wall import CarefulNote, Note

WHY = ("--why", "it was broken")


def test_a_part_and_then_the_rest(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    receipt = paid(flow, bank, Note(text="gm"))
    said = run("refund", receipt.action_id, "--amount", "4 sats", *WHY).stdout
    assert said == f"{receipt.action_id} is PAID; 4 sats went back\n"
    said = run("refund", receipt.action_id, *WHY).stdout
    assert said == f"{receipt.action_id} is REFUNDED; 10 sats went back\n"
    told = run("explain", receipt.action_id).stdout
    assert "operator eve, why it was broken" in told
    assert "The money went back or is contested" in told
    assert "nothing is left" in run("refund", receipt.action_id, *WHY, code=2).stderr


def test_the_same_key_gives_back_once(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    receipt = paid(flow, bank, Note(text="gm"))
    part = ("refund", receipt.action_id, "--amount", "4 sats", "--key", "ticket 7", *WHY)
    assert run(*part).stdout == f"{receipt.action_id} is PAID; 4 sats went back\n"
    said = run(*part).stdout
    assert "this key was used before, so nothing is new; 4 sats went back" in said
    assert "other arguments" in run("refund", *part[1:3], "5 sats", *part[4:], code=2).stderr
    assert bank.total_reversed() == sats(4)


def test_what_the_gateway_does_not_show(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    receipt = paid(flow, bank, Note(text="gm"))
    bank.fault("refund", "time_out_before")
    said = run("refund", receipt.action_id, *WHY).stdout
    assert said.startswith(f"{receipt.action_id} is PAID; 10 sats were asked for at the gateway")


def test_what_is_refused(run: Run, flow: PaidFlow) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    assert "Only what was paid" in run("refund", receipt.action_id, *WHY, code=2).stderr
    assert "no such action" in run("refund", "nothing", *WHY, code=2).stderr
    assert "is no amount" in run("refund", "a", "--amount", "much", *WHY, code=2).stderr
    assert "--why" in run("refund", receipt.action_id, code=2).stderr


def test_late_money_is_sent_back(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    receipt = expired(flow, bank, CarefulNote(text="gm"))
    pay(flow, bank, receipt, late=True)
    assert "accept, credit, refund, dismiss" in run("attention").stdout
    run("resolve", receipt.action_id, "refund", *WHY)
    assert (again(flow, receipt).state, bank.total_reversed()) == (State.FAILED, sats(10))
    assert run("attention").stdout == "nothing waits for a person\n"


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("5 sats", sats(5)),
        ("1500 msats", msats(1500)),
        ("2.50 EUR", Money(250, "EUR")),
        ("2 EUR", Money(200, "EUR")),
        (" 7JPY ", Money(7, "JPY")),
        ("-0.5 USD", Money(-50, "USD")),
        ("1.234 KWD", Money(1234, "KWD")),
    ],
)
def test_amounts(text: str, amount: Money) -> None:
    assert as_money(text) == amount


@pytest.mark.parametrize(
    "text", ["5", "", "sats", "1.5 sats", "2.505 EUR", "1.0 JPY", "1 euro", "٣ sats"]
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(InvalidArguments):
        as_money(text)
