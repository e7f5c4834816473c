"""The world of the simulation: a flow, its gateway, a clock, and what can be done to them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from paidflow import PaidFlow, Receipt, Worker
from paidflow.flow.breaker import REST_MAX
from paidflow.flow.loaded import load
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.aggregate import Aggregate
from paidflow.store.contract import Store, Transaction
from paidflow.testing import ManualClock, SeededIds
from tests.payday import Cash
from tests.simulation.bank import Watched, WatchedWallet
from tests.simulation.desk import DOLLAR_NOTES, Desk
from tests.wall import SECRET
from tests.zaps import ZAPS

REST_ROUNDS_MAX = 60
ROUTE_FEE_MSATS = 100
TIME_LOCK_S = 600


@dataclass
class Known:
    """An action that the simulation has requested."""

    receipt: Receipt
    actor: str | None
    invoices: list[str] = field(default_factory=list)


class World:
    """One run's flow, gateway, receivers, exchange and clock.

    Args:
        store: an empty store with all tables.
        gateway: the settings of the sandbox.
        seed: of ids.
        seen: counts what the gateway, the wallets and the exchange answer.
    """

    def __init__(
        self, store: Store, gateway: dict[str, object], seed: int, seen: Counter[str]
    ) -> None:
        self.clock = ManualClock()
        self._latest = self.clock.now()
        self.ids = SeededIds(seed)
        self.bob = SandboxGateway(":memory:", sandbox=True, clock=self.clock, account="bob")
        self.bank = Watched(self.clock, seen, [self.bob], **gateway)
        self.bank.route_fee = ROUTE_FEE_MSATS
        self.wallets = {
            "bob-phone": WatchedWallet(self.bob, SeededIds(seed + 1), seen),
            "bob-home": WatchedWallet(self.bob, SeededIds(seed + 2), seen, rounds_to=1_000),
        }
        self.desk = Desk(self.clock, seen)
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

    def fine(self) -> None:
        """Let every fault end."""
        self.bank.outage(False)
        self.bank.clear_faults()
        self.bank.payer_is_faster = False
        self.bank.route_fee = ROUTE_FEE_MSATS
        self.bob.time_lock_s = TIME_LOCK_S
        self.desk.mood = "fine"
        for wallet in self.wallets.values():
            wallet.fault = None

    def rest(self) -> None:
        """Let every fault end and every clock run until nobody has anything left to do now."""
        self.fine()
        self.clock.tick(REST_MAX.total_seconds())  # a gateway that was left alone is asked again
        self.bank.updates_mode = "normal"
        self.bank.deliver_late()
        for known in self.known:
            for invoice_id in known.invoices:
                self.bank.fail_payment(invoice_id)
                if self.bank.remember(invoice_id):
                    self.flow.sync("sandbox", invoice_id)
        self._remember_payments()
        self.clock.tick(max(0.0, (self._latest - self.clock.now()).total_seconds()))
        for _ in range(REST_ROUNDS_MAX):
            self.bank.end_payments()
            self.clock.tick(minutes=11)
            while self.worker.run_once():
                pass
            if self._quiet():
                return
        raise AssertionError("the worker does not come to rest")

    def _remember_payments(self) -> None:
        """The gateway knows every payment again; where it had denied one, somebody looks."""
        self.bank.end_payments()
        for payment in self.bank.payments():
            self.bank.forget_payment(payment.payment_id, forgotten=False)
        if self.bank.denied:
            for action_id, a in self.all().items():
                for pay_out in a.pay_outs:
                    if pay_out.payment_id in self.bank.denied:
                        self.flow.sync_payment(action_id, pay_out.number)

    def all(self) -> dict[str, Aggregate]:
        """Every action by its id, as the log tells it."""
        with self.store.reading() as tx:
            rows = tx.execute("select action_id, version from paidflow_actions").fetchall()
            return {
                row["action_id"]: self.aggregate(tx, row["action_id"], row["version"])
                for row in rows
            }

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
            actions=[*ZAPS, *DOLLAR_NOTES, Cash],
            gateways={"sandbox": self.bank},
            secret=SECRET,
            clock=self.clock,
            ids=self.ids,
            wallets=self.wallets,
            quotes=self.desk,
        )
