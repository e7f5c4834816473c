"""Signals from the log: none is lost, whatever raises or dies."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.dispatch import Signal
from django.test import override_settings

from paidflow import PaidFlow, State
from paidflow.contrib.django import signals
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states import events as e
from paidflow.testing import ManualClock
from tests.flow.support import expired, invoice_of
from tests.views.support import paid_notes
from tests.waiting import wait_until
from tests.wall import CarefulNote, Note

Configure = Callable[..., PaidFlow]
ROOT = Path(__file__).parents[3]


class Heard:
    """Notes what it is told; raises so many times before that."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.raises = 0

    def hear(self, **told: Any) -> None:
        if self.raises:
            self.raises -= 1
            raise ZeroDivisionError
        self.told.append(told)

    def names(self) -> list[str]:
        return [told["event"].name.removeprefix("paid-action.") for told in self.told]


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()
    for sent in signals.SIGNALS.values():
        sent.connect(heard.hear)
    yield heard
    for sent in signals.SIGNALS.values():
        sent.disconnect(heard.hear)


def work() -> None:
    call_command("paidflow_work", "--once")


def test_what_a_receiver_is_told(
    configure: Configure, sandbox: SandboxGateway, heard: Heard
) -> None:
    """Also what happened before a worker ran for the first time."""
    flow = configure()
    (action_id,) = paid_notes(flow, sandbox, 1)
    work()
    asked, paid = heard.told
    assert heard.names() == ["requested", "paid"]
    assert (asked["signal"], paid["signal"]) == (signals.action_requested, signals.action_paid)
    assert paid["sender"] is Note
    assert (paid["action_id"], paid["actor"]) == (action_id, "ann")
    assert isinstance(paid["event"], e.Paid)
    assert asked["message_id"] != paid["message_id"]
    work()
    assert len(heard.told) == 2


def test_every_signal(
    configure: Configure, sandbox: SandboxGateway, heard: Heard, clock: ManualClock
) -> None:
    flow = configure()
    receipt = expired(flow, sandbox, CarefulNote(text="gm"))
    sandbox.pay(invoice_of(receipt), late=True)
    flow.sync("sandbox", invoice_of(receipt))
    flow.resolve(receipt.action_id, "dismiss", operator="olga", why="she pays again")
    sandbox.pay(invoice_of(flow.retry(receipt.action_id, actor="ann")))
    work()
    assert {told["signal"] for told in heard.told} == set(signals.SIGNALS.values())
    everything = [value for value in vars(signals).values() if isinstance(value, Signal)]
    assert len(everything) == len(signals.SIGNALS)
    asked = ["requested", "failed", "attention-asked", "attention-resolved"]
    assert heard.names() == [*asked, "retry-requested", "paid"]


def test_a_receiver_that_raises_is_told_again(
    configure: Configure, sandbox: SandboxGateway, heard: Heard, clock: ManualClock
) -> None:
    paid_notes(configure(), sandbox, 1)
    heard.raises = 1
    work()
    assert heard.names() == []
    clock.tick(10)
    work()
    assert heard.names() == ["requested", "paid"]


def test_what_is_rolled_back_is_not_told(configure: Configure, heard: Heard) -> None:
    flow = configure()
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    with transaction.atomic():
        flow.perform(prepared, tx=connection)
        transaction.set_rollback(True)
    work()
    assert heard.names() == []


def test_receivers_of_one_action_only(configure: Configure, sandbox: SandboxGateway) -> None:
    flow, heard = configure(), Heard()
    signals.action_paid.connect(heard.hear, sender=CarefulNote)
    paid_notes(flow, sandbox, 1)
    receipt = flow.perform(CarefulNote(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    work()
    signals.action_paid.disconnect(heard.hear, sender=CarefulNote)
    assert [told["action_id"] for told in heard.told] == [receipt.action_id]


def test_kinds_that_are_gone_have_no_sender(
    configure: Configure, sandbox: SandboxGateway, heard: Heard
) -> None:
    paid_notes(configure(), sandbox, 1)
    with override_settings(PAIDFLOW=settings.PAIDFLOW | {"ACTIONS": [CarefulNote]}):
        work()
    assert [told["sender"] for told in heard.told] == [None, None]


# Processes that die.


@pytest.fixture
def start(store_url: str, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(point: str = "", count: int = 0, once: bool = True) -> subprocess.Popen[str]:
        job = {"url": store_url, "bank": str(tmp_path / "bank.db"), "point": point}
        job |= {"notebook": str(tmp_path / "notebook"), "count": count, "once": once}
        command = [sys.executable, "-m", "tests.contrib.django.child", json.dumps(job)]
        started.append(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("point", "repeated"),
    [
        ("deliveries.queue.after", 0),
        ("deliveries.send.before", 0),
        ("deliveries.send.after", 1),
        ("deliveries.acknowledge.before", 1),
        ("deliveries.acknowledge.after", 0),
    ],
)
def test_none_is_lost_when_a_worker_is_killed(
    configure: Configure,
    sandbox: SandboxGateway,
    clock: ManualClock,
    tmp_path: Path,
    start: Callable[..., subprocess.Popen[str]],
    heard: Heard,
    point: str,
    repeated: int,
) -> None:
    (action_id,) = paid_notes(configure(), sandbox, 1)  # of several the threads would race
    died = start(point, 1)
    _, complaint = died.communicate(timeout=120)
    assert died.returncode == -signal.SIGKILL, complaint
    notebook = tmp_path / "notebook"
    before = notebook.read_text().splitlines() if notebook.exists() else []
    clock.tick(121)  # past the lease
    work()
    after = [f"{of['message_id']} {of['action_id']} {of['event'].name}" for of in heard.told]
    assert len(set(before) & set(after)) == repeated
    told = [line.split()[1:] for line in dict.fromkeys([*before, *after])]
    assert told == [[action_id, "paid-action.requested"], [action_id, "paid-action.paid"]]


def test_a_worker_works_until_it_is_told_to_stop(
    configure: Configure,
    sandbox: SandboxGateway,
    tmp_path: Path,
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    flow = configure()
    receipt = flow.perform(Note(text="gm"), actor="ann")
    working = start(once=False)
    notebook = tmp_path / "notebook"
    _wait(lambda: notebook.exists() and "requested" in notebook.read_text(), working)
    assert sandbox.pay(invoice_of(receipt))
    _wait(lambda: "paid-action.paid" in notebook.read_text(), working)
    working.send_signal(signal.SIGTERM)
    _, complaint = working.communicate(timeout=60)
    assert working.returncode == 0, complaint
    assert flow.get(receipt.action_id, actor="ann").state is State.PAID


def _wait(done: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    def lives() -> None:
        assert process.poll() is None, process.communicate()

    wait_until(done, meanwhile=lives)
