"""The log through the library's interfaces, on both stores, with the library's own test case."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.tests.persistence import ApplicationRecorderTestCase

from paidflow import PaidFlow
from paidflow.clock import SystemClock
from paidflow.flow.paid_flow import open_store
from paidflow.ids import RandomIds
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.eventlog import EventLog
from tests.wall import Note


@pytest.fixture
def log(store_url: str) -> Iterator[EventLog]:
    store = open_store(store_url)
    store.create()
    clock = SystemClock()
    yield EventLog(store, clock, RandomIds(clock))
    store.close()


def test_the_librarys_own_case(log: EventLog) -> None:
    class Case(ApplicationRecorderTestCase):  # type: ignore[type-arg]
        def create_recorder(self) -> EventLog:
            return log

        def new_originator_id(self) -> str:
            return str(uuid4())

        def runTest(self) -> None:
            self.test_insert_select()

    Case().debug()


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


def test_a_subscription_goes_on_with_what_comes_later(log: EventLog) -> None:
    def event(version: int) -> StoredEvent:
        return StoredEvent("stream", version, "topic", b"state")

    log.insert_events([event(1)])
    with log.subscribe(gt=None) as subscription:
        assert next(subscription).originator_version == 1
        log.insert_events([event(2), event(3)])
        assert [next(subscription).originator_version for _ in range(2)] == [2, 3]
        subscription.stop()
        assert list(subscription) == []


def test_a_taken_version_is_refused_whole(log: EventLog) -> None:
    first = StoredEvent("stream", 1, "topic", b"state")
    log.insert_events([first])
    with pytest.raises(IntegrityError):
        log.insert_events([StoredEvent("other", 1, "topic", b"state"), first])
    assert log.select_events("other") == []


@pytest.mark.parametrize("before", ["", "import eventsourcing.domain; "])
def test_importing_it_does_not_change_the_process(before: str) -> None:
    program = (
        f"{before}import dataclasses, logging; was = dataclasses._process_class;"
        "import paidflow.store.eventlog;"
        "assert dataclasses._process_class is was;"
        "assert logging.getLogger('psycopg').level == logging.NOTSET"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
