"""The log through the library's interface, on both stores, next to what actions write."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from eventsourcing.persistence import IntegrityError, ProgrammingError, StoredEvent

from paidflow import PaidFlow, State
from paidflow.clock import SystemClock
from paidflow.ids import RandomIds
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.eventlog import EventLog
from paidflow.store.opening import open_store
from tests.wall import Note


@pytest.fixture
def log(store_url: str) -> Iterator[EventLog]:
    store = open_store(store_url)
    store.create()
    clock = SystemClock()
    yield EventLog(store, clock, RandomIds(clock))
    store.close()


def test_it_shows_what_actions_did(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.pay(receipt.invoice_id or "")
    flow.sync("sandbox", receipt.invoice_id or "")
    log = EventLog(flow.store, flow.clock, flow.ids)
    topics = [event.topic for event in log.select_events(receipt.action_id)]
    assert topics == [
        "paid-action.requested@1",
        "paid-action.invoice-attached@1",
        "paid-action.payment-seen@1",
        "paid-action.paid@1",
    ]
    seen = log.select_notifications(None, 10, topics=["paid-action.paid@1"])
    assert [notification.originator_id for notification in seen] == [receipt.action_id]
    assert log.max_notification_id() == seen[-1].id


def test_a_taken_version_is_refused_whole(log: EventLog) -> None:
    first = StoredEvent("stream", 1, "topic", b"state")
    log.insert_events([first])
    with pytest.raises(IntegrityError):
        log.insert_events([StoredEvent("other", 1, "topic", b"state"), first])
    assert log.select_events("other") == []


def test_nobody_else_writes_the_history_of_an_action(flow: PaidFlow) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    log = EventLog(flow.store, flow.clock, flow.ids)
    with pytest.raises(ProgrammingError, match="an action of paidflow"):
        log.insert_events([StoredEvent(receipt.action_id, 9, "topic", b"state")])
    assert len(log.select_events(receipt.action_id)) == 2
    assert flow.cancel(receipt.action_id, actor="ann").state is State.FAILED


AGGREGATE = """
import logging
from dataclasses import dataclass, field
from eventsourcing.domain import Aggregate

@dataclass
class Dog(Aggregate):
    name: str
    tricks: list = field(default_factory=list, init=False)

(created,) = Dog(name="Rex").collect_events()
print(sorted(vars(created)), repr(Dog(name="Rex")).partition("=")[0])
assert logging.getLogger("psycopg").level == logging.NOTSET
"""


def test_aggregates_are_the_same_whatever_is_imported_first() -> None:
    orders = ["", "import eventsourcing.domain, ", "import "]
    modules = ["", "paidflow.store.persistence", "paidflow.store.persistence"]
    printed = {
        subprocess.run(
            [sys.executable, "-c", f"{order}{module}\n{AGGREGATE}"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for order, module in zip(orders, modules, strict=True)
    }
    assert len(printed) == 1
    assert "Dog(id" in printed.pop()
