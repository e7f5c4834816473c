"""A gateway for tests and demos: a toy bank that outlives the process it serves.

Its state is its own SQLite file. It moves no real money, so it starts only when told so.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Literal, TypeVar

from paidflow.clock import Clock, SystemClock
from paidflow.errors import SandboxRefused
from paidflow.ids import Ids, RandomIds
from paidflow.money import Money
from paidflow.payments import contract as c
from paidflow.payments.sandbox_books import SandboxBooks
from paidflow.payments.sandbox_controls import (
    CLOSED,
    Operation,
    Record,
    height,
    microseconds,
    moment_of,
    save,
    writable,
)
from paidflow.payments.sandbox_payments import SandboxPayments
from paidflow.payments.sandbox_reversals import SandboxReversals, reversals_of
from paidflow.payments.sandbox_webhooks import SIGNATURE_HEADER, SandboxWebhooks

PAGE = 500
_CURSOR = re.compile(r"[0-9]{1,18}")
_HINTS = """
    SELECT sequence, invoice_id FROM hints
    WHERE sequence > ? AND NOT late ORDER BY sequence LIMIT ?
"""
_INSERT = """
    INSERT INTO invoices VALUES (:invoice_id, :key, :amount, :currency, :hold, :payment_hash,
        :expires_at, :status, :received, :held, :returned, :hold_until, :hold_height, :forgotten)
