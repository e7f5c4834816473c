"""The job by hand with psycopg: a pool, prepared statements, two transactions per lifecycle."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import uuid4

import psycopg
from psycopg_pool import ConnectionPool

from benchmarks.gateway import BACKLOG, is_paid, new_invoice
from benchmarks.sides.base import CONNECTIONS_MAX, COPIED_ACTORS, Counts, Side, actor
from benchmarks.sides.tables import AMOUNT, count_rows, create_tables, vacuum

_PAYMENT = (
    "insert into payments (id, invoice_id, actor, amount, state, item)"
    " values (%s, %s, %s, %s, 'pending', %s)"
)
_POST = "insert into posts (id, text, visible) values (%s, %s, false)"
_PAID = (
    "update payments set state = 'paid', paid_at = now()"
    " where invoice_id = %s and state = 'pending' returning id, item"
)
_SHOW = "update posts set visible = true where id = %s"
_ZAP = "insert into zaps (id, item) values (%s, %s)"
_DEBIT = "update purses set balance = balance - %s where actor = %s and balance >= %s"
_PAID_AT_ONCE = (
    "insert into payments (id, actor, amount, state, paid_at) values (%s, %s, %s, 'paid', now())"
)
_VISIBLE_POST = "insert into posts (id, text, visible) values (%s, %s, true)"

_BACKLOG = (
    "insert into payments (id, invoice_id, actor, amount, state, item)"
    " select gen_random_uuid()::text, %s::text || n, 'actor-' || n %% %s, %s, 'pending',"
    " n %% nullif(%s, 0) from generate_series(0, %s) n"
)
_POSTS = "insert into posts (id, text, visible) select id, 'post', false from payments"


class HandWritten(Side):
    """What a careful programmer writes who needs no history."""

    loads: ClassVar[frozenset[str]] = frozenset(
        {"lifecycle", "settle", "zap", "credits", "backlog", "zap_backlog"}
    )
    autocommit = False

    def __init__(self, dsn: str, threads: int) -> None:
        super().__init__(dsn, threads)
        self.pool = ConnectionPool(
            dsn,
            kwargs={"autocommit": self.autocommit},
            min_size=min(threads, CONNECTIONS_MAX),
            max_size=min(threads, CONNECTIONS_MAX),
            open=True,
        )
        self.pool.wait()

    def create(self, *, items: int, purses: int) -> None:
        with psycopg.connect(self.dsn) as connection:
            create_tables(connection, items=items, purses=purses)

    def perform(self, n: int) -> str:
        return self._perform(n, None)

    def _perform(self, n: int, item: int | None) -> str:
        payment_id = str(uuid4())
        invoice_id = new_invoice(self.gateway, payment_id)
        with self.pool.connection() as connection:
            row = (payment_id, invoice_id, actor(n), AMOUNT, item)
            connection.execute(_PAYMENT, row, prepare=True)
            connection.execute(_POST, (payment_id, f"post {n}"), prepare=True)
        return invoice_id

    def settle(self, invoice_id: str) -> None:
        if not is_paid(self.gateway, invoice_id):
            return
        with self.pool.connection() as connection:
            found: Any = connection.execute(_PAID, (invoice_id,), prepare=True).fetchone()
            if found is None:  # somebody else was faster
                return
            payment_id, item = found
            connection.execute(_SHOW, (payment_id,), prepare=True)
            if item is not None:
                connection.execute(_ZAP, (payment_id, item), prepare=True)

    def zap(self, n: int, item: int) -> None:
        self.settle(self._perform(n, item))

    def fill_backlog(self, count: int, *, items: int) -> None:
        with psycopg.connect(self.dsn) as connection:
            connection.execute(_BACKLOG, (BACKLOG, COPIED_ACTORS, AMOUNT, items, count - 1))
            connection.execute(_POSTS)
        vacuum(self.dsn)

    def perform_from_credits(self, n: int) -> None:
        payment_id = str(uuid4())
        with self.pool.connection() as connection:
            debit = (AMOUNT, actor(n), AMOUNT)
            if connection.execute(_DEBIT, debit, prepare=True).rowcount != 1:
                raise AssertionError("the purse has not enough")
            connection.execute(_PAID_AT_ONCE, (payment_id, actor(n), AMOUNT), prepare=True)
            connection.execute(_VISIBLE_POST, (payment_id, f"post {n}"), prepare=True)

    def counts(self) -> Counts:
        with psycopg.connect(self.dsn) as connection:
            return count_rows(connection)

    def close(self) -> None:
        self.pool.close()
