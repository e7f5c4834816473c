"""The hand-written job, tuned: one statement and one round trip for each of the two steps."""

from __future__ import annotations

from typing import ClassVar
from uuid import uuid4

from benchmarks.gateway import is_paid, new_invoice
from benchmarks.sides.base import actor
from benchmarks.sides.hand_written import HandWritten
from benchmarks.sides.tables import AMOUNT

_PERFORM = (
    "with payment as (insert into payments (id, invoice_id, actor, amount, state)"
    " values (%s, %s, %s, %s, 'pending') returning id)"
    " insert into posts (id, text, visible) select id, %s, false from payment"
)
_SETTLE = (
    "with payment as (update payments set state = 'paid', paid_at = now()"
    " where invoice_id = %s and state = 'pending' returning id)"
    " update posts set visible = true from payment where posts.id = payment.id"
)


class HandTuned(HandWritten):
    """Common table expressions in autocommit, so that BEGIN and COMMIT cost no round trip."""

    loads: ClassVar[frozenset[str]] = frozenset({"lifecycle", "settle"})
    autocommit = True

    def perform(self, n: int) -> str:
        payment_id = str(uuid4())
        invoice_id = new_invoice(self.gateway, payment_id)
        row = (payment_id, invoice_id, actor(n), AMOUNT, f"post {n}")
        with self.pool.connection() as connection:
            connection.execute(_PERFORM, row, prepare=True)
        return invoice_id

    def settle(self, invoice_id: str) -> None:
        if is_paid(self.gateway, invoice_id):
            with self.pool.connection() as connection:
                connection.execute(_SETTLE, (invoice_id,), prepare=True)
