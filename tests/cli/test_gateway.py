from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from paidflow import Money, PaidFlow, Worker, sats
from paidflow.errors import InvalidArguments, InvalidConfiguration
from paidflow.flow.breaker import FAILURES_MAX
from paidflow.operating.gateway_check import check_gateway
from paidflow.operating.health import Level
from paidflow.payments import contract as c
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.cli.conftest import Run
from tests.wall import HeldNote, Note, open_wall


def test_a_gateway_that_works(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    done = run("gateway", "check")
    assert done.stdout.splitlines() == [
        "good      sandbox supports: cancel, hold, holdings, pay_out, refund, updates,"
        " webhooks; takes BTC; account sandbox",
        "good      sandbox invoice: one of 1 sats was opened",
        "good      sandbox invoice: a lookup shows it: open",
        "good      sandbox invoice: a lookup shows it: cancelled",
        "good      sandbox hold invoice: one of 1 sats was opened",
        "good      sandbox hold invoice: a lookup shows it: open",
        "good      sandbox hold invoice: a lookup shows it: cancelled",
    ]
    assert [(book.amount, book.status) for book in bank.books()] == [(sats(1), "cancelled")] * 2


def test_it_is_tried_in_maintenance_too(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    flow.begin_maintenance("sandbox", why="a new disk")
    run("gateway", "check", "sandbox", "--amount", "7000BTC")
    assert [book.amount for book in bank.books()] == [sats(7)] * 2


def test_a_gateway_that_is_gone(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    bank.outage(True)
    done = run("gateway", "check", "sandbox", code=1)
    assert "failed    sandbox invoice: it could not be asked for one: outage" in done.stdout
    assert done.stdout.count("failed") == 2


def test_what_does_not_fit(run: Run, flow: PaidFlow) -> None:
    assert "no gateway 'shop'" in run("gateway", "check", "shop", code=2).stderr
    assert "no amount" in run("gateway", "check", "--amount", "lots", code=2).stderr
    assert "does not take EUR" in run("gateway", "check", "--amount", "100EUR", code=2).stderr
    assert "--reason" in run("gateway", "maintenance", "sandbox", "on", code=2).stderr
    wrong = run("gateway", "maintenance", "shop", "on", "--reason", "x", code=2)
    assert "no gateway 'shop'" in wrong.stderr


def test_maintenance(run: Run, flow: PaidFlow) -> None:
    on = run("gateway", "maintenance", "sandbox", "on", "--reason", "a new disk")
    assert on.stdout == "sandbox gets no new business\n"
    assert "a new disk" in run("gateway", "list").stdout
    assert "maintenance" in run("doctor", code=1).stdout
    off = run("gateway", "maintenance", "sandbox", "off")
    assert off.stdout == "sandbox gets new business again\n"
    assert run("gateway", "maintenance", "sandbox", "off").stdout == (
        "sandbox was not in maintenance\n"
    )
    assert "a new disk" not in run("gateway", "list").stdout


def test_the_list_says_what_a_worker_saw(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    head, line = run("gateway", "list").stdout.splitlines()
    assert head.split() == (
        [
            "gateway",
            "breaker",
            "down",
            "since",
            "why",
            "maintenance",
            "since",
            "why",
            "last",
            "answer",
            "webhooks",
            "refused",
        ]
    )
    assert line.split() == ["sandbox", "closed", "-", "-", "-", "-", "-", "0"]
    flow.perform(HeldNote(text="hm"), actor="ann")
    bank.outage(True)
    for _ in range(FAILURES_MAX):
        flow.gateways.lookup("sandbox", "x")
    Worker(flow).run_once()
    _, line = run("gateway", "list").stdout.splitlines()
    assert line.split()[:2] == ["sandbox", "open"]
    assert "outage" in line
    assert "does not answer since" in run("doctor", code=1).stdout


# What else a check may show.


def broken(**says: Any) -> Callable[[ManualClock], SandboxGateway]:
    """A bank some of whose calls say something else."""

    def make(clock: ManualClock) -> SandboxGateway:
        bank: Any = SandboxGateway(":memory:", sandbox=True, clock=clock)
        for call, answer in says.items():
            setattr(bank, call, lambda _, answer=answer: answer)
        return bank

    return make


NO_KEY = "api_key is not accepted (status 401)"
BROKEN = {
    "the wrong key": (
        broken(open=c.NotSent(NO_KEY)),
        f"it could not be asked for one: {NO_KEY}",
    ),
    "too little": (
        broken(open=c.Declined("amount_too_small")),
        "the gateway answers, and declines one of 1 sats: amount_too_small",
    ),
    "no lookups": (broken(lookup=c.Unreachable(NO_KEY)), f"it cannot be looked up: {NO_KEY}"),
    "forgetful": (broken(lookup=c.NotFound()), "a lookup shows something else: notfound"),
    "not closed": (
        broken(cancel=c.NotSent("macaroon does not allow this (status 403)")),
        "it was not closed: macaroon does not allow this (status 403)",
    ),
    "says that it closes": (broken(cancel=c.Accepted()), "it was not closed: Accepted"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_failure_is_a_sentence(clock: ManualClock, what: str) -> None:
    make, sentence = BROKEN[what]
    with open_wall("sqlite:///:memory:", {"bank": make(clock)}, clock=clock) as flow:
        found = list(check_gateway(flow, "bank"))
    assert sentence in [one.sentence for one in found if one.level is Level.CRITICAL]


class Logged(Note):
    """A note of those who are logged in, so it needs no hold."""

    kind = "logged"
    anonymous = False


def test_a_gateway_that_closes_nothing(clock: ManualClock) -> None:
    bank = SandboxGateway(":memory:", sandbox=True, clock=clock, hold=False, close_grace_s=60)
    with open_wall("sqlite:///:memory:", {"bank": bank}, clock=clock, actions=[Logged]) as flow:
        found = list(check_gateway(flow, "bank"))
        assert {one.level for one in found} == {Level.GOOD}
        assert "until it expires" in found[-1].sentence
        with pytest.raises(InvalidConfiguration):
            check_gateway(flow, "shop")
        with pytest.raises(InvalidArguments):
            check_gateway(flow, "bank", Money(100, "EUR"))


def test_nothing_is_stored(run: Run, flow: PaidFlow) -> None:
    run("gateway", "check")
    with flow.store.reading() as tx:
        for table in ("paidflow_actions", "paidflow_attempts", "paidflow_events"):
            assert tx.execute(f"select 1 from {table}").fetchall() == []


def test_doctor_as_json(run: Run, flow: PaidFlow) -> None:
    flow.begin_maintenance("sandbox", why="a new disk")
    told = json.loads(run("doctor", "--json", code=1).stdout)
    names = {one["name"]: one["level"] for one in told["findings"]}
    assert names["maintenance sandbox"] == "warning"
