"""What owners and operators do with an action that is there: retry, cancel, claim, resolve, erase.

Each compares and sets the version of the action. Who loses reads again, and finds the wish already
true, or tries again, or says where the action stands now.
"""

from __future__ import annotations

from datetime import timedelta

from paidflow.errors import (
    ActionNotFound,
    Conflict,
    InsufficientFunds,
    NotAtRest,
    NothingToClaim,
    NotResolvable,
    QuoteUnavailable,
)
from paidflow.flow.funding import purses_for, purses_for_transfer
from paidflow.flow.hooks import HookRaised
from paidflow.flow.invoice_limit import InvoiceLimit
from paidflow.flow.loaded import Loaded, Moved
from paidflow.flow.planned import Beside
from paidflow.flow.resolutions import (
    OUTGOING,
    Resolution,
    check_refunds,
    refuse_if_held,
    refuse_in_flight,
    resolved,
)
from paidflow.flow.steps import Steps
from paidflow.flow.told import told
from paidflow.flow.tools import Tools
from paidflow.money import Money
from paidflow.states import commands as rules
from paidflow.states import events as e
from paidflow.states import giving_back
from paidflow.states.aggregate import Aggregate
from paidflow.states.decide import decide_pay_out
from paidflow.states.evolve import fold
from paidflow.states.late import accepts_late
from paidflow.states.machine import FINAL, State
from paidflow.states.owed import OwedKind, owed
from paidflow.states.postings import Postings, total

TRIES_MAX = 8
AT_REST = frozenset({OwedKind.PERSON, OwedKind.WATCH})


