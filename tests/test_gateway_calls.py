"""The one way to a gateway: never inside a transaction, and an exception is an answer."""

from __future__ import annotations

import contextvars
import logging
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from paidflow import Context, PaidFlow, sats
from paidflow.errors import NetworkInTransaction, TransactionOpen
from paidflow.flow.gateways import Gateways
from paidflow.payments.contract import (
    CancelCommand,
    CaptureCommand,
    NotSent,
    OpenCommand,
    PayOutCommand,
    Unknown,
    Unreachable,
    Updates,
)
from paidflow.payments.sandbox import SandboxGateway
from tests.flow.support import invoice_of
from tests.wall import Note

OPEN = OpenCommand("k", sats(10), False, None, "a line", 600)
PAY_OUT = PayOutCommand(
    "k", "sandbox-address:bob", "p", sats(10), sats(1), datetime(2040, 1, 1, tzinfo=UTC)
)
CALLS: dict[str, Callable[[Gateways], Any]] = {
    "open": lambda g: g.open("sandbox", OPEN),
    "lookup": lambda g: g.lookup("sandbox", "x").lookup,
    "capture": lambda g: g.capture("sandbox", CaptureCommand("x", "k", sats(10))),
    "cancel": lambda g: g.cancel("sandbox", CancelCommand("x", "k")),
    "updates": lambda g: g.updates("sandbox", "7"),
    "pay_out": lambda g: g.pay_out("sandbox", PAY_OUT),
    "lookup_payment": lambda g: g.lookup_payment("sandbox", "p").lookup,
    "holdings": lambda g: g.holdings("sandbox"),
}


@pytest.mark.parametrize("call", CALLS)
def test_not_inside_a_transaction(flow: PaidFlow, sandbox: SandboxGateway, call: str) -> None:
    for open_one in (lambda: flow.store.transaction("test"), flow.store.reading):
        with open_one(), pytest.raises(NetworkInTransaction):
            CALLS[call](flow.gateways)
    assert sandbox.calls() == []
    CALLS[call](flow.gateways)
    assert len(sandbox.calls()) == 1


def test_not_inside_a_transaction_that_was_joined(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    with (
        flow.store.transaction("test") as tx,
        flow.store.join(tx.raw),
        pytest.raises(NetworkInTransaction),
    ):
        CALLS["lookup"](flow.gateways)
    assert sandbox.calls() == []


def test_not_inside_somebody_elses_transaction(tmp_path: Any, sandbox: SandboxGateway) -> None:
    from tests.wall import open_wall

    flow = open_wall(f"sqlite:///{tmp_path / 'f.db'}", {"sandbox": sandbox})
    own = sqlite3.connect(tmp_path / "f.db")
    with flow.store.join(own), pytest.raises(NetworkInTransaction):
        CALLS["open"](flow.gateways)
    CALLS["open"](flow.gateways)
    own.close()
    flow.close()


def test_it_is_free_again_after_an_error(flow: PaidFlow) -> None:
    with pytest.raises(ZeroDivisionError), flow.store.transaction("test"):
        raise ZeroDivisionError
    CALLS["lookup"](flow.gateways)


def test_others_are_free(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    outside = contextvars.copy_context()
    with flow.store.reading():
        thread = threading.Thread(target=CALLS["lookup"], args=(flow.gateways,))
        thread.start()
        thread.join()
        outside.run(CALLS["lookup"], flow.gateways)
    assert len(sandbox.calls()) == 2


HOOKS: dict[str, Callable[[PaidFlow, str], Any]] = {
    "sync": lambda flow, invoice: flow.sync("sandbox", invoice),
    "gateway": lambda flow, invoice: flow.gateways.lookup("sandbox", invoice),
    "perform": lambda flow, _: flow.perform(Note(text="in a hook"), actor="bob"),
    "grant": lambda flow, _: flow.grant("bob", sats(1), key="in a hook"),
    "balance": lambda flow, _: flow.balance("bob"),
}


@pytest.mark.parametrize("what", HOOKS)
def test_a_hook_that_goes_its_own_way(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """It would wait for its own transaction, for ever; so it is told."""
    earlier = flow.perform(Note(text="gm"), actor="ann")
    calls = len(sandbox.calls())

    def perform(self: Note, ctx: Context) -> None:
        HOOKS[what](flow, invoice_of(earlier))

    monkeypatch.setattr(Note, "perform", perform)
    flow.grant("ann", sats(10), key="g")
    with pytest.raises((NetworkInTransaction, TransactionOpen)):
        flow.perform(Note(text="gm"), actor="ann")
    assert flow.balance("ann") == sats(10)
    assert len(sandbox.calls()) == calls


def test_one_transaction_at_a_time(flow: PaidFlow) -> None:
    with flow.store.transaction("outer"):
        with pytest.raises(TransactionOpen), flow.store.transaction("inner"):
            pass
        with pytest.raises(TransactionOpen), flow.store.reading():
            pass
    with flow.store.reading():
        pass


RAISED = {
    "open": Unknown("RuntimeError"),
    "lookup": Unreachable("RuntimeError"),
    "capture": Unknown("RuntimeError"),
    "cancel": Unknown("RuntimeError"),
    "updates": Updates((), "7"),
    "pay_out": Unknown("RuntimeError"),
    "lookup_payment": Unreachable("RuntimeError"),
    "holdings": Unreachable("RuntimeError"),
}


@pytest.mark.parametrize("call", CALLS)
def test_an_exception_is_an_answer_and_its_text_is_not_logged(
    flow: PaidFlow,
    sandbox: SandboxGateway,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    call: str,
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("macaroon 0123456789abcdef")

    monkeypatch.setattr(sandbox, call, explode)
    caplog.set_level(logging.DEBUG)
    assert CALLS[call](flow.gateways) == RAISED[call]
    assert "macaroon" not in caplog.text
    assert "RuntimeError" in caplog.text


@pytest.mark.parametrize("call", CALLS)
def test_a_gateway_that_is_not_configured(call: str) -> None:
    answer = CALLS[call](Gateways({}))
    if call in ("lookup", "lookup_payment", "holdings"):
        assert isinstance(answer, Unreachable)
    elif call == "updates":
        assert answer == Updates((), "7")
    else:
        assert isinstance(answer, NotSent)


def test_what_a_gateway_says_about_transactions_is_not_swallowed(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def confused(*_: object) -> None:
        raise NetworkInTransaction("a gateway in a gateway")

    monkeypatch.setattr(sandbox, "lookup", confused)
    with pytest.raises(NetworkInTransaction):
        flow.gateways.lookup("sandbox", "x")
