"""Does what an action owes: load, ask, decide, append; commands are intent, call, outcome.

No step trusts what a call answered. After a command the gateway is asked again, and only what it
shows then is recorded.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress

from paidflow.actions.contract import AfterPaid
from paidflow.errors import Conflict, GatewayUnavailable, NoFunding, UnknownAction
from paidflow.flow.invoices import Invoices, Opening, command_key
from paidflow.flow.loaded import Loaded, load, load_of_invoice
from paidflow.flow.planned import Beside
from paidflow.flow.tools import Tools
from paidflow.payments.contract import (
    CancelCommand,
    CaptureCommand,
    Declined,
    Held,
    NotSent,
    Opened,
    Unreachable,
)
from paidflow.states import events as e
from paidflow.states.decide import advance, cancel_declined, decide
from paidflow.states.machine import State
from paidflow.states.owed import HOOK_TRIES, OwedKind, owed
from paidflow.store.contract import Attachment

logger = logging.getLogger("paidflow.flow")

Moved = tuple[Loaded, bool]
"""The action after something was tried, and whether that moved it on."""

STEPS_MAX = 16
"""An action that is driven makes at most this many steps in a row; the worker does the rest."""


class Steps:
    """The steps of an action, one method for each kind of owed work.

    Args:
        tools: what the steps work with.
    """

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.invoices = Invoices(tools)
        self._do: dict[OwedKind, Callable[[Loaded], Moved]] = {
            OwedKind.INVOICE: self._obtain_invoice,
            OwedKind.PAYMENT: self._look,
            OwedKind.HOLD: self._look,
            OwedKind.WATCH: self._watch,
            OwedKind.PERFORM: self._look,
            OwedKind.CAPTURE: self._capture,
            OwedKind.CLOSE: self._close,
            OwedKind.CLOSE_OTHER: self._close,
            OwedKind.COMPLETE: self._complete,
            OwedKind.LATE: self._complete,
            OwedKind.UNDO: self._undo,
            OwedKind.AFTER_PAID: self._after_paid,
        }

    def load(self, action_id: str) -> Loaded | None:
        """An action as it is now; ``None`` when there is none."""
        with self.tools.store.reading() as tx:
            return load(tx, action_id)

    def load_of_invoice(self, gateway: str, invoice_id: str) -> Loaded | None:
        """The action that an invoice belongs to; ``None`` when it belongs to none."""
        with self.tools.store.reading() as tx:
            return load_of_invoice(tx, gateway, invoice_id)

    def reload(self, before: Loaded) -> Loaded:
        """The same action as it is now."""
        now = self.load(before.action_id)
        if now is None:
            raise AssertionError("an action does not vanish")
        return now

    def look_at(self, loaded: Loaded, gateway: str, invoice_id: str) -> Loaded:
        """Ask the gateway about one invoice, and record what follows.

        Returns:
            The action after it.

        Raises:
            GatewayUnavailable: when it gives no answer; the question has to be asked again.
        """
        for _ in range(STEPS_MAX):
            answer = self.tools.gateways.lookup(gateway, invoice_id)
            if isinstance(answer.lookup, Unreachable):
                raise GatewayUnavailable(gateway)
            events = decide(loaded.aggregate, answer, self.tools.clock.now())
            try:
                return self._record(loaded, events, "answer")[0]
            except Conflict:
                loaded = self.reload(loaded)
        return loaded

    def drive(self, loaded: Loaded, *, hooks_too: bool) -> tuple[Loaded, bool]:
        """Do what the action owes until nothing more can be done now.

        Args:
            loaded: the action.
            hooks_too: whether hooks that raised before, and ``after_paid``, are run as well.

        Returns:
            The action after it, and whether the last thing that is owed was tried in vain.
        """
        for _ in range(STEPS_MAX):
            due = owed(loaded.aggregate, self.tools.clock.now())
            if due is None or due.kind is OwedKind.PERSON:
                return loaded, False
            if not hooks_too and due.kind in _HOOKS:
                return loaded, False
            try:
                loaded, moved = self._do[due.kind](loaded)
            except Conflict:
                loaded = self.reload(loaded)
                continue
            if not moved:
                return loaded, True
        return loaded, True

    def drop_orphan(self, action_id: str, opening: Opening) -> None:
        """Close an invoice that nobody was shown, unless somebody faster has attached it."""
        if not isinstance(opening.outcome, Opened):
            return
        invoice_id = opening.outcome.invoice.invoice_id
        loaded = self.load(action_id)
        if loaded and loaded.aggregate.attempt_of(opening.gateway, invoice_id):
            return
        command = CancelCommand(invoice_id, command_key(action_id, opening.number, "cancel"))
        self.tools.gateways.cancel(opening.gateway, command)

    def note(self, loaded: Loaded, event: e.Event, step: str) -> None:
        """Record one event that follows from time alone; somebody faster is no harm."""
        with suppress(Conflict):
            self.tools.recorder.record(loaded.action_id, loaded, [event], step)

    # One method for each kind of owed work. Each returns the action after it, and whether it moved
    # the action on.

    def _look(self, loaded: Loaded) -> Moved:
        attempt = loaded.aggregate.current
        if attempt is None or attempt.invoice_id is None:
            return loaded, False
        return self._ask(loaded, attempt.gateway, attempt.invoice_id)

    def _watch(self, loaded: Loaded) -> Moved:
        for attempt in loaded.aggregate.attempts:
            if attempt.only_assumed and attempt.invoice_id is not None:
                loaded, moved = self._ask(loaded, attempt.gateway, attempt.invoice_id)
                if moved:
                    return loaded, True
        return loaded, False

    def _ask(self, loaded: Loaded, gateway: str, invoice_id: str) -> Moved:
        answer = self.tools.gateways.lookup(gateway, invoice_id)
        events = decide(loaded.aggregate, answer, self.tools.clock.now())
        return self._record(loaded, events, "answer")

    def _complete(self, loaded: Loaded) -> Moved:
        due = advance(loaded.aggregate, self.tools.clock.now())
        return self._record(loaded, due, "complete")

    def _record(self, loaded: Loaded, events: tuple[e.Event, ...], step: str) -> Moved:
        if not events:
            return loaded, False
        record = self.tools.recorder.record_or_fall_back
        after, done = record(loaded.action_id, loaded, events, step)
        was, now = loaded.aggregate.state, after.aggregate.state
        return after, done or now is State.CANCELLING is not was

    def _capture(self, loaded: Loaded) -> Moved:
        action_id, a = loaded.action_id, loaded.aggregate
        attempt = a.current
        if attempt is None or attempt.invoice_id is None:
            return loaded, False
        loaded, moved = self._look(loaded)
        if moved:
            return loaded, True
        outcome = self.tools.gateways.capture(
            attempt.gateway,
            CaptureCommand(
                invoice_id=attempt.invoice_id,
                key=command_key(action_id, attempt.number, "capture"),
                amount=attempt.amount,
                preimage=self.invoices.preimage(action_id, attempt),
            ),
        )
        answer = self.tools.gateways.lookup(attempt.gateway, attempt.invoice_id)
        if isinstance(outcome, Declined) and isinstance(answer.lookup, Held):
            declined = (e.CancelRequested(reason=e.FailureReason.CAPTURE_DECLINED),)
            return self._record(loaded, declined, "capture_declined")
        events = decide(loaded.aggregate, answer, self.tools.clock.now())
        return self._record(loaded, events, "captured")

    def _close(self, loaded: Loaded) -> Moved:
        a = loaded.aggregate
        attempt = a.current if a.state is State.CANCELLING else a.to_close
        if attempt is None or attempt.invoice_id is None:
            return loaded, False
        loaded, moved = self._ask(loaded, attempt.gateway, attempt.invoice_id)
        if moved:
            return loaded, True
        command = CancelCommand(
            attempt.invoice_id, command_key(loaded.action_id, attempt.number, "cancel")
        )
        outcome = self.tools.gateways.cancel(attempt.gateway, command)
        answer = self.tools.gateways.lookup(attempt.gateway, attempt.invoice_id)
        events = decide(loaded.aggregate, answer, self.tools.clock.now())
        if not events and isinstance(outcome, Declined):
            events = cancel_declined(loaded.aggregate)
        return self._record(loaded, events, "closed")

    def _obtain_invoice(self, loaded: Loaded) -> Moved:
        action_id, a = loaded.action_id, loaded.aggregate
        expired = advance(a, self.tools.clock.now())
        if expired:
            return self._record(loaded, expired, "complete")
        attempt = a.current
        if attempt is None or attempt.dead:
            try:
                started, row = self.invoices.starting(a)
            except (NoFunding, UnknownAction):
                return loaded, False
            beside = Beside(attempts=(row,))
            after = self.tools.recorder.record(action_id, loaded, [started], "attempt", beside)
            return after, True
        return self._attach(loaded, self.invoices.open_again(action_id, a, attempt))

    def _attach(self, loaded: Loaded, opening: Opening) -> Moved:
        action_id, record = loaded.action_id, self.tools.recorder.record
        if isinstance(opening.outcome, NotSent):
            return loaded, False
        if not isinstance(opening.outcome, Opened):
            failed = e.AttemptClosed(number=opening.number, closure=e.Closure.CREATION_FAILED)
            return record(action_id, loaded, [failed], "attempt"), False
        invoice = opening.outcome.invoice
        attached = self.invoices.attached(opening, invoice)
        attachment = Attachment(opening.number, invoice.invoice_id, invoice.payment_request)
        try:
            after = record(action_id, loaded, [attached], "attach", Beside(attachment=attachment))
        except Conflict:
            self.drop_orphan(action_id, opening)
            raise
        return after, True

    def _undo(self, loaded: Loaded) -> Moved:
        return self._record(loaded, (e.HookDone(hook=e.Hook.ON_FAILED),), "undo")

    def _after_paid(self, loaded: Loaded) -> Moved:
        action_id, a, payload = loaded.action_id, loaded.aggregate, loaded.payload
        record = self.tools.recorder.record
        try:
            action = self.tools.registry.restore(a.kind, a.kind_version, payload.arguments)
            result = None if payload.result is None else json.loads(payload.result)
            action.after_paid(AfterPaid(action_id, a.actor, f"{action_id}:after_paid", result))
        except Exception as error:
            logger.warning("after_paid of %s raised %s", action_id, type(error).__name__)
            failed: list[e.Event] = [
                e.HookFailed(hook=e.Hook.AFTER_PAID, error_type=type(error).__name__)
            ]
            if a.hook_failures + 1 >= HOOK_TRIES:
                failed.append(e.AttentionAsked(reason=e.AttentionReason.HOOK_FAILS))
            return record(action_id, loaded, failed, "after_paid"), False
        done = e.HookDone(hook=e.Hook.AFTER_PAID)
        return record(action_id, loaded, [done], "after_paid"), True


_HOOKS = frozenset({OwedKind.COMPLETE, OwedKind.UNDO, OwedKind.AFTER_PAID})