"""
_LOG_CALL = "INSERT INTO calls (operation, invoice_id, key, outcome, fault) VALUES (?, ?, ?, ?, ?)"
_T = TypeVar("_T")
_F = TypeVar("_F")


class SandboxGateway(SandboxPayments, SandboxReversals, SandboxBooks, SandboxWebhooks):
    """A gateway to the sandbox bank; every process passes the same arguments.

    Args:
        path: the SQLite file, or ``:memory:`` for a bank within this process.
        sandbox: must be ``True``; says that no real money is wanted.
        clock: where the time comes from.
        ids: where invoice ids come from.
        webhook_secret: what webhooks are signed with; without it there are none.
        hold: whether it can lock money.
        refunds: whether it can send money back.
        close_grace_s: ``None`` if an unpaid invoice can be closed. Otherwise it stays payable for
            ever, and the application counts it as closed this many seconds after its expiry.
        invoice_expiry_s: how long an invoice can be paid, for the profile.
        patience_s: how long a hold may wait for work, for the profile.
        deadline: whether a hold ends at an instant or at a block height.
        currencies: the currencies it takes.
        account: the name of the account.
        receivers: other accounts, whose invoices can be paid from here.

    Raises:
        SandboxRefused: without ``sandbox=True``.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        sandbox: bool = False,
        clock: Clock | None = None,
        ids: Ids | None = None,
        webhook_secret: str | bytes | None = None,
        hold: bool = True,
        refunds: bool = True,
        close_grace_s: int | None = None,
        invoice_expiry_s: int = 600,
        patience_s: int = 60,
        deadline: Literal["instant", "height"] = "instant",
        currencies: Iterable[str] = ("BTC",),
        account: str = "sandbox",
        receivers: Iterable[SandboxPayments] = (),
    ) -> None:
        if sandbox is not True:
            raise SandboxRefused()
        clock = clock or SystemClock()
        super().__init__(
            path,
            clock=clock,
            closes=close_grace_s is None,
            deadline=deadline,
            account=account,
            receivers=receivers,
        )
        self.on_open: Callable[[str], None] | None = None
        self._ids = ids or RandomIds(clock)
        secret = webhook_secret.encode() if isinstance(webhook_secret, str) else webhook_secret
        self._webhook_secret = secret
        able = {
            c.Capability.HOLD: hold,
            c.Capability.CANCEL: hold or close_grace_s is None,
            c.Capability.UPDATES: True,
            c.Capability.WEBHOOKS: bool(secret),
            c.Capability.PAY_OUT: True,
            c.Capability.HOLDINGS: True,
            c.Capability.REFUND: refunds,
        }
        self._profile = c.Profile(
            capabilities=frozenset(capability for capability, can in able.items() if can),
            currencies=frozenset(currencies),
            account=account,
            invoice_expiry_s=invoice_expiry_s,
            patience_s=patience_s,
            close_grace_s=close_grace_s,
            webhook_headers=frozenset({SIGNATURE_HEADER}),
        )

    def __repr__(self) -> str:
        return f"SandboxGateway({self._path!r}, account={self._profile.account!r})"

    @property
    def profile(self) -> c.Profile:
        """What it supports."""
        return self._profile

    # The gateway.

    def open(self, command: c.OpenCommand) -> c.OpenOutcome:
        """Open an invoice; then call ``on_open`` with its id, if that is set."""
        opened: list[str] = []

        def work(db: sqlite3.Connection) -> c.OpenOutcome:
            outcome = self._open(db, command)
            if isinstance(outcome, c.Opened):
                opened.append(outcome.invoice.invoice_id)
            return outcome

        told = self._serve("open", None, command.key, work, _open_failure)
        if opened and self.on_open is not None:
            self.on_open(opened[0])
        return told

    def lookup(self, invoice_id: str) -> c.Lookup:
        """What the bank shows about an invoice now."""
        return self._serve(
            "lookup", invoice_id, "", lambda db: self._lookup(db, invoice_id), c.Unreachable
        )

    def capture(self, command: c.CaptureCommand) -> c.CommandOutcome:
        """Hand over all of the locked money, as on Lightning."""
        invoice_id, key = command.invoice_id, command.key
        return self._serve(
            "capture", invoice_id, key, lambda db: self._capture(db, command), _command_failure
        )

    def cancel(self, command: c.CancelCommand) -> c.CommandOutcome:
        """Close an unpaid invoice, or give the locked money back to the payer."""
        invoice_id, key = command.invoice_id, command.key
        return self._serve(
            "cancel", invoice_id, key, lambda db: self._cancel(db, invoice_id), _command_failure
        )

    def pay_out(self, command: c.PayOutCommand) -> c.CommandOutcome:
        """Send money to another account or to an address, once for each payment id."""
        payment_id, key = command.payment_id, command.key
        return self._serve(
            "pay_out", payment_id, key, lambda db: self._send(db, command), _command_failure
        )

    def lookup_payment(self, payment_id: str) -> c.PaymentLookup:
        """What the bank shows about an outgoing payment now."""
        return self._serve(
            "lookup_payment", payment_id, "", lambda db: self._shown(db, payment_id), c.Unreachable
        )

    def holdings(self) -> tuple[Money, ...] | c.Unreachable:
        """What has come in, less what went back, was paid out, and what that has cost."""
        return self._serve("holdings", None, "", self._held_for_us, c.Unreachable)

    def refund(self, command: c.RefundCommand) -> c.CommandOutcome:
        """Send money back to the payer; the same key sends it once."""
        invoice_id, key = command.invoice_id, command.key
        return self._serve(
            "refund", invoice_id, key, lambda db: self._refund(db, command), _command_failure
        )

    def updates(self, cursor: str | None) -> c.Updates:
        """The hints after the cursor, at most ``PAGE``; none and the same cursor if it fails.

        A cursor that never came from here asks from the beginning.
        """
        cursor = cursor if cursor and _CURSOR.fullmatch(cursor) else "0"
        return self._serve(
            "updates", None, "", lambda db: _page(db, cursor), lambda _: c.Updates((), cursor)
        )

    # The work, inside the transaction.

    def _serve(
        self,
        operation: Operation,
        invoice_id: str | None,
        key: str,
        work: Callable[[sqlite3.Connection], _T],
        failure: Callable[[str], _F],
    ) -> _T | _F:
        with self._transaction() as db:
            fault = _next_fault(db, operation)
            if fault is None:
                told = work(db)
            else:
                if fault == "time_out_after":
                    work(db)
                told = failure(fault)
            outcome = "raised" if fault == "raise" else type(told).__name__
            if isinstance(told, c.Opened):
                invoice_id = told.invoice.invoice_id
            about = invoice_id and writable(invoice_id)
            db.execute(_LOG_CALL, (operation, about, key, outcome, fault))
        if fault == "raise":
            raise RuntimeError(f"the sandbox was told to raise in {operation}")
        return told

    def _open(self, db: sqlite3.Connection, command: c.OpenCommand) -> c.OpenOutcome:
        row = db.execute("SELECT * FROM invoices WHERE key = ?", (command.key,)).fetchone()
        if row:
            return c.Opened(self._invoice(db, Record(*row)))
        if command.amount.currency not in self._profile.currencies:
            return c.Declined(f"no {command.amount.currency} here")
        if command.amount.amount <= 0:
            return c.Declined("the amount must be positive")
        if command.hold and c.Capability.HOLD not in self._profile.capabilities:
            return c.Declined("no hold invoices here")
        record = Record(
            invoice_id=command.payment_hash or self._ids.new_id(),
            key=command.key,
            amount=command.amount.amount,
            currency=command.amount.currency,
            hold=int(command.hold),
            payment_hash=command.payment_hash,
            expires_at=microseconds(self._clock.now() + timedelta(seconds=command.expires_in_s)),
            status="open",
        )
        if self._find(db, record.invoice_id):
            return c.Declined("this payment hash is already used")
        db.execute(_INSERT, asdict(record))
        return c.Opened(self._invoice(db, record))

    def _lookup(self, db: sqlite3.Connection, invoice_id: str) -> c.Lookup:
        record = self._find(db, invoice_id)
        if record is None or record.forgotten:
            return c.NotFound()
        match record.status:
            case "open":
                return c.Open()
            case "pending":
                return c.Pending()
            case "held":
                return _held(record, height(db))
            case "settled":
                return c.Settled(record.money(record.received), reversals_of(db, record))
            case "cancelled":
                return c.Cancelled()
            case _:
                return c.Expired()

    def _capture(self, db: sqlite3.Connection, command: c.CaptureCommand) -> c.CommandOutcome:
        record = self._find(db, command.invoice_id)
        if record is None or record.forgotten:
            return c.Declined("no such invoice")
        if record.payment_hash and _sha256(command.preimage) != record.payment_hash.lower():
            return c.Declined("the preimage does not fit")
        if record.hold and record.status == "settled":
            return c.Accepted()
        if record.status != "held":
            return c.Declined(f"it is {record.status}")
        if command.amount.currency != record.currency or command.amount.amount > record.held:
            return c.Declined("this is not what is held")
        save(db, record.settled())
        return c.Accepted()

    def _cancel(self, db: sqlite3.Connection, invoice_id: str) -> c.CommandOutcome:
        record = self._find(db, invoice_id)
        if record is None or record.forgotten:
            return c.Declined("no such invoice")
        if record.status in CLOSED:
            return c.Accepted()
        if record.status != "held" and (record.status != "open" or not self._closes):
            return c.Declined(f"it is {record.status}")
        save(db, record.cancelled())
        return c.Accepted()


