"""The Hypothesis state machine: one set of rules for both stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from paidflow import PaidAction, PaidflowError, msats, sats
from paidflow.store.contract import Store
from tests.simulation.invariants import check_always, check_at_rest
from tests.simulation.world import Known, World
from tests.wall import NOTES, HeldNote

ACTORS = ("ann", "bob", None)
HOOKS = ("perform", "on_paid", "on_failed", "on_retry", "after_paid")
GATEWAYS = (
    {},
    {"deadline": "height"},
    {"close_grace_s": 300},
)
FAULTS = ("decline", "refuse", "time_out_before", "time_out_after", "raise")
REST_EVERY = 12
PICK = st.integers(0, 10_000)


def _touches(reach: Callable[[Known], list[str]]) -> Any:
    return precondition(lambda self: any(reach(known) for known in self.world.known))


def _invoices(known: Known) -> list[str]:
    return known.invoices


class PaidActions(RuleBasedStateMachine):
    """Does anything to paid actions, in any order."""

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
        first=st.lists(st.sampled_from(NOTES), min_size=1, max_size=3),
        actor=st.sampled_from(ACTORS),
    )
    def begin(
        self,
        gateway: dict[str, object],
        seed: int,
        first: list[type[Any]],
        actor: str | None,
    ) -> None:
        self.world = World(type(self).new_store(), dict(gateway), seed, self.counts)
        self.steps_since_rest = 0
        for kind in first:
            receipt = self.world.flow.perform(kind(text="first"), actor=actor)
            self.world.known.append(Known(receipt, actor))
        self._remember_invoices()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.rest()
            check_at_rest(self.world)
            self.world.store.close()

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

    # What actors do.

    @rule(
        kind=st.sampled_from(NOTES),
        actor=st.sampled_from(ACTORS),
        price=st.sampled_from((0, 10, 10, 10)),
        hook=st.sampled_from((*HOOKS, *([None] * 8))),
        times=st.sampled_from((1, -1)),
        claim=st.sampled_from((None, None, None, "seat 1")),
        valid=st.booleans(),
        key=st.sampled_from((None, "a key of 22 characters", "another key of 22 chars")),
    )
    def perform(
        self,
        kind: type[Any],
        actor: str | None,
        price: int,
        hook: str | None,
        times: int,
        claim: str | None,
        valid: bool,
        key: str | None,
    ) -> None:
        raises = {} if hook is None else {hook: times}
        action = kind(
            text="gm", price_sats=price, raises=raises, claim=claim, valid_when_late=valid
        )

        self._request(action, actor, key)
        self._did("perform")

    def _request(self, action: PaidAction, actor: str | None, key: str | None) -> None:
        def request() -> None:
            receipt = self.world.flow.perform(action, actor=actor, idempotency_key=key)
            if receipt.changed:
                self.world.known.append(Known(receipt, actor))
            else:
                self.counts["replay"] += 1

        self._try(request)

    @precondition(lambda self: self.world.known)
    @rule(pick=PICK)
    def retry(self, pick: int) -> None:
        known = self._known(pick)
        proof = known.receipt.proof if known.actor is None else None
        self._try(
            lambda: self.world.flow.retry(known.receipt.action_id, actor=known.actor, proof=proof)
        )
        self._did("retry")

    @precondition(lambda self: self.world.known)
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        known = self._known(pick)
        self._try(
            lambda: self.world.flow.cancel(known.receipt.action_id, proof=known.receipt.proof)
        )
        self._did("cancel")

    @precondition(lambda self: self.world.known)
    @rule(pick=PICK, actor=st.sampled_from(("ann", "bob")))
    def claim(self, pick: int, actor: str) -> None:
        known = self._known(pick)
        proof = known.receipt.proof or ""
        self._try(lambda: self.world.flow.claim(known.receipt.action_id, proof=proof, actor=actor))
        self._did("claim")

    @rule(actor=st.sampled_from(("ann", "bob")), key=st.integers(0, 3))
    def grant(self, actor: str, key: int) -> None:
        self.world.flow.grant(actor, sats(15), key=f"{actor} {key}")
        self._did("grant")

    # What payers and gateways do.

    @_touches(_invoices)
    @rule(pick=PICK, share=st.sampled_from((1.0, 1.0, 1.0, 0.5, 2.0)))
    def pay(self, pick: int, share: float) -> None:
        self.world.bank.pay(self._invoice(pick), msats(int(10_000 * share)))
        self._did("pay")

    @_touches(_invoices)
    @rule(pick=PICK)
    def pay_and_look(self, pick: int) -> None:
        invoice_id = self._invoice(pick)
        self.world.bank.pay(invoice_id)
        self._try(lambda: self.world.flow.sync("sandbox", invoice_id))
        self._did("pay_and_look")

    @_touches(_invoices)
    @rule(pick=PICK)
    def pay_late(self, pick: int) -> None:
        self.world.bank.pay_late(self._invoice(pick))
        self._did("pay_late")

    @_touches(_invoices)
    @rule(pick=PICK)
    def pay_again(self, pick: int) -> None:
        self.world.bank.pay_again(self._invoice(pick), msats(10_000))
        self._did("pay_again")

    @_touches(_invoices)
    @rule(pick=PICK, ends=st.booleans())
    def start_payment(self, pick: int, ends: bool) -> None:
        invoice_id = self._invoice(pick)
        self.world.bank.start_payment(invoice_id)
        self._try(lambda: self.world.flow.sync("sandbox", invoice_id))
        if ends:
            self.world.bank.fail_payment(invoice_id)
        self._did("start_payment")

    @_touches(_invoices)
    @rule(pick=PICK)
    def expire(self, pick: int) -> None:
        self.world.bank.expire(self._invoice(pick))
        self._did("expire")

    @_touches(_invoices)
    @rule(pick=PICK, settle=st.booleans())
    def end_hold(self, pick: int, settle: bool) -> None:
        end = self.world.bank.settle_hold if settle else self.world.bank.release_hold
        end(self._invoice(pick))
        self._did("end_hold")

    @_touches(_invoices)
    @rule(pick=PICK, remember=st.booleans())
    def forget(self, pick: int, remember: bool) -> None:
        change = self.world.bank.remember if remember else self.world.bank.forget
        change(self._invoice(pick))
        self._did("forget")

    @rule(
        operation=st.sampled_from(("open", "lookup", "capture", "cancel", "updates")),
        kind=st.sampled_from(FAULTS),
        times=st.integers(1, 3),
    )
    def fault(self, operation: Any, kind: Any, times: int) -> None:
        if operation in ("open", "capture", "cancel") or kind != "decline":
            self.world.bank.fault(operation, kind, times)
        self._did("fault")

    @precondition(lambda self: self.world.known)
    @rule(
        operation=st.sampled_from(("open", "lookup", "capture", "cancel")),
        kind=st.sampled_from(FAULTS),
        pick=PICK,
    )
    def fault_now(self, operation: Any, kind: Any, pick: int) -> None:
        """A fault at the very next call of this kind, and that call."""
        self.world.bank.outage(False)
        self.world.bank.clear_faults()
        if operation == "capture":
            self._request(HeldNote(text="fault"), ACTORS[pick % 3], None)
            self._remember_invoices()
        flow, known = self.world.flow, self.world.known[-1 - pick % min(2, len(self.world.known))]
        self.world.bank.fault(operation, kind)
        match operation:
            case "open":
                self._request(NOTES[pick % 2](text="fault"), ACTORS[pick % 3], None)
            case "cancel":
                self._try(lambda: flow.cancel(known.receipt.action_id, proof=known.receipt.proof))
            case _:
                if known.invoices:
                    self.world.bank.pay(known.invoices[-1])
                    self._try(lambda: flow.sync("sandbox", known.invoices[-1]))
        self._did("fault_now")

    @rule(on=st.booleans())
    def outage(self, on: bool) -> None:
        self.world.bank.outage(on)
        self._did("outage")

    @rule(mode=st.sampled_from(("normal", "duplicate", "reversed", "late")), early=st.booleans())
    def stream(self, mode: Any, early: bool) -> None:
        self.world.bank.updates_mode = mode
        self.world.bank.hint_before_open_returns = early
        self._did("stream")

    @rule(blocks=st.sampled_from((1, 6, 140)))
    def mine(self, blocks: int) -> None:
        self.world.bank.mine_blocks(blocks)
        self._did("mine")

    # What the application and time do.

    @_touches(_invoices)
    @rule(pick=PICK, times=st.integers(1, 2))
    def sync(self, pick: int, times: int) -> None:
        invoice_id = self._invoice(pick)
        for _ in range(times):
            self._try(lambda: self.world.flow.sync("sandbox", invoice_id))
        self._did("sync")

    @rule()
    def work(self) -> None:
        self.world.worker.run_once()
        self._did("work")

    @rule()
    def restart(self) -> None:
        self.world.restart()
        self._did("restart")

    @rule(seconds=st.sampled_from((1, 6, 61, 700, 7200, -600)))
    def tick(self, seconds: int) -> None:
        self.world.tick(seconds)
        self._did("tick")

    @precondition(lambda self: self.world.known)
    @rule(pick=PICK)
    def erase(self, pick: int) -> None:
        self._try(lambda: self.world.flow.erase(self._known(pick).receipt.action_id))
        self._did("erase")

    @precondition(lambda self: self.world.known)
    @rule(pick=PICK, resolution=st.sampled_from(("retry", "accept", "credit", "close", "dismiss")))
    def resolve(self, pick: int, resolution: Any) -> None:
        action_id = self._known(pick).receipt.action_id
        self._try(
            lambda: self.world.flow.resolve(action_id, resolution, operator="op", why="a test")
        )
        self._did("resolve")

    @precondition(lambda self: self.steps_since_rest > REST_EVERY)
    @rule()
    def rest(self) -> None:
        self.world.rest()
        check_at_rest(self.world)
        self._did("rest")
        self.steps_since_rest = 0
