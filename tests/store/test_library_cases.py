"""The tests that the eventsourcing library ships for persistence modules, on both stores.

Ids are text here, as they are in the log. Three of the shipped cases write versions from 0, which
the log allows. The case for subscriptions is optional in the library; it runs here too. The cases
that only measure speed are left out: they assert nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from unittest import TestCase
from uuid import uuid4

import pytest
from eventsourcing.tests import application as shipped_application
from eventsourcing.tests import persistence as shipped
from eventsourcing.utils import Environment

from paidflow.ids import RandomIds
from paidflow.store.contract import Store
from paidflow.store.eventlog import EventLog
from paidflow.store.opening import open_store
from paidflow.store.persistence import Factory
from paidflow.store.streams import Snapshots, Streams
from paidflow.store.tracking import ProcessLog, TrackedView

MODULE = "paidflow.store.persistence"


class View(TrackedView):
    """A view of an application."""


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url)
    opened.create()
    yield opened
    opened.close()


def recorder_of(store: Store, kind: type[Any]) -> Any:
    ids = RandomIds(store)
    if kind is TrackedView:
        return TrackedView(store, "view")
    return kind(store, store, ids, "process") if kind is ProcessLog else kind(store, store, ids)


CASES = [
    (Streams, shipped.AggregateRecorderTestCase, "test_insert_and_select"),
    (Snapshots, shipped.AggregateRecorderTestCase, "test_insert_and_select"),
    (EventLog, shipped.ApplicationRecorderTestCase, "test_insert_select"),
    (EventLog, shipped.ApplicationRecorderTestCase, "test_concurrent_no_conflicts"),
    (EventLog, shipped.ApplicationRecorderTestCase, "test_concurrent_throughput"),
    (EventLog, shipped.ApplicationRecorderTestCase, "optional_test_insert_subscribe"),
    (TrackedView, shipped.TrackingRecorderTestCase, "test_insert_tracking"),
    (TrackedView, shipped.TrackingRecorderTestCase, "test_wait"),
    (ProcessLog, shipped.TrackingRecorderTestCase, "test_insert_tracking"),
    (ProcessLog, shipped.TrackingRecorderTestCase, "test_wait"),
    (ProcessLog, shipped.ApplicationRecorderTestCase, "test_insert_select"),
    (ProcessLog, shipped.ProcessRecorderTestCase, "test_insert_select"),
    (ProcessLog, shipped.ProcessRecorderTestCase, "test_has_tracking_id"),
    (ProcessLog, shipped.ProcessRecorderTestCase, "test_raises_when_lower_inserted_later"),
    (EventLog, shipped.NonInterleavingNotificationIDsBaseCase, "test"),
]


@pytest.mark.parametrize(
    ("kind", "case", "name"), CASES, ids=[f"{k.__name__}-{c.__name__}-{n}" for k, c, n in CASES]
)
def test_recorder(store: Store, kind: type[Any], case: type[TestCase], name: str) -> None:
    class Case(case):  # type: ignore[misc,valid-type]
        def create_recorder(self) -> Any:
            return recorder_of(store, kind)

        def new_originator_id(self) -> str:
            return str(uuid4())

    Case(name).debug()


def test_every_shipped_case_that_asserts_something_is_run() -> None:
    wanted = {
        (case, name)
        for case in vars(shipped).values()
        if isinstance(case, type) and case.__module__ == shipped.__name__
        if re.search(r"(Recorder|IDsBase)(Test)?Case$", case.__name__)
        for name in vars(case)
        if re.match(r"(optional_)?test(?!_performance)", name)
    }
    assert len(wanted) == 11
    assert wanted == {(case, name) for _, case, name in CASES}


class FactoryCase:
    """Holds the case, which pytest must not collect: it has no environment yet."""

    class Case(shipped.InfrastructureFactoryTestCase[Factory]):
        def expected_factory_class(self) -> type[Factory]:
            return Factory

        def expected_aggregate_recorder_class(self) -> type[Streams]:
            return Streams

        def expected_application_recorder_class(self) -> type[EventLog]:
            return EventLog

        def expected_tracking_recorder_class(self) -> type[TrackedView]:
            return TrackedView

        def tracking_recorder_subclass(self) -> type[View]:
            return View

        def expected_process_recorder_class(self) -> type[ProcessLog]:
            return ProcessLog


FACTORY_CASES = [name for name in dir(FactoryCase.Case) if name.startswith("test_")]


@pytest.mark.parametrize("name", FACTORY_CASES)
def test_factory(store_url: str, name: str) -> None:
    class Case(FactoryCase.Case):
        env = Environment("TestCase", env={"PERSISTENCE_MODULE": MODULE, "PAIDFLOW_URL": store_url})

    Case(name).debug()


def test_the_example_application(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Case(shipped_application.ExampleApplicationTestCase):
        expected_factory_topic = f"{MODULE}:Factory"

    monkeypatch.setenv("PERSISTENCE_MODULE", MODULE)
    monkeypatch.setenv("PAIDFLOW_URL", store_url)
    Case("test_example_application").debug()
