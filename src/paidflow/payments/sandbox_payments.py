"""What the sandbox bank pays out: to an invoice of another account, or to an address.

A payment is made at once, unless fate wants something else. Each payment id is used once, ever.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Literal

from paidflow.clock import Clock
from paidflow.money import Money
from paidflow.payments import contract as c
from paidflow.payments.sandbox_controls import (
    PAYABLE,
    Record,
    SandboxControls,
    height,
    moment_of,
    save,
    writable,
)
from paidflow.payments.sandbox_target import Target, preimage_of, read

PaymentFate = Literal["stuck", "unreachable", "refused", "overcharged"]

BLOCK_S = 600
_INSERT = """
    INSERT INTO payments VALUES (:payment_id, :key, :destination, :amount, :currency, :fee_max,
        :status, :fee, :failure, :forgotten)
"""
_SAVE = """
    UPDATE payments SET status = :status, fee = :fee, failure = :failure, forgotten = :forgotten
    WHERE payment_id = :payment_id
"""
_NEXT_FATE = "SELECT number, fate FROM fates WHERE times > 0 ORDER BY number LIMIT 1"
_HOLDINGS = """
    SELECT currency, sum(amount) FROM (
        SELECT currency, received AS amount FROM invoices
        UNION ALL SELECT currency, -amount - fee FROM payments WHERE status = 'paid_out'
        UNION ALL SELECT currency, -reversals.amount
            FROM reversals JOIN invoices USING (invoice_id) WHERE reversals.status <> 'failed'
    ) GROUP BY currency
"""
# What is locked for this account covers a payment that passes it on; what is in flight is gone.
_COVER = """
    SELECT coalesce((SELECT sum(received + held) FROM invoices WHERE currency = :currency), 0)
        - coalesce((SELECT sum(amount + fee) FROM payments
            WHERE currency = :currency AND status <> 'failed'), 0)
        - coalesce((SELECT sum(reversals.amount) FROM reversals JOIN invoices USING (invoice_id)
            WHERE currency = :currency AND reversals.status <> 'failed'), 0)