class Commands:
    """Carries out commands on one action.

    Args:
        tools: what it works with.
        steps: to go on with what a command has made due.
        limit: how many unpaid invoices an actor may have.
        creation: how long a missing invoice is tried for.
    """

    def __init__(
        self, tools: Tools, steps: Steps, limit: InvoiceLimit, creation: timedelta
    ) -> None:
        self._t = tools
        self._steps = steps
        self._limit = limit
        self._creation = creation

    def retry(self, loaded: Loaded) -> Moved:
        """Try again to get it paid; false when somebody else did so at this moment."""
        rules.retry(loaded.aggregate, self._t.clock.now())
        try:
            loaded, changed = self._retry(loaded)
        except HookRaised as raised:
            raise raised.error from None
        if changed:
            loaded, _ = self._steps.drive(loaded, hooks_too=False)
        return loaded, changed

    def cancel(self, loaded: Loaded) -> Moved:
        """Give it up; false when it was cancelled already."""
        loaded, changed = self._cancel(loaded)
        loaded, _ = self._steps.drive(loaded, hooks_too=False)
        return loaded, changed

    def claim(self, loaded: Loaded, actor: str) -> Loaded:
        """Bring money that is nobody's yet into a purse."""
        for _ in range(TRIES_MAX):
            a = loaded.aggregate
            if not a.claimable or a.state not in FINAL:
                raise NothingToClaim
            claimed = [e.PaymentClaimed(amount=money, actor=actor) for money in a.claimable]
            try:
                return self._t.recorder.record(loaded.action_id, loaded, claimed, "claim")
            except Conflict:
                loaded = self._steps.reload(loaded)
        raise Conflict(state=loaded.aggregate.state)

    def refund(
        self,
        action_id: str,
        amount: Money | None,
        operator: str,
        why: str,
        key_hash: str | None = None,
    ) -> Moved:
        """Give back what a paid action has cost, or a part; false when this key did so before."""
        loaded = self._load(action_id)
        record = self._t.recorder.record_or_fall_back
        for _ in range(TRIES_MAX):
            events = giving_back.refund(loaded.aggregate, amount, operator, why, key_hash)
            check_refunds(self._t.gateways, loaded.aggregate, events)
            try:
                if events:
                    loaded, _ = record(action_id, loaded, events, "refund_decided")
            except Conflict:
                loaded = self._steps.reload(loaded)
            else:
                return self._steps.drive(loaded, hooks_too=False)[0], bool(events)
        raise Conflict(state=loaded.aggregate.state)

    def resolve(
        self,
        action_id: str,
        resolution: Resolution,
        operator: str,
        why: str,
        fee: Money | None = None,
    ) -> None:
        """Record what a person decided, and go on with it."""
        loaded = self._load(action_id)
        if loaded.aggregate.attention is None:
            raise NotResolvable("it asks for nobody")
        loaded = self._ask_first(loaded, resolution)
        events = resolved(loaded.aggregate, resolution, operator, why, fee)
        check_refunds(self._t.gateways, loaded.aggregate, events)
        try:
            loaded = self._t.recorder.record(action_id, loaded, events, "resolve")
        except Conflict:
            raise Conflict(state=self._load(action_id).aggregate.state) from None
        self._steps.drive(loaded, hooks_too=True)

    def _ask_first(self, loaded: Loaded, resolution: Resolution) -> Loaded:
        """Before a person decides about money that may be on its way, its gateway is asked.

        What it shows now counts more.
        """
        a, pay_out = loaded.aggregate, loaded.aggregate.pay_out
        if resolution == "close":
            refuse_if_held(self._t.gateways, a)
        if resolution not in OUTGOING or pay_out is None or pay_out.over:
            return loaded
        answer = self._t.gateways.lookup_payment(pay_out.gateway, pay_out.payment_id)
        refuse_in_flight(a, answer)
        shown = decide_pay_out(a, answer, self._t.clock.now())
        if shown:
            record = self._t.recorder.record_or_fall_back
            loaded, _ = record(loaded.action_id, loaded, shown, "pay_out_outcome")
            loaded, _ = self._steps.drive(loaded, hooks_too=True)
        return loaded

    def erase(self, action_id: str) -> None:
        """Erase the texts of a finished action."""
        a = self._load(action_id).aggregate
        due = owed(a, self._t.clock.now())
        if a.state not in FINAL or (due and due.kind not in AT_REST):
            raise NotAtRest
        with self._t.store.transaction("erase") as tx:
            unmoved = tx.query("lock_status", action_id=action_id, version=a.version)
            if unmoved.rowcount != 1:
                raise Conflict(state=a.state)
            tx.query("erase_payload", action_id=action_id)
            tx.query("erase_payment_requests", action_id=action_id)
            tx.query("erase_destinations", action_id=action_id)
            tx.query("erase_webhooks", action_id=action_id)

    def _cancel(self, loaded: Loaded) -> Moved:
        record = self._t.recorder.record_or_fall_back
        for _ in range(TRIES_MAX):
            events = rules.cancel(loaded.aggregate, e.FailureReason.USER_CANCELLED)
            if not events:
                return loaded, False
            try:
                return record(loaded.action_id, loaded, events, "cancel")[0], True
            except Conflict:
                loaded = self._steps.reload(loaded)
        raise Conflict(state=loaded.aggregate.state)

    def _retry(self, loaded: Loaded) -> Moved:
        for _ in range(TRIES_MAX):
            try:
                if loaded.aggregate.mode is e.Mode.PAY_OUT:
                    return self._retry_transfer(loaded), True
                purses = self._purses(loaded.aggregate)
                if purses and total(purses) == loaded.aggregate.cost.amount:
                    return self._retry_from_purses(loaded, purses), True
                return self._retry_by_invoice(loaded, purses), True
            except InsufficientFunds:  # spent at this very moment
                if loaded.aggregate.mode is e.Mode.PAY_OUT:  # nothing else can pay for it
                    raise
            except Conflict:
                loaded = self._steps.reload(loaded)
                if loaded.aggregate.state is not State.FAILED:
                    return loaded, False
        raise Conflict(state=loaded.aggregate.state)

    def _purses(self, a: Aggregate) -> Postings:
        """What purses can pay of an action that is tried again."""
        if a.actor is None or a.state is not State.FAILED or accepts_late(a):
            return ()
        kind = self._t.registry.kind(a.kind)
        with self._t.store.reading() as tx:
            return purses_for(tx, kind, a.actor, a.cost)

    def _retry_from_purses(self, loaded: Loaded, purses: Postings) -> Loaded:
        a = loaded.aggregate
        work: tuple[e.Event, ...] = () if a.performed else (e.Performed(),)
        redo = (e.Redone(),) if a.undone else ()
        paid = e.Paid(source="purses", amount=a.cost, late=False, after_paid_owed=True)
        events = [e.PursesReserved(purses=purses), *work, *redo, paid]
        return self._t.recorder.record(loaded.action_id, loaded, events, "retry")

    def _retry_transfer(self, loaded: Loaded) -> Loaded:
        """Pay out once more; the database refuses a payment that may have been sent before."""
        action_id, a = loaded.action_id, loaded.aggregate
        now = self._t.clock.now()
        action = self._t.registry.restore(a.kind, a.kind_version, loaded.payload.arguments)
        with self._t.store.reading() as tx:
            purses = purses_for_transfer(tx, type(action), a.actor, a.cost)
            ctx = told(
                tx,
                self._t.registry,
                action_id=action_id,
                actor=a.actor,
                now=now,
                cost=a.cost,
                performed=a.performed,
            )
            planned, row = self._steps.pay_outs.plan(action, ctx, len(a.pay_outs) + 1)
        again = rules.retry(a, now + self._creation)
        events = [*again, e.PursesReserved(purses=purses), planned]
        beside = Beside(payments=(row,))
        return self._t.recorder.record(action_id, loaded, events, "retry", beside)

    def _retry_by_invoice(self, loaded: Loaded, purses: Postings) -> Loaded:
        a, record = loaded.aggregate, self._t.recorder.record
        events: list[e.Event] = list(rules.retry(a, self._t.clock.now() + self._creation))
        if purses:
            events.append(e.PursesReserved(purses=purses))
        with self._t.store.reading() as tx:
            self._limit.check(tx, a.actor)
        asked = fold(a, events)
        if accepts_late(asked):
            return record(loaded.action_id, loaded, events, "retry")
        try:
            started, beside = self._steps.invoices.starting(loaded.action_id, asked)
        except QuoteUnavailable:  # a worker tries again, as if the gateway were down
            started, beside = (), Beside()
        return record(loaded.action_id, loaded, [*events, *started], "retry", beside)

    def _load(self, action_id: str) -> Loaded:
        loaded = self._steps.load(action_id)
        if loaded is None:
            raise ActionNotFound
        return loaded
