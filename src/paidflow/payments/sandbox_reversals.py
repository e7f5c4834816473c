"""Money that goes back at the sandbox bank: refunds of the application and of others, disputes."""

from __future__ import annotations

import sqlite3

from paidflow.ids import Ids
from paidflow.money import Money
from paidflow.payments import contract as c
from paidflow.payments.sandbox_controls import Record, SandboxControls

_OF_INVOICE = """
    SELECT reversal_id, amount, kind, status, key FROM reversals
    WHERE invoice_id = ? ORDER BY number
"""
_INSERT = """
    INSERT INTO reversals (reversal_id, invoice_id, key, amount, kind, status)
    VALUES (?, ?, ?, ?, ?, ?)
"""
_SUM_GONE = (
    "SELECT coalesce(sum(amount), 0) FROM reversals WHERE invoice_id = ? AND status <> 'failed'"
)
_SUM_REVERSED = """
    SELECT coalesce(sum(reversals.amount), 0)
    FROM reversals JOIN invoices ON invoices.invoice_id = reversals.invoice_id
    WHERE currency = ? AND reversals.status <> 'failed'
"""


class SandboxReversals(SandboxControls):
    """What the payer, the operator and bad luck do with money that was received."""

    _ids: Ids

    def refund_outside(self, invoice_id: str, amount: Money | None = None) -> str | None:
        """Send money back without the application, as an operator does on the bank's own pages.

        Args:
            invoice_id: the invoice that was paid.
            amount: how much; ``None`` for all that is left.

        Returns:
            The id of the reversal; ``None`` when there is not so much.
        """
        return self._reverse(invoice_id, amount, c.ReversalKind.REFUND, c.ReversalStatus.SUCCEEDED)

    def open_dispute(self, invoice_id: str, amount: Money | None = None) -> str | None:
        """Let the payer contest a payment; the bank takes the money until that is decided.

        Returns:
            The id of the reversal; ``None`` when there is not so much.
        """
        return self._reverse(invoice_id, amount, c.ReversalKind.DISPUTE, c.ReversalStatus.PENDING)

    def win_dispute(self, reversal_id: str) -> bool:
        """Decide an open dispute for the application: the money comes back."""
        return self._decide(reversal_id, "dispute", {"pending"}, c.ReversalStatus.FAILED)

    def lose_dispute(self, reversal_id: str) -> bool:
        """Decide an open dispute for the payer."""
        return self._decide(reversal_id, "dispute", {"pending"}, c.ReversalStatus.SUCCEEDED)

    def finish_refund(self, reversal_id: str) -> bool:
        """Let a refund on its way arrive."""
        return self._decide(reversal_id, "refund", {"pending"}, c.ReversalStatus.SUCCEEDED)

    def bounce_refund(self, reversal_id: str) -> bool:
        """Let a refund come back, on its way or after it seemed to have arrived."""
        return self._decide(
            reversal_id, "refund", {"pending", "succeeded"}, c.ReversalStatus.FAILED
        )

    @property
    def slow_refunds(self) -> bool:
        """Whether a refund of the application is on its way until ``finish_refund``."""
        return bool(self._world("slow_refunds"))

    @slow_refunds.setter
    def slow_refunds(self, on: bool) -> None:
        self._set_world("slow_refunds", on)

    def reversals(self, invoice_id: str) -> tuple[c.Reversal, ...]:
        """The truth about what has gone back of an invoice, oldest first."""
        with self._transaction() as db:
            record = self._find(db, invoice_id)
            return () if record is None else reversals_of(db, record)

    def total_reversed(self, currency: str = "BTC") -> Money:
        """What has gone back in all, in one currency."""
        with self._transaction() as db:
            return Money(db.execute(_SUM_REVERSED, (currency,)).fetchone()[0], currency)

    def _refund(self, db: sqlite3.Connection, command: c.RefundCommand) -> c.CommandOutcome:
        """The work of ``refund``, inside the transaction."""
        record = self._find(db, command.invoice_id)
        if record is None or record.forgotten:
            return c.Declined("no such invoice")
        if db.execute("SELECT 1 FROM reversals WHERE key = ?", (command.key,)).fetchone():
            return c.Accepted()
        slow = db.execute("SELECT slow_refunds FROM world").fetchone()[0]
        status = c.ReversalStatus.PENDING if slow else c.ReversalStatus.SUCCEEDED
        kind = c.ReversalKind.REFUND
        if self._insert(db, record, command.amount, kind, status, command.key) is None:
            return c.Declined("there is not so much of it")
        return c.Accepted()

    def _reverse(
        self,
        invoice_id: str,
        amount: Money | None,
        kind: c.ReversalKind,
        status: c.ReversalStatus,
    ) -> str | None:
        with self._transaction() as db:
            record = self._find(db, invoice_id)
            return None if record is None else self._insert(db, record, amount, kind, status, None)

    def _insert(
        self,
        db: sqlite3.Connection,
        record: Record,
        amount: Money | None,
        kind: c.ReversalKind,
        status: c.ReversalStatus,
        key: str | None,
    ) -> str | None:
        gone: int = db.execute(_SUM_GONE, (record.invoice_id,)).fetchone()[0]
        left = record.money(record.received - gone)
        wanted = left if amount is None else amount
        if wanted.currency != left.currency or not 0 < wanted.amount <= left.amount:
            return None
        reversal_id = self._ids.new_id()
        row = (reversal_id, record.invoice_id, key, wanted.amount, kind, status)
        db.execute(_INSERT, row)
        return reversal_id

    def _decide(
        self, reversal_id: str, kind: str, when: set[str], status: c.ReversalStatus
    ) -> bool:
        query = "SELECT status FROM reversals WHERE reversal_id = ? AND kind = ?"
        with self._transaction() as db:
            row = db.execute(query, (reversal_id, kind)).fetchone()
            if row is None or row[0] not in when:
                return False
            change = "UPDATE reversals SET status = ? WHERE reversal_id = ?"
            db.execute(change, (status, reversal_id))
            return True


def reversals_of(db: sqlite3.Connection, record: Record) -> tuple[c.Reversal, ...]:
    """What the bank shows of the money of an invoice that goes back."""
    rows = db.execute(_OF_INVOICE, (record.invoice_id,)).fetchall()
    return tuple(
        c.Reversal(
            reversal_id=reversal_id,
            amount=record.money(amount),
            kind=c.ReversalKind(kind),
            status=c.ReversalStatus(status),
            key=key,
        )
        for reversal_id, amount, kind, status, key in rows
    )
