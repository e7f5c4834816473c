"""What owners and operators do with an action that is there: retry, cancel, claim, resolve, erase.

Each compares and sets the version of the action. Who loses reads again, and finds the wish already
true, or tries again, or says where the action stands now.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from paidflow.actions.contract import CREDITS
from paidflow.errors import (
    ActionNotFound,
    Conflict,
    InsufficientFunds,
    NotAtRest,
    NothingToClaim,
    NotResolvable,
)
from paidflow.flow.hooks import HookRaised
from paidflow.flow.loaded import Loaded
from paidflow.flow.planned import Beside
from paidflow.flow.requesting import Requesting, balance
from paidflow.flow.steps import Moved, Steps
from paidflow.flow.tools import Tools
from paidflow.money import Money
from paidflow.states import decide as rules
from paidflow.states import events as e
from paidflow.states.aggregate import ABOUT_HOOKS, Aggregate, fold
from paidflow.states.machine import FINAL, State
from paidflow.states.owed import OwedKind, owed

Resolution = Literal["retry", "accept", "credit", "close", "dismiss"]
TRIES_MAX = 8
AT_REST = frozenset({OwedKind.PERSON, OwedKind.WATCH})


class Commands:
    """Carries out commands on one action.

    Args:
        tools: what it works with.
        steps: to go on with what a command has made due.
        requesting: to check the number of unpaid invoices.
        creation: how long a missing invoice is tried for.
    """

    def __init__(
        self, tools: Tools, steps: Steps, requesting: Requesting, creation: timedelta
    ) -> None:
        self._t = tools
        self._steps = steps
        self._requesting = requesting
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
            if a.unassigned <= 0 or a.state not in FINAL:
                raise NothingToClaim
            amount = Money(a.unassigned, a.cost.currency)
            claimed = e.PaymentClaimed(amount=amount, actor=actor)
            try:
                return self._t.recorder.record(loaded.action_id, loaded, [claimed], "claim")
            except Conflict:
                loaded = self._steps.reload(loaded)
        raise Conflict(state=loaded.aggregate.state)

    def resolve(self, action_id: str, resolution: Resolution, operator: str, why: str) -> None:
        """Record what a person decided, and go on with it."""
        loaded = self._load(action_id)
        if loaded.aggregate.attention is None:
            raise NotResolvable("it asks for nobody")
        events = _resolved(loaded.aggregate, resolution, operator, why)
        try:
            loaded = self._t.recorder.record(action_id, loaded, events, "resolve")
        except Conflict:
            raise Conflict(state=self._load(action_id).aggregate.state) from None
        self._steps.drive(loaded, hooks_too=True)

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
                return self._retry_from_purse(loaded) or self._retry_by_invoice(loaded), True
            except Conflict:
                loaded = self._steps.reload(loaded)
                if loaded.aggregate.state is not State.FAILED:
                    return loaded, False
        raise Conflict(state=loaded.aggregate.state)

    def _retry_from_purse(self, loaded: Loaded) -> Loaded | None:
        a = loaded.aggregate
        if a.actor is None or a.state is not State.FAILED or rules.accepts_late(a):
            return None
        if CREDITS not in self._t.registry.kind(a.kind).funding:
            return None
        with self._t.store.reading() as tx:
            if balance(tx, a.actor, a.cost.currency) < a.cost:
                return None
        work: tuple[e.Event, ...] = () if a.performed else (e.Performed(),)
        redo = (e.Redone(),) if a.undone else ()
        paid = e.Paid(source="credits", amount=a.cost, late=False, after_paid_owed=True)
        try:
            return self._t.recorder.record(loaded.action_id, loaded, [*work, *redo, paid], "retry")
        except InsufficientFunds:  # spent at this very moment
            return None

    def _retry_by_invoice(self, loaded: Loaded) -> Loaded:
        a, record = loaded.aggregate, self._t.recorder.record
        events: list[e.Event] = list(rules.retry(a, self._t.clock.now() + self._creation))
        with self._t.store.reading() as tx:
            self._requesting.refuse_too_many(tx, a.actor)
        asked = fold(a, events)
        if rules.accepts_late(asked):
            return record(loaded.action_id, loaded, events, "retry")
        started, row = self._steps.invoices.starting(asked)
        beside = Beside(attempts=(row,))
        return record(loaded.action_id, loaded, [*events, started], "retry", beside)

    def _load(self, action_id: str) -> Loaded:
        loaded = self._steps.load(action_id)
        if loaded is None:
            raise ActionNotFound
        return loaded


def _resolved(a: Aggregate, resolution: str, operator: str, why: str) -> list[e.Event]:
    decided = e.AttentionResolved(resolution=resolution, operator=operator, why=why)
    match resolution:
        case "retry":
            return [decided]
        case "dismiss" if a.state in FINAL or a.attention not in ABOUT_HOOKS:
            return [decided]
        case "accept" if a.unassigned >= a.cost.amount and a.state is State.FAILED:
            return [decided]
        case "credit" if a.unassigned > 0 and a.actor is not None:
            amount = Money(a.unassigned, a.cost.currency)
            return [decided, e.PaymentCredited(amount=amount, actor=a.actor)]
        case "close" if a.current is not None and not a.current.dead:
            closed = e.AttemptClosed(number=a.current.number, closure=e.Closure.ASSUMED)
            return [decided, closed]
        case _:
            raise NotResolvable(resolution)
