"""The bank behind the sandbox gateway: its file, and what the payer, time and bad luck do there.

All of it is in one SQLite file, so that any process can pay an invoice or set a fault.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Generator, Set
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any, Literal
from weakref import WeakSet

from paidflow.clock import Clock
from paidflow.money import Money
from paidflow.store.sqlite import use_wal

Operation = Literal[
    "open",
    "lookup",
    "capture",
    "cancel",
    "refund",
    "updates",
    "pay_out",
    "lookup_payment",
    "holdings",
]
FaultKind = Literal["decline", "refuse", "time_out_before", "time_out_after", "raise", "pretend"]
UpdatesMode = Literal["normal", "duplicate", "reversed", "late"]

BUSY_S = 30
HOLD_S = 3600
HOLD_BLOCKS = 144
PAYABLE = frozenset({"open", "pending"})
CLOSED = frozenset({"cancelled", "expired"})
_EVERY = PAYABLE | CLOSED | {"held", "settled"}
_SCHEMA = (files("paidflow.payments") / "sandbox_schema.sql").read_text(encoding="utf-8")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_EXPIRE = "UPDATE invoices SET status = 'expired' WHERE status = 'open' AND expires_at <= ?"
_LET_GO = """
    UPDATE invoices SET status = 'cancelled', returned = returned + held, held = 0
    WHERE status = 'held' AND (hold_until <= ? OR hold_height <= (SELECT height FROM world))
"""
_SAVE = """
    UPDATE invoices SET status = :status, received = :received, held = :held,
        returned = :returned, hold_until = :hold_until, hold_height = :hold_height,
        forgotten = :forgotten, expires_at = :expires_at
    WHERE invoice_id = :invoice_id
"""


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(since_1970_us: int) -> datetime:
    """The moment so many microseconds after 1970, UTC."""
    return _EPOCH + timedelta(microseconds=since_1970_us)


def writable(text: str) -> str:
    """A text without halves of characters, such as JSON can hold and no database keeps."""
    return text.encode(errors="replace").decode()


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the table of invoices; amounts in minor units, moments in microseconds."""

    invoice_id: str
    key: str
    amount: int
    currency: str
    hold: int
    payment_hash: str | None
    expires_at: int
    status: str
    received: int = 0
    held: int = 0
    returned: int = 0
    hold_until: int | None = None
    hold_height: int | None = None
    forgotten: int = 0

    def money(self, amount: int) -> Money:
        """So many minor units in the currency of the invoice."""
        return Money(amount, self.currency)

    def settled(self, amount: int = 0) -> Record:
        """The same with what was held, and so many minor units more, received."""
        received = self.received + self.held + amount
        return replace(self, status="settled", received=received, held=0)

    def cancelled(self) -> Record:
        """The same cancelled, with what was held given back to the payer."""
        return replace(self, status="cancelled", returned=self.returned + self.held, held=0)


def save(db: sqlite3.Connection, record: Record) -> None:
    """Store what may have changed of an invoice."""
    db.execute(_SAVE, asdict(record))


def height(db: sqlite3.Connection) -> int:
    """The block height now."""
    return db.execute("SELECT height FROM world").fetchone()[0]


# Whoever pays to another account takes it once more for that bank.
_LOCK = threading.RLock()
_banks: WeakSet[SandboxControls] = WeakSet()


def _before_fork() -> None:
    _LOCK.acquire()
    for bank in _banks:
        bank.before_fork()


os.register_at_fork(
    before=_before_fork, after_in_parent=_LOCK.release, after_in_child=_LOCK.release
)


