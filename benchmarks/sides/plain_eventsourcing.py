"""The job on the eventsourcing library: its PostgreSQL recorder and its default settings.

The view is written inside the transaction that inserts the events, with the extra arguments that
the library passes on to its recorder. That is the cheapest way it offers: a projection would cost
a second transaction for each event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder
from psycopg.conninfo import conninfo_to_dict

from benchmarks.gateway import PRICE, is_paid, new_invoice
from benchmarks.sides.base import Counts, Side, actor

_TABLE = "create table posts (id text primary key, text text not null, visible boolean not null)"
_POST = "insert into posts (id, text, visible) values (%s, %s, false)"
_SHOW = "update posts set visible = true where id = %s"


class Payment(Aggregate):
    """A payment of two events; its id follows from the invoice, so it is found by it."""

    @staticmethod
    def create_id(invoice_id: str) -> UUID:
        return uuid5(NAMESPACE_URL, invoice_id)

    @event("Opened")
    def __init__(self, invoice_id: str, actor: str, amount: int) -> None:
        self.invoice_id = invoice_id
        self.actor = actor
        self.amount = amount
        self.paid = False

    @event("Settled")
    def settle(self) -> None:
        self.paid = True


class Recorder(PostgresApplicationRecorder):
    """The library's recorder; it also runs one statement on the view."""

    def _insert_events(
        self, curs: Any, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> None:
        super()._insert_events(curs, stored_events, **kwargs)
        statement, *params = kwargs["view"]
        curs.execute(statement, params, prepare=True)


class PlainEventsourcing(Side):
    """One aggregate per payment, saved by an ``Application``."""

    def __init__(self, dsn: str, threads: int) -> None:
        super().__init__(dsn, threads)
        parts = conninfo_to_dict(dsn)
        self._application = Application[UUID](
            env={
                "PERSISTENCE_MODULE": "eventsourcing.postgres",
                "APPLICATION_RECORDER_TOPIC": f"{__name__}:Recorder",
                "POSTGRES_DBNAME": str(parts["dbname"]),
                "POSTGRES_HOST": str(parts["host"]),
                "POSTGRES_PORT": str(parts["port"]),
                "POSTGRES_USER": str(parts["user"]),
                "POSTGRES_PASSWORD": str(parts.get("password") or "none"),
            }
        )

    def create(self, *, items: int, purses: int) -> None:
        with psycopg.connect(self.dsn) as connection:
            connection.execute(_TABLE)

    def perform(self, n: int) -> str:
        invoice_id = new_invoice(self.gateway, str(n))
        payment = Payment(invoice_id, actor(n), PRICE.amount)
        self._application.save(payment, view=(_POST, str(payment.id), f"post {n}"))
        return invoice_id

    def settle(self, invoice_id: str) -> None:
        if not is_paid(self.gateway, invoice_id):
            return
        payment = self._application.repository.get(Payment.create_id(invoice_id))
        assert isinstance(payment, Payment)
        if not payment.paid:
            payment.settle()
            self._application.save(payment, view=(_SHOW, str(payment.id)))

    def counts(self) -> Counts:
        paid = sum(
            notification.topic.endswith("Settled")
            for notification in self._application.recorder.select_notifications(1, 10**9)
        )
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute("select count(*) from posts where visible").fetchone()
        assert row is not None
        return Counts(paid, row[0])

    def close(self) -> None:
        self._application.close()
