"""The Hypothesis state machine: one set of rules for both stores."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from paidflow import msats, purse, withdrawable
from paidflow.flow.sweeping import Sweeping
from paidflow.payments.sandbox_payments import PaymentFate
from tests.payday import cash
from tests.simulation.desk import DOLLAR_NOTES
from tests.simulation.dollars import Dollars
from tests.simulation.invariants import check_at_rest
from tests.simulation.receivers import Receivers
from tests.simulation.reversals import Reversals
from tests.simulation.run import ACTORS, FAULTS, PICK, invoices, touches
from tests.wall import NOTES, HeldNote
from tests.zaps import Bill, Earning, HeldZap, Zap, fund

KINDS = (*NOTES, Zap, Zap, HeldZap, Earning, Bill, *DOLLAR_NOTES)
AMOUNTS_MSATS = (40_000, 15_000, 4_300, 2_950, 699)
"""Enough for some, and what leaves a fraction to be filled up, or not."""
HOOKS = ("perform", "on_paid", "on_failed", "on_retry", "after_paid")
COMMANDS = ("open", "capture", "cancel", "refund", "pay_out")
REST_EVERY = 12


class PaidActions(Receivers, Dollars, Reversals):
    """Does anything to paid actions, in any order."""

    # What actors do.

    @rule(
        kind=st.sampled_from(KINDS),
        actor=st.sampled_from(ACTORS),
        author=st.sampled_from(("ann", "bob", "cat")),
        forwards=st.sampled_from(({}, {"ann": 33}, {"ann": 10, "bob": 90})),
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
        author: str,
        forwards: dict[str, int],
        price: int,
        hook: str | None,
        times: int,
        claim: str | None,
        valid: bool,
        key: str | None,
    ) -> None:
        raises = {} if hook is None else {hook: times}
        more = {"author": author, "forwards": forwards} if issubclass(kind, Zap) else {}
        action = kind(
            text="gm", price_sats=price, raises=raises, claim=claim, valid_when_late=valid, **more
        )
        self._request(action, actor, key)
        self._did("perform")

    @precondition(lambda self: self.world.known)
    @rule(pick=PICK)
    def retry(self, pick: int) -> None:
        self._retry(self._known(pick))
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

    @rule(
        actor=st.sampled_from(("ann", "bob")),
        amount_msats=st.sampled_from(AMOUNTS_MSATS),
        key=st.integers(0, 3),
    )
    def grant(self, actor: str, amount_msats: int, key: int) -> None:
        self.world.flow.grant(actor, msats(amount_msats), key=f"{actor} {key}")
        self._did("grant")

    @rule(
        actor=st.sampled_from(("ann", "bob")),
        amount_msats=st.sampled_from((1_000, 5_000)),
        hook=st.sampled_from(("on_paid", "on_failed", None, None)),
        fate=st.sampled_from(("unreachable", "refused", None, None)),
    )
    def withdraw(
        self, actor: str, amount_msats: int, hook: str | None, fate: PaymentFate | None
    ) -> None:
        self.funded += 1
        fund(self.world.flow, withdrawable(actor), 3_000, str(self.funded))
        if fate is not None:
            self.world.bank.fate(fate)
        raises = {} if hook is None else {hook: 1}
        self._request(cash(amount=msats(amount_msats), raises=raises), actor, None)
        self._did("withdraw")

    @rule(
        kind=st.sampled_from((Zap, HeldZap, Earning, Bill)),
        actor=st.sampled_from(("ann", "bob")),
        credits_msats=st.sampled_from(AMOUNTS_MSATS),
        money_msats=st.sampled_from(AMOUNTS_MSATS),
    )
    def split(self, kind: type[Any], actor: str, credits_msats: int, money_msats: int) -> None:
        """Something comes into both purses, and one action is paid from them."""
        self.funded += 1
        fund(self.world.flow, purse(actor), credits_msats, str(self.funded))
        fund(self.world.flow, withdrawable(actor), money_msats, str(self.funded))
        self._request(kind(text="split", price_sats=20), actor, None)
        self._did("split")

    # What payers and gateways do.

    @touches(invoices)
    @rule(pick=PICK, share=st.sampled_from((1.0, 1.0, 1.0, 0.5, 2.0)))
    def pay(self, pick: int, share: float) -> None:
        self.world.bank.pay(self._invoice(pick), msats(int(10_000 * share)))
        self._did("pay")

    @touches(invoices)
    @rule(pick=PICK)
    def pay_and_look(self, pick: int) -> None:
        invoice_id = self._invoice(pick)
        self.world.bank.pay(invoice_id)
        self._try(lambda: self.world.flow.sync("sandbox", invoice_id))
        self._did("pay_and_look")

    @touches(invoices)
    @rule(pick=PICK)
    def pay_late(self, pick: int) -> None:
        self.world.bank.pay_late(self._invoice(pick))
        self._did("pay_late")

    @touches(invoices)
    @rule(pick=PICK)
    def pay_again(self, pick: int) -> None:
        self.world.bank.pay_again(self._invoice(pick), msats(10_000))
        self._did("pay_again")

    @touches(invoices)
    @rule(pick=PICK, ends=st.booleans())
    def start_payment(self, pick: int, ends: bool) -> None:
        invoice_id = self._invoice(pick)
        self.world.bank.start_payment(invoice_id)
        self._try(lambda: self.world.flow.sync("sandbox", invoice_id))
        if ends:
            self.world.bank.fail_payment(invoice_id)
        self._did("start_payment")

    @touches(invoices)
    @rule(pick=PICK)
    def expire(self, pick: int) -> None:
        self.world.bank.expire(self._invoice(pick))
        self._did("expire")

    @touches(invoices)
    @rule(pick=PICK, settle=st.booleans())
    def end_hold(self, pick: int, settle: bool) -> None:
        end = self.world.bank.settle_hold if settle else self.world.bank.release_hold
        end(self._invoice(pick))
        self._did("end_hold")

    @touches(invoices)
    @rule(pick=PICK, remember=st.booleans())
    def forget(self, pick: int, remember: bool) -> None:
        change = self.world.bank.remember if remember else self.world.bank.forget
        change(self._invoice(pick))
        self._did("forget")

    @rule(
        operation=st.sampled_from((*COMMANDS, "lookup", "lookup_payment", "updates")),
        kind=st.sampled_from(FAULTS),
        times=st.integers(1, 3),
    )
    def fault(self, operation: Any, kind: Any, times: int) -> None:
        if operation in COMMANDS or kind != "decline":
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

    @touches(invoices)
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
    def sweep(self) -> None:
        Sweeping(self.world.store, self.world.clock).run_once()
        self._did("sweep")

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