def _next_fault(db: sqlite3.Connection, operation: Operation) -> str | None:
    if db.execute("SELECT outage FROM world").fetchone()[0]:
        return "outage"
    query = "SELECT number, kind FROM faults WHERE operation = ? AND times > 0 ORDER BY number"
    row = db.execute(query, (operation,)).fetchone()
    if row is None:
        return None
    db.execute("UPDATE faults SET times = times - 1 WHERE number = ?", (row[0],))
    return row[1]


def _command_failure(fault: str) -> c.CommandOutcome:
    return c.Accepted() if fault == "pretend" else _open_failure(fault)


def _open_failure(fault: str) -> c.Declined | c.NotSent | c.Unknown:
    if fault == "decline":
        return c.Declined(fault)
    return c.NotSent(fault) if fault in ("refuse", "outage") else c.Unknown(fault)


def _page(db: sqlite3.Connection, cursor: str) -> c.Updates:
    mode = db.execute("SELECT updates_mode FROM world").fetchone()[0]
    limit = PAGE // 2 if mode == "duplicate" else PAGE
    rows = db.execute(_HINTS, (int(cursor), limit)).fetchall()
    hints = [c.Hint(invoice_id) for _, invoice_id in rows for _ in range(1 + (mode == "duplicate"))]
    if mode == "reversed":
        hints.reverse()
    return c.Updates(tuple(hints), str(rows[-1][0]) if rows else cursor)


def _held(record: Record, height_now: int) -> c.Held:
    amount = record.money(record.held)
    if record.hold_height is not None:
        return c.Held(amount, c.HeightDeadline(record.hold_height), height_now)
    return c.Held(amount, c.InstantDeadline(moment_of(record.hold_until or 0)))


def _sha256(preimage: bytes | None) -> str:
    return hashlib.sha256(preimage).hexdigest() if preimage is not None else ""
