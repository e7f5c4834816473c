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
from paidflow.correlation import about
from paidflow.errors import (
    Conflict,
    GatewayUnavailable,
    NoFunding,
    QuoteUnavailable,
    UnknownAction,
)
from paidflow.flow.asking import Asking
from paidflow.flow.gateway_commands import GatewayCommands
from paidflow.flow.invoices import Invoices, Opening, command_key
from paidflow.flow.loaded import Loaded, Moved, load, load_of_invoice
from paidflow.flow.members import members_of
from paidflow.flow.pay_outs import PayOuts
from paidflow.flow.planned import Beside
from paidflow.flow.tools import Tools
from paidflow.payments.contract import (
    Answer,
    CancelCommand,
    Declined,
    Held,
    NotSent,
    Opened,
    Unreachable,
)
from paidflow.states import events as e
from paidflow.states.decide import advance, decide
from paidflow.states.forwarding import pay_until
from paidflow.states.machine import State
from paidflow.states.owed import HOOK_TRIES, OwedKind, owed
from paidflow.states.reversals import undecided
from paidflow.store.records import Attachment

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
        self.pay_outs = PayOuts(tools)
        self.forwarding = self.invoices.forwarding
        self._asking = Asking(tools)
        self._commands = GatewayCommands(tools, self._asking, self.invoices)
        self._do: dict[OwedKind, Callable[[Loaded], Moved]] = {
            OwedKind.INVOICE: self._obtain_invoice,
            OwedKind.PAYMENT: self._look,
            OwedKind.HOLD: self._look,
            OwedKind.WATCH: self._watch,
            OwedKind.PERFORM: self._perform,
            OwedKind.PAY_OUT: self.pay_outs.send,
            OwedKind.FORWARD: self.pay_outs.look,
            OwedKind.CAPTURE: self._commands.capture,
            OwedKind.CLOSE: self._commands.close,
            OwedKind.CLOSE_OTHER: self._commands.close,
            OwedKind.COMPLETE: self._complete,
            OwedKind.LATE: self._complete,
            OwedKind.UNDO: self._undo,
            OwedKind.AFTER_PAID: self._after_paid,
            OwedKind.REFUND: self._commands.refund,
            OwedKind.REVERSAL: self._look_at_reversals,
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
                return self._asking.record(loaded, events, "answer")[0]
            except Conflict:
                loaded = self.reload(loaded)
        return loaded

    def look_at_payment(self, loaded: Loaded, number: int | None) -> Loaded:
        """Ask the gateway about one payment to somebody else, and record what follows.

        Raises:
            ActionNotFound: when the action has no such payment.
            GatewayUnavailable: when it gives no answer; the question has to be asked again.
        """
        for _ in range(STEPS_MAX):
            try:
                return self.pay_outs.look_at(loaded, number)
            except Conflict:
                loaded = self.reload(loaded)
        return loaded

    def apply(self, loaded: Loaded, answer: Answer) -> Loaded:
        """Record what follows from an answer that a gateway has given before.

        Raises:
            Conflict: when somebody else changes the action again and again.
        """
        for _ in range(STEPS_MAX):
            events = decide(loaded.aggregate, answer, self.tools.clock.now())
            try:
                return self._asking.record(loaded, events, "answer")[0]
            except Conflict:
                loaded = self.reload(loaded)
        raise Conflict(state=loaded.aggregate.state)

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
        return self._asking.ask(loaded, attempt.gateway, attempt.invoice_id)

    def _perform(self, loaded: Loaded) -> Moved:
        attempt = loaded.aggregate.current
        pay_out = loaded.aggregate.pay_out
        if attempt is None or attempt.receiver is None or pay_out is None:
            return self._look(loaded)
        if attempt.invoice_id is None:
            return loaded, False
        answer = self.tools.gateways.lookup(attempt.gateway, attempt.invoice_id)
        events = decide(loaded.aggregate, answer, self.tools.clock.now())
        if events or not isinstance(answer.lookup, Held):
            return self._asking.record(loaded, events, "answer")
        if (found := self.pay_outs.look_back(loaded)) is not None:
            return found
        destination = self.pay_outs.destination(loaded.action_id, pay_out)
        asked = self.forwarding.requested(loaded.aggregate, answer.lookup, destination)
        loaded, moved = self._asking.record(loaded, asked, "forward")
        if loaded.aggregate.state is not State.FORWARDING:
            return loaded, moved
        return self.pay_outs.call(loaded, destination, pay_until(answer.lookup.deadline))

    def _watch(self, loaded: Loaded) -> Moved:
        for attempt in loaded.aggregate.attempts:
            if attempt.only_assumed and attempt.invoice_id is not None:
                loaded, moved = self._asking.ask(loaded, attempt.gateway, attempt.invoice_id)
                if moved:
                    return loaded, True
        return loaded, False

    def _complete(self, loaded: Loaded) -> Moved:
        due = advance(loaded.aggregate, self.tools.clock.now())
        return self._asking.record(loaded, due, "complete")

    def _look_at_reversals(self, loaded: Loaded) -> Moved:
        for attempt, _ in undecided(loaded.aggregate):
            loaded, moved = self._asking.ask(loaded, attempt.gateway, attempt.invoice_id or "")
            if moved:
                return loaded, True
        return loaded, False

    def _obtain_invoice(self, loaded: Loaded) -> Moved:
        action_id, a = loaded.action_id, loaded.aggregate
        expired = advance(a, self.tools.clock.now())
        if expired:
            return self._asking.record(loaded, expired, "complete")
        attempt = a.current
        if attempt is None or attempt.dead:
            try:
                started, beside = self.invoices.starting(action_id, a)
            except (NoFunding, UnknownAction, QuoteUnavailable):
                return loaded, False
            after = self.tools.recorder.record(action_id, loaded, started, "attempt", beside)
            return after, True
        return self._attach(loaded, self.invoices.open_again(action_id, a, attempt))

    def _attach(self, loaded: Loaded, opening: Opening) -> Moved:
        action_id, record = loaded.action_id, self.tools.recorder.record
        if isinstance(opening.outcome, NotSent):
            return loaded, False
        if not isinstance(opening.outcome, Opened):
            refused = opening.receiver and isinstance(opening.outcome, Declined)
            closure = e.Closure.WRAP_REFUSED if refused else e.Closure.CREATION_FAILED
            failed = e.AttemptClosed(number=opening.number, closure=closure)
            return record(action_id, loaded, [failed], "attempt"), bool(refused)
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
        failed = loaded.aggregate.state is State.FAILED
        hook = e.Hook.ON_FAILED if failed else e.Hook.ON_REVERSED
        return self._asking.record(loaded, (e.HookDone(hook=hook),), "undo")

    def _after_paid(self, loaded: Loaded) -> Moved:
        action_id, a, payload = loaded.action_id, loaded.aggregate, loaded.payload
        record = self.tools.recorder.record
        try:
            action = self.tools.registry.restore(a.kind, a.kind_version, payload.arguments)
            result = None if payload.result is None else json.loads(payload.result)
            for member in members_of(action, action_id, a.parts):
                key, own = f"{member.action_id}:after_paid", member.carried_by is None
                told = result if own else None
                member.action.after_paid(
                    AfterPaid(member.action_id, a.actor, key, told, member.carried_by)
                )
        except Exception as error:
            kind = type(error).__name__
            logger.warning("after_paid of %s raised %s", action_id, kind, extra=about(action_id))
            failed: list[e.Event] = [e.HookFailed(hook=e.Hook.AFTER_PAID, error_type=kind)]
            if a.hook_failures + 1 >= HOOK_TRIES:
                failed.append(e.AttentionAsked(reason=e.AttentionReason.HOOK_FAILS))
            return record(action_id, loaded, failed, "after_paid"), False
        done = e.HookDone(hook=e.Hook.AFTER_PAID)
        return record(action_id, loaded, [done], "after_paid"), True


_HOOKS = frozenset({OwedKind.COMPLETE, OwedKind.UNDO, OwedKind.AFTER_PAID})
