"""A gateway for tests and demos: a toy bank that outlives the process it serves.

Its state is its own SQLite file. It moves no real money, so it starts only when told so.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Literal, TypeVar

from paidflow.clock import Clock, SystemClock
from paidflow.errors import InvalidConfiguration, SandboxRefused, WebhookRefused
from paidflow.ids import Ids, RandomIds
from paidflow.money import Money
from paidflow.payments import contract as c
from paidflow.payments.sandbox_controls import (
    CLOSED,
    PAYABLE,
    Operation,
    Record,
    SandboxControls,
    height,
    microseconds,
    moment_of,
    save,
)

SIGNATURE_HEADER = "sandbox-signature"
PAGE = 500
_COUNT_CALLS = """
    SELECT operation, key, count(*) FROM calls
    WHERE invoice_id = ? OR (operation = 'open' AND key = ?)
    GROUP BY operation, key
"""
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


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the application.

    Args:
        operation: what it asked for.
        invoice_id: the invoice it was about, where it knew one or was given one.
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


class SandboxGateway(SandboxControls):
    """A gateway to the sandbox bank; every process passes the same arguments.

    Args:
        path: the SQLite file, or ``:memory:`` for a bank within this process.
        sandbox: must be ``True``; says that no real money is wanted.
        clock: where the time comes from.
        ids: where invoice ids come from.
        webhook_secret: what webhooks are signed with; without it there are none.
        hold: whether it can lock money.
        close_grace_s: ``None`` if an unpaid invoice can be closed. Otherwise it stays payable for
            ever, and the application counts it as closed this many seconds after its expiry.
        invoice_expiry_s: how long an invoice can be paid, for the profile.
        patience_s: how long a hold may wait for work, for the profile.
        deadline: whether a hold ends at an instant or at a block height.
        currencies: the currencies it takes.
        account: the name of the account.

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
        close_grace_s: int | None = None,
        invoice_expiry_s: int = 600,
        patience_s: int = 60,
        deadline: Literal["instant", "height"] = "instant",
        currencies: Iterable[str] = ("BTC",),
        account: str = "sandbox",
    ) -> None:
        if sandbox is not True:
            raise SandboxRefused()
        clock = clock or SystemClock()
        super().__init__(path, clock=clock, closes=close_grace_s is None, deadline=deadline)
        self.on_open: Callable[[str], None] | None = None
        self._ids = ids or RandomIds(clock)
        secret = webhook_secret.encode() if isinstance(webhook_secret, str) else webhook_secret
        self._webhook_secret = secret
        able = {
            c.Capability.HOLD: hold,
            c.Capability.CANCEL: hold or close_grace_s is None,
            c.Capability.UPDATES: True,
            c.Capability.WEBHOOKS: bool(secret),
        }
        self._profile = c.Profile(
            capabilities=frozenset(capability for capability, can in able.items() if can),
            currencies=frozenset(currencies),
            account=account,
            invoice_expiry_s=invoice_expiry_s,
            patience_s=patience_s,
            close_grace_s=close_grace_s,
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

        told = self._serve("open", None, command.key, work, _command_failure)
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

    def updates(self, cursor: str | None) -> c.Updates:
        """The hints after the cursor, at most ``PAGE``; none and the same cursor if it fails."""
        cursor = cursor or "0"
        return self._serve(
            "updates", None, "", lambda db: _page(db, cursor), lambda _: c.Updates((), cursor)
        )

    def webhook(self, invoice_id: str) -> tuple[dict[str, str], bytes]:
        """The headers and the body of a genuine webhook about an invoice."""
        body = json.dumps({"invoice_id": invoice_id}).encode()
        return {SIGNATURE_HEADER: self._signature(body)}, body

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[c.Hint, ...]:
        """The invoice that a webhook is about.

        Raises:
            WebhookRefused: when it is not genuine or not readable.
        """
        given = {name.lower(): value for name, value in headers.items()}.get(SIGNATURE_HEADER, "")
        if not self._webhook_secret or not hmac.compare_digest(
            given.encode(errors="replace"), self._signature(body).encode()
        ):
            raise WebhookRefused("the signature does not fit")
        try:
            invoice_id = json.loads(body)["invoice_id"]
        except (ValueError, TypeError, KeyError):
            raise WebhookRefused("there is no invoice_id in it") from None
        if not isinstance(invoice_id, str):
            raise WebhookRefused("the invoice_id is not a text")
        return (c.Hint(invoice_id),)

    def _signature(self, body: bytes) -> str:
        if not self._webhook_secret:
            raise InvalidConfiguration("the sandbox has no webhook_secret")
        return hmac.digest(self._webhook_secret, body, "sha256").hex()

    # The books.

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
        return [book.invoice_id for book in self.books() if book.status in PAYABLE]

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
            db.execute(_LOG_CALL, (operation, invoice_id, key, outcome, fault))
        if fault == "raise":
            raise RuntimeError(f"the sandbox was told to raise in {operation}")
        return told

    def _open(self, db: sqlite3.Connection, command: c.OpenCommand) -> c.OpenOutcome:
        row = db.execute("SELECT * FROM invoices WHERE key = ?", (command.key,)).fetchone()
        if row:
            return c.Opened(_invoice(Record(*row)))
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
        return c.Opened(_invoice(record))

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
                return c.Settled(record.money(record.received))
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


def _command_failure(fault: str) -> c.Declined | c.NotSent | c.Unknown:
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


def _invoice(record: Record) -> c.Invoice:
    return c.Invoice(
        invoice_id=record.invoice_id,
        amount=record.money(record.amount),
        payment_request=f"sandbox:{record.invoice_id}?amount={record.amount}",
        expires_at=moment_of(record.expires_at),
    )


def _held(record: Record, height_now: int) -> c.Held:
    amount = record.money(record.held)
    if record.hold_height is not None:
        return c.Held(amount, c.HeightDeadline(record.hold_height), height_now)
    return c.Held(amount, c.InstantDeadline(moment_of(record.hold_until or 0)))


def _sha256(preimage: bytes | None) -> str:
    return hashlib.sha256(preimage).hexdigest() if preimage is not None else ""


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