"""
_UNREADABLE = "this is no destination of the sandbox"
_FAILURES: Mapping[str, c.PayFailure] = {
    "unreachable": c.PayFailure.RECEIVER_UNREACHABLE,
    "refused": c.PayFailure.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Payment:
    """One outgoing payment, as the bank knows it; amounts in minor units.

    Args:
        payment_id: its id.
        key: the idempotency key of the command.
        destination: where it goes.
        amount: what the receiver gets.
        currency: the currency of all amounts.
        fee_max: what it may cost.
        status: in_flight, paid_out or failed.
        fee: what it has cost.
        failure: why it failed.
        forgotten: whether the bank says that it does not know it.
    """

    payment_id: str
    key: str
    destination: str
    amount: int
    currency: str
    fee_max: int
    status: str = "in_flight"
    fee: int = 0
    failure: str | None = None
    forgotten: int = 0


class SandboxPayments(SandboxControls):
    """Pays out at the sandbox bank.

    Args:
        path: see ``SandboxControls``, and likewise ``clock``, ``closes`` and ``deadline``.
        account: the name of the account.
        receivers: the accounts whose invoices can be paid from here, each a bank of its own.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Clock,
        closes: bool,
        deadline: Literal["instant", "height"],
        account: str,
        receivers: Iterable[SandboxPayments],
    ) -> None:
        super().__init__(path, clock=clock, closes=closes, deadline=deadline)
        self._account = account
        self._receivers = {receiver.account: receiver for receiver in receivers}

    @property
    def account(self) -> str:
        """The name of the account."""
        return self._account

    # The receivers, and bad luck.

    @property
    def route_fee(self) -> int:
        """What each payment costs, in minor units; one that costs more than it may fails."""
        return self._paying("route_fee")

    @route_fee.setter
    def route_fee(self, amount: int) -> None:
        self._set_paying("route_fee", amount)

    @property
    def time_lock_s(self) -> int:
        """How long the receiver of an invoice of this account may take; written in each."""
        return self._paying("time_lock_s")

    @time_lock_s.setter
    def time_lock_s(self, seconds: int) -> None:
        self._set_paying("time_lock_s", seconds)

    def fate(self, fate: PaymentFate, times: int = 1) -> None:
        """What becomes of the next payments.

        Args:
            fate: ``stuck``, in flight until ``finish_payment`` or ``break_payment`` ends it;
                ``unreachable`` or ``refused``, it fails; ``overcharged``, it costs more than it may
                and arrives.
            times: how many of them.
        """
        with self._transaction() as db:
            db.execute("INSERT INTO fates (fate, times) VALUES (?, ?)", (fate, times))

    def finish_payment(self, payment_id: str) -> bool:
        """Let a payment that is stuck arrive."""
        return self._end(payment_id, None)

    def break_payment(
        self, payment_id: str, failure: c.PayFailure = c.PayFailure.RECEIVER_UNREACHABLE
    ) -> bool:
        """Let a payment that is stuck fail."""
        return self._end(payment_id, failure)

    def forget_payment(self, payment_id: str, forgotten: bool = True) -> bool:
        """Tell the application that there is no such payment, or the truth again."""
        with self._transaction() as db:
            payment = _find(db, payment_id)
            if payment is not None:
                _save(db, replace(payment, forgotten=int(forgotten)))
            return payment is not None

    def payments(self) -> list[Payment]:
        """The truth about every outgoing payment, in order."""
        with self._transaction() as db:
            return [Payment(*row) for row in db.execute("SELECT * FROM payments ORDER BY rowid")]

    # What an application can ask for.

    def decode(self, destination: str) -> c.Destination | c.Declined:
        """Read an invoice of the sandbox, or an address of it: ``sandbox-address:bob``."""
        target = read(destination)
        if target is None:
            return c.Declined(_UNREADABLE)
        return c.Destination(target.payment_hash, target.amount, target.expires_at)

    def take(self, invoice_id: str, amount: int) -> bool:
        """Receive a payment of another account; whether this one takes it."""
        with self._transaction() as db:
            record = self._find(db, invoice_id)
            if record is None or record.hold or record.status not in PAYABLE:
                return False
            save(db, record.settled(amount))
            return True

    # The work, inside the transaction.

    def _invoice(self, db: sqlite3.Connection, record: Record) -> c.Invoice:
        """An invoice as the application gets it; its text says all that a sender has to know."""
        preimage = preimage_of(self._account, record.invoice_id)
        amount, expires_at = record.money(record.amount), moment_of(record.expires_at)
        target = Target(
            invoice_id=record.invoice_id,
            account=self._account,
            payment_hash=record.payment_hash or hashlib.sha256(preimage).hexdigest(),
            amount=amount,
            expires_at=expires_at,
            time_lock_s=_setting(db, "time_lock_s"),
        )
        return c.Invoice(record.invoice_id, amount, target.written(), expires_at)

    def _send(self, db: sqlite3.Connection, command: c.PayOutCommand) -> c.CommandOutcome:
        """Begin a payment, and end it as fate wants it."""
        target = read(command.destination)
        if target is None:
            return c.Declined(_UNREADABLE)
        refused = self._refusal(db, command, target)
        if refused:
            return c.Declined(refused)
        payment = Payment(
            payment_id=command.payment_id,
            key=command.key,
            destination=command.destination,
            amount=command.amount.amount,
            currency=command.amount.currency,
            fee_max=command.fee_max.amount,
        )
        fate = _next_fate(db)
        fee = payment.fee_max + 1 if fate == "overcharged" else _setting(db, "route_fee")
        failure = _FAILURES.get(fate or "") or self._obstacle(db, command, target, fate, fee)
        payment = replace(payment, fee=fee)
        db.execute(_INSERT, asdict(payment))
        if fate != "stuck" or failure is not None:
            self._settle(db, payment, failure)
        return c.Accepted()

    def _shown(self, db: sqlite3.Connection, payment_id: str) -> c.PaymentLookup:
        """What the bank shows about a payment."""
        payment = _find(db, payment_id)
        if payment is None or payment.forgotten:
            return c.NotFound()
        if payment.status == "in_flight":
            return c.InFlight()
        if payment.failure is not None:
            return c.PayFailed(c.PayFailure(payment.failure))
        amount, fee = (Money(n, payment.currency) for n in (payment.amount, payment.fee))
        return c.PaidOut(amount, fee, self._proof(payment))

    def _held_for_us(self, db: sqlite3.Connection) -> tuple[Money, ...]:
        """What has come in, less what was paid out and what that has cost."""
        return tuple(Money(amount, currency) for currency, amount in db.execute(_HOLDINGS))

    def _refusal(self, db: sqlite3.Connection, command: c.PayOutCommand, target: Target) -> str:
        """Why the bank does not take a command; empty if it does."""
        now = self._clock.now()
        if _find(db, command.payment_id) is not None:
            return "this payment was sent before"
        if now > command.give_up_at:
            return "it is too late"
        if target.payment_hash not in (None, command.payment_id):
            return "the payment id is not that of the destination"
        if target.amount not in (None, command.amount) or command.amount.amount <= 0:
            return "the amount is not what is asked for"
        if target.expires_at is not None and now >= target.expires_at:
            return "the invoice has expired"
        return ""

    def _obstacle(
        self,
        db: sqlite3.Connection,
        command: c.PayOutCommand,
        target: Target,
        fate: str | None,
        fee: int,
    ) -> c.PayFailure | None:
        """What is in the way of a payment."""
        (cover,) = db.execute(_COVER, {"currency": command.amount.currency}).fetchone()
        if cover < command.amount.amount + fee:
            return c.PayFailure.INSUFFICIENT_BALANCE
        if fee > command.fee_max.amount and fate != "overcharged":
            return c.PayFailure.FEE_TOO_HIGH
        if self._takes_too_long(db, command.hold_deadline, target.time_lock_s):
            return c.PayFailure.TIME_LOCK_TOO_SHORT
        if target.invoice_id is not None and target.account not in self._receivers:
            return c.PayFailure.RECEIVER_UNREACHABLE
        return None

    def _takes_too_long(
        self, db: sqlite3.Connection, deadline: c.HoldDeadline | None, time_lock_s: int
    ) -> bool:
        match deadline:
            case c.InstantDeadline(at):
                return self._clock.now() + timedelta(seconds=time_lock_s) > at
            case c.HeightDeadline(at_height):
                return height(db) + -(-time_lock_s // BLOCK_S) > at_height
            case None:
                return False

    def _settle(
        self, db: sqlite3.Connection, payment: Payment, failure: c.PayFailure | None
    ) -> None:
        target = read(payment.destination)
        receiver = self._receivers.get(target.account) if target else None
        if failure is None and target and target.invoice_id and receiver:
            taken = receiver.take(target.invoice_id, payment.amount)
            failure = None if taken else c.PayFailure.REFUSED
        if failure is not None:
            _save(db, replace(payment, status="failed", fee=0, failure=failure.value))
        else:
            _save(db, replace(payment, status="paid_out"))

    def _end(self, payment_id: str, failure: c.PayFailure | None) -> bool:
        with self._transaction() as db:
            payment = _find(db, payment_id)
            if payment is None or payment.status != "in_flight":
                return False
            self._settle(db, payment, failure)
            return True

    def _proof(self, payment: Payment) -> bytes | None:
        """The receiver's preimage, which only a payment gives away."""
        target = read(payment.destination)
        receiver = self._receivers.get(target.account) if target else None
        if target is None or target.invoice_id is None or receiver is None:
            return None
        return preimage_of(receiver.account, target.invoice_id)

    def _paying(self, column: str) -> int:
        with self._transaction() as db:
            return _setting(db, column)

    def _set_paying(self, column: str, value: int) -> None:
        with self._transaction() as db:
            db.execute(f"UPDATE paying SET {column} = ?", (value,))


def _find(db: sqlite3.Connection, payment_id: str) -> Payment | None:
    query = "SELECT * FROM payments WHERE payment_id = ?"
    row = db.execute(query, (writable(payment_id),)).fetchone()
    return Payment(*row) if row else None


def _save(db: sqlite3.Connection, payment: Payment) -> None:
    db.execute(_SAVE, asdict(payment))


def _next_fate(db: sqlite3.Connection) -> str | None:
    row = db.execute(_NEXT_FATE).fetchone()
    if row is None:
        return None
    db.execute("UPDATE fates SET times = times - 1 WHERE number = ?", (row[0],))
    return row[1]


def _setting(db: sqlite3.Connection, column: str) -> int:
    return db.execute(f"SELECT {column} FROM paying").fetchone()[0]
