"""The world of the simulation: a flow, its gateway, a clock, and what can be done to them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from paidflow import PaidFlow, Receipt, Worker
from paidflow.flow.loaded import load
from paidflow.payments.contract import (
    CancelCommand,
    CaptureCommand,
    CommandOutcome,
    Lookup,
    OpenCommand,
    OpenOutcome,
)
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.aggregate import Aggregate
from paidflow.store.contract import Store, Transaction
from paidflow.testing import ManualClock, SeededIds
from tests.wall import NOTES, SECRET

T = TypeVar("T")
REST_ROUNDS_MAX = 60


class Watched(SandboxGateway):
    """A sandbox that counts what it answers."""

    seen: Counter[str]

    def open(self, command: OpenCommand) -> OpenOutcome:
        return self._count("open", super().open(command))

    def lookup(self, invoice_id: str) -> Lookup:
        return self._count("lookup", super().lookup(invoice_id))

    def capture(self, command: CaptureCommand) -> CommandOutcome:
        return self._count("capture", super().capture(command))

    def cancel(self, command: CancelCommand) -> CommandOutcome:
        return self._count("cancel", super().cancel(command))

    def _count(self, operation: str, answer: T) -> T:
        self.seen[f"{operation}:{type(answer).__name__}"] += 1
        return answer


@dataclass
class Known:
    """An action that the simulation has requested."""

    receipt: Receipt
    actor: str | None
    invoices: list[str] = field(default_factory=list)


class World:
    """One run's flow, gateway and clock.

    Args:
        store: an empty store with all tables.
        gateway: the settings of the sandbox.
        seed: of ids.
        seen: counts what the gateway answers.
    """

    def __init__(
        self, store: Store, gateway: dict[str, object], seed: int, seen: Counter[str]
    ) -> None:
        self.clock = ManualClock()
        self._latest = self.clock.now()
        self.ids = SeededIds(seed)
        self.bank = Watched(":memory:", sandbox=True, clock=self.clock, **gateway)  # type: ignore[arg-type]
        self.bank.seen = seen
        self.store = store
        self.known: list[Known] = []
        self._aggregates: dict[str, Aggregate] = {}
        self.flow = self._open()
        self.worker = Worker(self.flow)

    def aggregate(self, tx: Transaction, action_id: str, version: int) -> Aggregate:
        """An action as the log tells it, read again only when it has moved on."""
        kept = self._aggregates.get(action_id)
        if kept is None or kept.version != version:
            loaded = load(tx, action_id)
            assert loaded is not None
            kept = loaded.aggregate
            self._aggregates[action_id] = kept
        return kept

    def tick(self, seconds: int) -> None:
        """Move the clock, also back."""
        self._latest = max(self._latest, self.clock.now())
        self.clock.tick(seconds)

    def restart(self) -> None:
        """A new process on the same database and the same gateway."""
        self.flow = self._open()
        self.worker = Worker(self.flow)

    def rest(self) -> None:
        """Let every fault end and every clock run until nobody has anything left to do now."""
        self.bank.outage(False)
        self.bank.updates_mode = "normal"
        self.bank.deliver_late()
        self.bank.clear_faults()
        for known in self.known:
            for invoice_id in known.invoices:
                self.bank.fail_payment(invoice_id)
                if self.bank.remember(invoice_id):
                    self.flow.sync("sandbox", invoice_id)
        self.clock.tick(max(0.0, (self._latest - self.clock.now()).total_seconds()))
        for _ in range(REST_ROUNDS_MAX):
            self.clock.tick(minutes=11)
            while self.worker.run_once():
                pass
            if self._quiet():
                return
        raise AssertionError("the worker does not come to rest")

    def _quiet(self) -> bool:
        with self.store.reading() as tx:
            row = tx.execute(
                "select count(*) as total from paidflow_actions"
                " where owed is not null and owed not in ('person', 'watch') and due_at <= :soon",
                soon=self.clock.now() + timedelta(minutes=11),
            ).fetchone()
        return row is not None and row["total"] == 0

    def _open(self) -> PaidFlow:
        return PaidFlow(
            self.store,
            actions=NOTES,
            gateways={"sandbox": self.bank},
            secret=SECRET,
            clock=self.clock,
            ids=self.ids,
        )
