"""One run of the simulation: how it begins and ends, and what its rules have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition

from paidflow import PaidAction, PaidflowError, Receipt, State
from paidflow.errors import IllegalTransition
from paidflow.store.contract import Store
from tests.payday import Cash
from tests.simulation.invariants import check_always, check_at_rest
from tests.simulation.world import Known, World
from tests.wall import NOTES, RAISED
from tests.zaps import HeldZap, Zap

ACTORS = ("ann", "bob", None)
GATEWAYS = (
    {},
    {"deadline": "height"},
    {"close_grace_s": 300},
)
FAULTS = ("decline", "refuse", "time_out_before", "time_out_after", "raise")
PICK = st.integers(0, 10_000)


def touches(reach: Callable[[Known], list[str]]) -> Any:
    """A rule for runs that have some of these."""
    return precondition(lambda self: any(reach(known) for known in self.world.known))


def invoices(known: Known) -> list[str]:
    """The invoices of an action."""
    return known.invoices


class Run(RuleBasedStateMachine):
    """A world, and what the rules need to change it."""

    counts: Counter[str]
    new_store: Callable[[], Store]
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        self.world: World

    @initialize(
        gateway=st.sampled_from(GATEWAYS),
        seed=PICK,
        first=st.lists(st.sampled_from((*NOTES, Zap, HeldZap)), min_size=1, max_size=3),
        actor=st.sampled_from(ACTORS),
    )
    def begin(
        self,
        gateway: dict[str, object],
        seed: int,
        first: list[type[Any]],
        actor: str | None,
    ) -> None:
        RAISED.clear()  # the ids of a run come again when it is replayed
        Cash.raised.clear()
        self.world = World(type(self).new_store(), dict(gateway), seed, self.counts)
        self.steps_since_rest = self.funded = 0
        for kind in first:
            receipt = self.world.flow.perform(kind(text="first"), actor=actor)
            self.world.known.append(Known(receipt, actor))
        self._remember_invoices()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.rest()
            check_at_rest(self.world)
            self._count_ends()
            self.world.store.close()

    def _count_ends(self) -> None:
        for a in self.world.all().values():
            if a.failure_reason is not None:
                self.counts[f"failed:{a.failure_reason.name}"] += 1
            for attempt in a.attempts:
                if attempt.receiver and a.passed_on and a.passed_on.number == attempt.pay_out:
                    self.counts[f"paid:{attempt.receiver.wallet}"] += 1
        with self.world.store.reading() as tx:
            for row in tx.execute("select debit, credit from paidflow_entries").fetchall():
                ends = (row[side].partition(":")[0] for side in ("debit", "credit"))
                self.counts[f"entry:{'>'.join(ends)}"] += 1

    def _did(self, name: str) -> None:
        self.counts[f"rule:{name}"] += 1
        self.steps_since_rest += 1
        check_always(self.world)
        self._remember_invoices()

    def _known(self, pick: int) -> Known:
        return self.world.known[pick % len(self.world.known)]

    def _invoice(self, pick: int) -> str:
        every = [i for known in self.world.known for i in known.invoices]
        return every[pick % len(every)]

    def _try(self, call: Callable[[], object]) -> None:
        try:
            call()
        except IllegalTransition:
            raise  # nobody may bring an action there
        except PaidflowError as error:
            self.counts[f"error:{type(error).__name__}"] += 1

    def _remember_invoices(self) -> None:
        with self.world.store.reading() as tx:
            rows = tx.execute(
                "select action_id, invoice_id from paidflow_attempts"
                " where invoice_id is not null order by number"
            ).fetchall()
        for known in self.world.known:
            mine = [row for row in rows if row["action_id"] == known.receipt.action_id]
            known.invoices = [row["invoice_id"] for row in mine]

    def _request(
        self, action: PaidAction, actor: str | None, key: str | None = None
    ) -> Receipt | None:
        """Request an action; its receipt if there is a new one."""
        receipts: list[Receipt] = []

        def request() -> None:
            receipt = self.world.flow.perform(action, actor=actor, idempotency_key=key)
            if receipt.changed:
                self.world.known.append(Known(receipt, actor))
                receipts.append(receipt)
            else:
                self.counts["replay"] += 1

        self._try(request)
        return receipts[0] if receipts else None

    def _pay(self, receipt: Receipt) -> State:
        """Pay the invoice of an action if there is one, and look at it."""
        if receipt.invoice_id is not None:
            self.world.bank.pay(receipt.invoice_id)
        return self._look(receipt)

    def _look(self, receipt: Receipt) -> State:
        """Look at the invoice of an action; where it stands then."""
        self._try(lambda: self.world.flow.sync("sandbox", receipt.invoice_id or ""))
        loaded = self.world.flow.steps.load(receipt.action_id)
        assert loaded is not None
        return loaded.aggregate.state

    def _retry(self, known: Known) -> Receipt | None:
        """Retry an action; its receipt if it could be."""
        action_id, proof = known.receipt.action_id, known.receipt.proof
        proof = proof if known.actor is None else None
        receipts: list[Receipt] = []
        self._try(
            lambda: receipts.append(
                self.world.flow.retry(action_id, actor=known.actor, proof=proof)
            )
        )
        return receipts[0] if receipts else None
