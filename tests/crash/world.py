"""Where one cell of the crash tests happens: a database, a bank and a clock that outlive a process.

Every process opens its own world on the same three places.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from paidflow import Money, PaidAction, PaidFlow, Quote, Receipt, Worker, sats
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_wallet import SandboxWallet
from paidflow.testing import SeededIds
from tests.crash.notes import EVERY, Donation
from tests.payday import PAYDAY, Tip
from tests.wall import RefundedNote, SharedNote, open_wall
from tests.zaps import ZAPS

START = datetime(2030, 1, 1, tzinfo=UTC)
KEY = "a key of more than 128 random bits"
GRANTED = sats(25)
TIP = Tip(text="for Ann", price_sats=30, to="ann")
DONATION = Donation(text="for the pool", price_sats=15)
ROUNDS_MAX = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SharedClock:
    """A clock in a file: it stands still until a process moves it, for all processes.

    Args:
        path: the file; it holds microseconds since 1970.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def now(self) -> datetime:
        """The moment it was set to."""
        with open(self._path, encoding="ascii") as file:
            return _EPOCH + timedelta(microseconds=int(file.read()))

    def set(self, moment: datetime) -> None:
        """Set it."""
        since_1970_us = (moment - _EPOCH) // timedelta(microseconds=1)
        with open(f"{self._path}.{os.getpid()}", "w", encoding="ascii") as file:
            file.write(str(since_1970_us))
        os.replace(file.name, self._path)

    def tick(self, seconds: float) -> None:
        """Move on."""
        self.set(self.now() + timedelta(seconds=seconds))


@dataclass(frozen=True, slots=True)
class Place:
    """What outlives a process.

    Args:
        url: the database of the flow.
        bank: the file of the sandbox bank.
        clock: the file of the clock.
    """

    url: str
    bank: str
    clock: str


class Desk:
    """Converts dollars into bitcoin.

    Args:
        clock: the time.
    """

    def __init__(self, clock: SharedClock) -> None:
        self._clock = clock
        self.rate = "1/100000"
        self.down = False

    def quote(self, cost: Money, currency: str) -> Quote | None:
        """What it is in bitcoin, for fifteen minutes."""
        if self.down:
            raise ConnectionError
        until = self._clock.now() + timedelta(minutes=15)
        return Quote.at(self.rate, cost, currency, source="desk", valid_until=until)


@dataclass(slots=True)
class World:
    """What a scripted process works with.

    Args:
        flow: the application.
        sandbox: the bank.
        clock: the time.
        desk: where rates come from.
        url: the database, for transactions of the application itself.
        accounts: those of receivers, which the bank can pay.
        at: what happens in the world when a point is reached, once each.
    """

    flow: PaidFlow
    sandbox: SandboxGateway
    clock: SharedClock
    desk: Desk
    url: str
    accounts: list[SandboxGateway] = field(default_factory=list[SandboxGateway])
    at: dict[str, Callable[[], None]] = field(default_factory=dict[str, Callable[[], None]])

    def request(self, action: PaidAction, actor: str | None = "ann") -> Receipt:
        """Request an action; always under the same key."""
        return self.flow.perform(action, actor=actor, idempotency_key=KEY)

    def pay(self, receipt: Receipt) -> None:
        """The payer pays what the receipt asks for."""
        assert receipt.invoice_id is not None
        assert self.sandbox.pay(receipt.invoice_id)

    def hear(self, invoice_id: str | None) -> None:
        """The bank sends a webhook about an invoice."""
        self.flow.receive_webhook("sandbox", *self.sandbox.webhook(invoice_id or ""))

    def grant(self) -> None:
        """Give Ann some credits; always under the same key."""
        self.flow.grant("ann", GRANTED, key="welcome")

    def earn(self) -> None:
        """Somebody tips Ann; always under the same key."""
        self._give(TIP, "tip")

    def donate(self) -> None:
        """Somebody pays into the pool; always under the same key."""
        self._give(DONATION, "donation")

    def _give(self, action: PaidAction, key: str) -> None:
        receipt = self.flow.perform(action, actor="carl", idempotency_key=key)
        self.sandbox.pay(receipt.invoice_id or "")
        self.flow.sync("sandbox", receipt.invoice_id or "")

    def end_payments(self, *, arrive: bool) -> None:
        """What is stuck comes to its end."""
        end = self.sandbox.finish_payment if arrive else self.sandbox.break_payment
        for payment in self.sandbox.payments():
            end(payment.payment_id)

    def lose_payment(self) -> None:
        """The next payment is on its way, and nobody answers about it."""
        self.sandbox.fate("stuck")
        self.sandbox.fault("pay_out", "time_out_after")
        self.sandbox.fault("lookup_payment", "time_out_before")

    def deny_payments(self, denied: bool = True) -> None:
        """The bank says of each payment that there is none, or the truth again."""
        for payment in self.sandbox.payments():
            self.sandbox.forget_payment(payment.payment_id, forgotten=denied)

    def reconcile_payments(self) -> None:
        """Look at all payments, also those that are over, as ``paidflow reconcile`` does."""
        with self.flow.store.reading() as tx:
            rows = tx.execute("select action_id, number from paidflow_payments").fetchall()
        for row in rows:
            self.flow.sync_payment(row["action_id"], row["number"])

    def work(self) -> None:
        """Let a worker do what is due now, once."""
        Worker(self.flow).run_once()

    def work_until_quiet(self) -> None:
        """Let a worker do everything that is due now."""
        worker = Worker(self.flow)
        for _ in range(ROUNDS_MAX):
            if not worker.run_once():
                return
        raise AssertionError("the worker does not come to rest")

    def close(self) -> None:
        """Close what this process has opened."""
        self.flow.close()
        for bank in (self.sandbox, *self.accounts):
            bank.close()


def open_world(
    place: Place, seed: int, grace_s: int | None = None, *, receives: bool = False
) -> World:
    """Open a world as a process does when it starts.

    Args:
        place: where everything is.
        seed: for ids; each process of a cell takes another one.
        grace_s: for a bank that cannot confirm a close, when an expired invoice counts as closed.
        receives: whether Bob has an account that the bank can pay, and wallets.
    """
    clock = SharedClock(place.clock)
    ids = SeededIds(seed)
    accounts: list[SandboxGateway] = []
    wallets: dict[str, SandboxWallet] = {}
    if receives:
        bob = SandboxGateway(f"{place.bank}.bob", sandbox=True, clock=clock, ids=ids, account="bob")
        accounts.append(bob)
        wallets = {name: SandboxWallet(bob, ids=ids) for name in ("bob-phone", "bob-home")}
    sandbox = SandboxGateway(
        place.bank,
        sandbox=True,
        clock=clock,
        webhook_secret="shared with the bank",
        close_grace_s=grace_s,
        receivers=accounts,
    )
    desk = Desk(clock)
    flow = open_wall(
        place.url,
        {"sandbox": sandbox},
        clock=clock,
        ids=ids,
        create=False,
        actions=[*dict.fromkeys((*ZAPS, *PAYDAY, RefundedNote, SharedNote, *EVERY))],
        wallets=wallets,
        quotes=desk,
    )
    return World(flow, sandbox, clock, desk, place.url, accounts)
