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
from paidflow.flow.hooks import read_payload
from paidflow.flow.invoices import Invoices, Opening, command_key
from paidflow.flow.recorder import Beside
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
from paidflow.states.aggregate import Aggregate
from paidflow.states.decide import advance, cancel_declined, decide
from paidflow.states.machine import State
from paidflow.states.owed import HOOK_TRIES, OwedKind, owed
from paidflow.store.contract import Attachment, Status, row_to_status

logger = logging.getLogger("paidflow.flow")

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
        self._do: dict[OwedKind, Callable[[str, Aggregate], bool]] = {
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

    def load(self, action_id: str) -> tuple[Aggregate, Status] | None:
        """The action and its status row; ``None`` when there is none."""
        with self.tools.store.reading() as tx:
            a = self.tools.recorder.load(tx, action_id)
            row = tx.query("select_status", action_id=action_id).fetchone()
        return None if a is None or row is None else (a, row_to_status(row))

    def look_at(self, action_id: str, gateway: str, invoice_id: str) -> None:
        """Ask the gateway about one invoice, and record what follows.

        Raises:
            GatewayUnavailable: when it gives no answer; the question has to be asked again.
        """
        for _ in range(STEPS_MAX):
            loaded = self.load(action_id)
            if loaded is None:
                return
            answer = self.tools.gateways.lookup(gateway, invoice_id)
            if isinstance(answer.lookup, Unreachable):
                raise GatewayUnavailable(gateway)
            events = decide(loaded[0], answer, self.tools.clock.now())
            try:
                self._record(action_id, loaded[0], events, "answer")
            except Conflict:
                continue
            return

    def drive(self, action_id: str, *, hooks_too: bool) -> bool:
        """Do what the action owes until nothing more can be done now.

        Args:
            action_id: the action.
            hooks_too: whether hooks that raised before, and ``after_paid``, are run as well.

        Returns:
            Whether the last thing that is owed was tried in vain.
        """
        for _ in range(STEPS_MAX):
            loaded = self.load(action_id)
            if loaded is None:
                return False
            a = loaded[0]
            due = owed(a, self.tools.clock.now())
            if due is None or due.kind is OwedKind.PERSON:
                return False
            if not hooks_too and due.kind in _HOOKS:
                return False
            try:
                moved = self._do[due.kind](action_id, a)
            except Conflict:
                continue
            if not moved:
                return True
        return True

    def drop_orphan(self, action_id: str, opening: Opening) -> None:
        """Close an invoice that nobody was shown, unless somebody faster has attached it."""
        if not isinstance(opening.outcome, Opened):
            return
        invoice_id = opening.outcome.invoice.invoice_id
        loaded = self.load(action_id)
        if loaded and loaded[0].attempt_of(opening.gateway, invoice_id):
            return
        command = CancelCommand(invoice_id, command_key(action_id, opening.number, "cancel"))
        self.tools.gateways.cancel(opening.gateway, command)

    def note(self, action_id: str, a: Aggregate, event: e.Event, step: str) -> None:
        """Record one event that follows from time alone; somebody faster is no harm."""
        with suppress(Conflict):
            self.tools.recorder.record(action_id, a, [event], step)

    # One method for each kind of owed work. Each returns whether it moved the action on.

    def _look(self, action_id: str, a: Aggregate) -> bool:
        attempt = a.current
        if attempt is None or attempt.invoice_id is None:
            return False
        return self._ask(action_id, a, attempt.gateway, attempt.invoice_id)

    def _watch(self, action_id: str, a: Aggregate) -> bool:
        return any(
            self._ask(action_id, a, attempt.gateway, attempt.invoice_id)
            for attempt in a.attempts
            if attempt.only_assumed and attempt.invoice_id is not None
        )

    def _ask(self, action_id: str, a: Aggregate, gateway: str, invoice_id: str) -> bool:
        answer = self.tools.gateways.lookup(gateway, invoice_id)
        events = decide(a, answer, self.tools.clock.now())
        return self._record(action_id, a, events, "answer")

    def _complete(self, action_id: str, a: Aggregate) -> bool:
        return self._record(action_id, a, advance(a, self.tools.clock.now()), "complete")

    def _record(self, action_id: str, a: Aggregate, events: tuple[e.Event, ...], step: str) -> bool:
        if not events:
            return False
        if self.tools.recorder.record_or_fall_back(action_id, a, events, step):
            return True
        loaded = self.load(action_id)
        return loaded is not None and loaded[0].state is State.CANCELLING is not a.state

    def _capture(self, action_id: str, a: Aggregate) -> bool:
        attempt = a.current
        if attempt is None or attempt.invoice_id is None:
            return False
        if self._look(action_id, a):
            return True
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
            return self._record(action_id, a, declined, "capture_declined")
        return self._record(action_id, a, decide(a, answer, self.tools.clock.now()), "captured")

    def _close(self, action_id: str, a: Aggregate) -> bool:
        attempt = a.current if a.state is State.CANCELLING else a.to_close
        if attempt is None or attempt.invoice_id is None:
            return False
        if self._ask(action_id, a, attempt.gateway, attempt.invoice_id):
            return True
        command = CancelCommand(
            attempt.invoice_id, command_key(action_id, attempt.number, "cancel")
        )
        outcome = self.tools.gateways.cancel(attempt.gateway, command)
        answer = self.tools.gateways.lookup(attempt.gateway, attempt.invoice_id)
        events = decide(a, answer, self.tools.clock.now())
        if not events and isinstance(outcome, Declined):
            events = cancel_declined(a)
        return self._record(action_id, a, events, "closed")

    def _obtain_invoice(self, action_id: str, a: Aggregate) -> bool:
        expired = advance(a, self.tools.clock.now())
        if expired:
            return self._record(action_id, a, expired, "complete")
        attempt = a.current
        if attempt is None or attempt.dead:
            try:
                started, row = self.invoices.starting(a)
            except (NoFunding, UnknownAction):
                return False
            self.tools.recorder.record(action_id, a, [started], "attempt", Beside(attempts=(row,)))
            return True
        opening = self.invoices.open_again(action_id, a, attempt)
        return self._attach(action_id, a, opening)

    def _attach(self, action_id: str, a: Aggregate, opening: Opening) -> bool:
        if isinstance(opening.outcome, NotSent):
            return False
        if not isinstance(opening.outcome, Opened):
            failed = e.AttemptClosed(number=opening.number, closure=e.Closure.CREATION_FAILED)
            self.tools.recorder.record(action_id, a, [failed], "attempt")
            return False
        invoice = opening.outcome.invoice
        attachment = Attachment(opening.number, invoice.invoice_id, invoice.payment_request)
        try:
            self.tools.recorder.record(
                action_id,
                a,
                [self.invoices.attached(opening, invoice)],
                "attach",
                Beside(attachment=attachment),
            )
        except Conflict:
            self.drop_orphan(action_id, opening)
            raise
        return True

    def _undo(self, action_id: str, a: Aggregate) -> bool:
        return self._record(action_id, a, (e.HookDone(hook=e.Hook.ON_FAILED),), "undo")

    def _after_paid(self, action_id: str, a: Aggregate) -> bool:
        with self.tools.store.reading() as tx:
            payload = read_payload(tx, action_id)
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
            self.tools.recorder.record(action_id, a, failed, "after_paid")
            return False
        done = e.HookDone(hook=e.Hook.AFTER_PAID)
        self.tools.recorder.record(action_id, a, [done], "after_paid")
        return True


_HOOKS = frozenset({OwedKind.COMPLETE, OwedKind.UNDO, OwedKind.AFTER_PAID})