class SandboxControls:
    """What the payer, time and bad luck do at the sandbox bank.

    Args:
        path: the SQLite file, or ``:memory:`` for a bank within this process.
        clock: where the time comes from.
        closes: whether an unpaid invoice closes when it expires.
        deadline: whether a hold ends at an instant or at a block height.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Clock,
        closes: bool,
        deadline: Literal["instant", "height"],
    ) -> None:
        self._path = ":memory:" if path == ":memory:" else os.path.abspath(path)
        self._clock = clock
        self._closes = closes
        self._deadline = deadline
        self._db: sqlite3.Connection | None = None
        with self._transaction():
            _banks.add(self)

    # The payer.

    def pay(self, invoice_id: str, amount: Money | None = None, *, late: bool = False) -> bool:
        """Pay an invoice: it settles, or the money is locked if it is a hold invoice.

        Args:
            invoice_id: which one.
            amount: what the payer sends; ``None`` for what was asked.
            late: have the bank take it even if the invoice is closed; it then settles at once.

        Returns:
            Whether the bank took the payment.
        """
        return self._pay(invoice_id, amount, PAYABLE | CLOSED if late else PAYABLE)

    def pay_late(self, invoice_id: str, amount: Money | None = None) -> bool:
        """Pay an invoice that is closed already; the bank takes it."""
        return self.pay(invoice_id, amount, late=True)

    def pay_again(self, invoice_id: str, amount: Money | None = None) -> bool:
        """Pay a settled invoice once more; the bank takes it."""
        return self._pay(invoice_id, amount, {"settled"})

    def start_payment(self, invoice_id: str) -> bool:
        """Put a payment on its way; ``pay`` or ``fail_payment`` ends it."""
        return self._change(invoice_id, {"open"}, lambda record: replace(record, status="pending"))

    def fail_payment(self, invoice_id: str) -> bool:
        """End a payment on its way without money."""
        return self._change(invoice_id, {"pending"}, lambda record: replace(record, status="open"))

    # Time and bad luck.

    def expire(self, invoice_id: str) -> bool:
        """Let the time of an unpaid invoice run out now."""
        now, status = microseconds(self._clock.now()), "expired" if self._closes else "open"
        return self._change(
            invoice_id, {"open"}, lambda record: replace(record, status=status, expires_at=now)
        )

    def settle_hold(self, invoice_id: str) -> bool:
        """Hand over locked money although nobody captured it."""
        return self._change(invoice_id, {"held"}, Record.settled)

    def release_hold(self, invoice_id: str) -> bool:
        """Give locked money back to the payer although nobody cancelled."""
        return self._change(invoice_id, {"held"}, Record.cancelled)

    def forget(self, invoice_id: str) -> bool:
        """Tell the application that there is no such invoice; the payer can still pay it."""
        return self._change(invoice_id, _EVERY, lambda record: replace(record, forgotten=1))

    def remember(self, invoice_id: str) -> bool:
        """Undo ``forget``."""
        return self._change(invoice_id, _EVERY, lambda record: replace(record, forgotten=0))

    def mine_blocks(self, n: int) -> int:
        """Add so many blocks to the chain; returns the new height."""
        with self._transaction() as db:
            db.execute("UPDATE world SET height = height + ?", (n,))
            return height(db)

    def fault(self, operation: Operation, kind: FaultKind, times: int = 1) -> None:
        """Have the next calls of an operation fail; faults of one operation queue up.

        Args:
            operation: which one.
            kind: ``decline``; ``refuse``, never sent; ``time_out_before``, nothing done;
                ``time_out_after``, all done; ``raise``, an exception and nothing done; ``pretend``,
                accepted and nothing done (capture, cancel and pay_out only). A lookup is
                unreachable and a page of updates empty, whichever it is but ``raise``.
            times: how many calls.
        """
        with self._transaction() as db:
            row = (operation, kind, times)
            db.execute("INSERT INTO faults (operation, kind, times) VALUES (?, ?, ?)", row)

    def clear_faults(self) -> None:
        """Take back the faults that have not come yet."""
        with self._transaction() as db:
            db.execute("DELETE FROM faults")

    def outage(self, on: bool) -> None:
        """Cut the gateway off from the application, or connect it again; payers still pay."""
        self._set_world("outage", on)

    @property
    def updates_mode(self) -> UpdatesMode:
        """How the stream misbehaves: each hint twice, pages reversed, or hints held back."""
        return self._world("updates_mode")

    @updates_mode.setter
    def updates_mode(self, mode: UpdatesMode) -> None:
        self._set_world("updates_mode", mode)

    @property
    def hint_before_open_returns(self) -> bool:
        """Whether the stream speaks of a new invoice before the application knows its id."""
        return bool(self._world("hint_before_open_returns"))

    @hint_before_open_returns.setter
    def hint_before_open_returns(self, on: bool) -> None:
        self._set_world("hint_before_open_returns", on)

    def deliver_late(self) -> None:
        """Put the hints that were held back into the stream, after all others."""
        with self._transaction() as db:
            late = db.execute(
                "SELECT invoice_id FROM hints WHERE late ORDER BY sequence"
            ).fetchall()
            db.executemany("INSERT INTO hints (invoice_id, late) VALUES (?, 0)", late)
            db.execute("DELETE FROM hints WHERE late")

    def close(self) -> None:
        """Let go of the file; the next use opens it again. A bank in memory is gone."""
        with _LOCK:
            self._disconnect()

    def before_fork(self) -> None:
        """Let go of the file: a forked child would believe in locks that only its parent holds."""
        if self._path != ":memory:":
            self._disconnect()

    # The file.

    def _pay(self, invoice_id: str, amount: Money | None, when: Set[str]) -> bool:
        with self._transaction() as db:
            record = self._find(db, invoice_id)
            if record is None or record.status not in when:
                return False
            sent = record.money(record.amount) if amount is None else amount
            if sent.amount <= 0 or sent.currency != record.currency:
                return False
            locks = record.hold and record.status in PAYABLE
            paid = self._lock(record, sent.amount, db) if locks else record.settled(sent.amount)
            save(db, paid)
            return True

    def _lock(self, record: Record, amount: int, db: sqlite3.Connection) -> Record:
        held = replace(record, status="held", held=amount)
        if self._deadline == "height":
            return replace(held, hold_height=height(db) + HOLD_BLOCKS)
        until = self._clock.now() + timedelta(seconds=HOLD_S)
        return replace(held, hold_until=microseconds(until))

    def _change(self, invoice_id: str, when: Set[str], change: Callable[[Record], Record]) -> bool:
        with self._transaction() as db:
            record = self._find(db, invoice_id)
            if record is None or record.status not in when:
                return False
            save(db, change(record))
            return True

    def _find(self, db: sqlite3.Connection, invoice_id: str | None) -> Record | None:
        query = "SELECT * FROM invoices WHERE invoice_id = ?"
        row = db.execute(query, (writable(invoice_id or ""),)).fetchone()
        return Record(*row) if row else None

    def _world(self, column: str) -> Any:
        with self._transaction() as db:
            return db.execute(f"SELECT {column} FROM world").fetchone()[0]

    def _set_world(self, column: str, value: str | int) -> None:
        with self._transaction() as db:
            db.execute(f"UPDATE world SET {column} = ?", (value,))

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with _LOCK:
            self._db = db = self._db or _connect(self._path)
            try:
                db.execute("BEGIN IMMEDIATE")
                now = microseconds(self._clock.now())
                if self._closes:
                    db.execute(_EXPIRE, (now,))
                db.execute(_LET_GO, (now,))
                yield db
                db.commit()
            finally:
                db.rollback()

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


def _connect(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    # Enough here: what is in the write-ahead log survives the death of the process, if not of
    # the machine.
    db.execute("PRAGMA synchronous = OFF")
    use_wal(db, BUSY_S)
    db.executescript(_SCHEMA)
    return db
