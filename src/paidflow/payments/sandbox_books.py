"""The books of the sandbox bank: the truth about every invoice, and what the application called."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from paidflow.money import Money
from paidflow.payments.sandbox_controls import PAYABLE, Record, SandboxControls

_COUNT_CALLS = """
    SELECT operation, key, count(*) FROM calls
    WHERE invoice_id = ? OR (operation = 'open' AND key = ?)
    GROUP BY operation, key
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the application.

    Args:
        operation: what it asked for.
        invoice_id: the invoice or the outgoing payment it was about, where it knew one.
        key: its idempotency key; empty where there is none.
        outcome: the type of the answer it was given, or ``raised``.
        fault: the fault that it ran into, or ``outage``.
    """

    operation: str
    invoice_id: str | None
    key: str
    outcome: str
    fault: str | None


@dataclass(frozen=True, slots=True)
class Book:
    """The truth about one invoice.

    Args:
        invoice_id: its id.
        key: the idempotency key that opened it.
        status: open, pending, held, settled, cancelled or expired.
        amount: what the payer was asked for.
        received: what has settled in all.
        held: what is locked now.
        returned: what was locked and went back to the payer.
        calls: (operation, key) -> how often it was called, failures included.
    """

    invoice_id: str
    key: str
    status: str
    amount: Money
    received: Money
    held: Money
    returned: Money
    calls: Mapping[tuple[str, str], int]


class SandboxBooks(SandboxControls):
    """What tests look at."""

    def books(self) -> list[Book]:
        """The truth about every invoice, in the order in which they were opened."""
        with self._transaction() as db:
            rows = db.execute("SELECT * FROM invoices ORDER BY rowid").fetchall()
            return [_book(db, Record(*row)) for row in rows]

    def calls(self) -> list[Call]:
        """Every call of the application, in order."""
        columns = "operation, invoice_id, key, outcome, fault"
        with self._transaction() as db:
            return [
                Call(*row) for row in db.execute(f"SELECT {columns} FROM calls ORDER BY number")
            ]

    def payable_invoices(self) -> list[str]:
        """The ids of the invoices that a payer could pay now."""
        query = "SELECT invoice_id, status FROM invoices ORDER BY rowid"
        with self._transaction() as db:
            return [invoice_id for invoice_id, status in db.execute(query) if status in PAYABLE]

    def total_received(self, currency: str = "BTC") -> Money:
        """What has settled in all, in one currency."""
        return self._total("received", currency)

    def total_held(self, currency: str = "BTC") -> Money:
        """What is locked now, in one currency."""
        return self._total("held", currency)

    def _total(self, column: str, currency: str) -> Money:
        query = f"SELECT coalesce(sum({column}), 0) FROM invoices WHERE currency = ?"
        with self._transaction() as db:
            return Money(db.execute(query, (currency,)).fetchone()[0], currency)


def _book(db: sqlite3.Connection, record: Record) -> Book:
    rows = db.execute(_COUNT_CALLS, (record.invoice_id, record.key))
    return Book(
        invoice_id=record.invoice_id,
        key=record.key,
        status=record.status,
        amount=record.money(record.amount),
        received=record.money(record.received),
        held=record.money(record.held),
        returned=record.money(record.returned),
        calls={(operation, key): count for operation, key, count in rows},
    )
