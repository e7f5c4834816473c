"""Where one cell of the crash tests happens: a database, a bank and a clock that outlive a process.

Every process opens its own world on the same three places.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from paidflow import PaidAction, PaidFlow, Receipt, Worker, sats
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import SeededIds
from tests.wall import open_wall

START = datetime(2030, 1, 1, tzinfo=UTC)
KEY = "a key of more than 128 random bits"
GRANTED = sats(25)
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


@dataclass(slots=True)
class World:
    """What a scripted process works with.

    Args:
        flow: the application.
        sandbox: the bank.
        clock: the time.
        at: what happens in the world when a point is reached, once each.
    """

    flow: PaidFlow
    sandbox: SandboxGateway
    clock: SharedClock
    at: dict[str, Callable[[], None]] = field(default_factory=dict[str, Callable[[], None]])

    def request(self, action: PaidAction, actor: str | None = "ann") -> Receipt:
        """Request an action; always under the same key."""
        return self.flow.perform(action, actor=actor, idempotency_key=KEY)

    def pay(self, receipt: Receipt) -> None:
        """The payer pays what the receipt asks for."""
        assert receipt.invoice_id is not None
        assert self.sandbox.pay(receipt.invoice_id)

    def grant(self) -> None:
        """Give Ann some credits; always under the same key."""
        self.flow.grant("ann", GRANTED, key="welcome")

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
        self.sandbox.close()


def open_world(place: Place, seed: int, grace_s: int | None = None) -> World:
    """Open a world as a process does when it starts.

    Args:
        place: where everything is.
        seed: for ids; each process of a cell takes another one.
        grace_s: for a bank that cannot confirm a close, when an expired invoice counts as closed.
    """
    clock = SharedClock(place.clock)
    sandbox = SandboxGateway(place.bank, sandbox=True, clock=clock, close_grace_s=grace_s)
    ids = SeededIds(seed)
    flow = open_wall(place.url, {"sandbox": sandbox}, clock=clock, ids=ids, create=False)
    return World(flow, sandbox, clock)
