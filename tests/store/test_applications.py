"""Programs on the eventsourcing library next to paidflow: one log, one database, both stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import pytest
from eventsourcing.application import AggregateNotFoundError, Application, ProcessingEvent
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError, ProgrammingError, Tracking
from eventsourcing.projection import (
    EventSourcedProjection,
    EventSourcedProjectionRunner,
    Projection,
    ProjectionRunner,
)
from eventsourcing.system import ProcessApplication, SingleThreadedRunner, System
from eventsourcing.tests import projection as shipped

from paidflow import PaidFlow, State, sats
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.events import Paid
from paidflow.store.mapper import ActionEvent
from paidflow.store.opening import open_store
from paidflow.store.tracking import TrackedView
from tests.wall import Note

SECONDS_MAX = 30
CREATE = "create table takings (actor text primary key, sats bigint not null)"


class Friend(Aggregate):
    """An aggregate of the application's own, with a UUID."""

    @event("Met")
    def __init__(self, name: str) -> None:
        self.name = name
        self.gifts = 0

    @event("GiftGiven")
    def give(self) -> None:
        self.gifts += 1


class Friends(Application[UUID]):
    """Keeps friends, and snapshots of them."""

    is_snapshotting_enabled = True


class Paid_(TrackedView):
    """How many actions were paid, and how many friends were made."""

    def count(self, what: str, tracking: Tracking) -> None:
        with self.tracking(tracking) as tx:
            tx.execute(
                "insert into takings (actor, sats) values (:what, 1)"
                " on conflict (actor) do update set sats = takings.sats + 1",
                what=what,
            )

    def counts(self) -> dict[str, int]:
        with self.reading() as tx:
            rows = tx.execute("select actor, sats from takings").fetchall()
        return {row["actor"]: row["sats"] for row in rows}


class Counting(Projection[Paid_]):
    """Reads what paidflow and the application write, from one log."""

    @singledispatchmethod
    def process_event(self, domain_event: object, tracking: Tracking) -> None:
        pass

    @process_event.register
    def _(self, action: ActionEvent, tracking: Tracking) -> None:
        self.view.count(action.event.name, tracking)

    @process_event.register
    def _(self, met: Friend.Met, tracking: Tracking) -> None:
        self.view.count("met", tracking)
