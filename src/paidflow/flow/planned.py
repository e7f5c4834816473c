"""One step of one action as it is planned in memory: what will be written, and which hooks run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile, zip_longest

from paidflow.actions.contract import PaidAction
from paidflow.clock import Clock
from paidflow.correlation import current
from paidflow.errors import UnknownAction
from paidflow.flow.hooks import HookRun, Hooks
from paidflow.flow.loaded import Loaded
from paidflow.flow.registry import Registry
from paidflow.ids import Ids
from paidflow.ledger.entries import entries_of
from paidflow.states import codec
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.evolve import fold
from paidflow.states.machine import FINAL, State
from paidflow.states.owed import owed
from paidflow.store.contract import Transaction
from paidflow.store.records import (
    Attachment,
    NewAttempt,
    NewPayment,
    Payload,
    Request,
    Status,
    Write,
)


class LateRefused(Exception):
    """Late money came, but the action can no longer be made real with it."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What is written together with the events of a step.

    Args:
        action: the action, if it is at hand; otherwise it is restored when a hook needs it.
        arguments: the arguments of a new action, as JSON.
        request: the idempotency key of a new action.
        attempts: attempts to start.
        attachment: an invoice to attach.
        payments: payments to somebody else that are planned.
        error: what a hook said when it raised, for the actor to read.
        open_invoices_max: how many unpaid invoices the actor of a new action may have with it.
    """

    action: PaidAction | None = None
    arguments: str | None = None
    request: Request | None = None
    attempts: tuple[NewAttempt, ...] = ()
    attachment: Attachment | None = None
    payments: tuple[NewPayment, ...] = ()
    error: str | None = None
    open_invoices_max: int | None = None


NOTHING_BESIDE = Beside()


@dataclass(slots=True)
class Planned:
    """A step that is ready to be written.

    Args:
        before: the action as it stands; ``None`` for a new one.
        after: the action after the step.
        write: what is written, but for claims and rows.
        late: whether late money makes the action real.
        hooks: the hooks of the action.
        due: those that run, with the action as it stands when they do.
        asks: whether the action must be asked for its claims, or whether it is still valid.
    """

    before: Aggregate | None
    after: Aggregate
    write: Write
    late: bool
    hooks: Hooks
    due: list[HookRun]
    asks: bool

    @property
    def needs_transaction(self) -> bool:
        """Whether the action itself takes part; if not, one statement is all."""
        if self.asks:
            return True
        # The texts of a finished action may have been erased since it was loaded.
        rested = self.before is not None and self.before.state in FINAL
        return any(run.hook != "row" or rested for run in self.due)

    def completed(self, tx: Transaction | None) -> Write:
        """What is written, with claims and rows.

        Args:
            tx: the transaction, if there is one.

        Raises:
            HookRaised: when the action raised.
            LateRefused: when late money cannot make the action real any more.
        """
        claims: tuple[str, ...] = ()
        if tx is not None:
            if self.before is not None and self.before.state in FINAL:
                self.hooks.reread(tx)
            claims = self._claims(tx) if self.asks else ()
        rows = tuple(self.hooks.row(run) for run in takewhile(_is_row, self._work))
        return replace(self.write, claims=claims, rows=rows) if claims or rows else self.write

    def run_hooks(self, tx: Transaction, left_out: str | None = None) -> None:
        """Run the hooks that are due, after everything was written.

        Args:
            tx: the transaction.
            left_out: a hook that was run together with that of others.

        Raises:
            HookRaised: when one of them raised.
        """
        written = len(list(takewhile(_is_row, self._work)))
        for run in self.due:
            if run.hook == "row" and written:
                written -= 1
            elif run.hook == "row":
                tx.insert(self.hooks.row(run))
            elif run.hook == "perform":
                self.hooks.perform(tx, run)
            elif run.hook != left_out:
                self.hooks.run(run, tx)

    def forget(self, tx: Transaction) -> None:
        """Forget what the action is not to be known for, once ``on_paid`` has run."""
        if any(run.hook == "on_paid" for run in self.due):
            self.hooks.forget(tx, self.after)

    @property
    def _work(self) -> Iterator[HookRun]:
        """The work that is done now. Rows before any ``perform`` are written with the step."""
        return (run for run in self.due if run.hook in ("row", "perform"))

    @property
    def loaded(self) -> Loaded:
        """The action after the step, once it is committed."""
        payload, error = self.hooks.payload, self.write.error
        if error is not None and not payload.erased:
            payload = replace(payload, error=error)
        return Loaded(self.write.status.action_id, self.after, payload)

    def _claims(self, tx: Transaction) -> tuple[str, ...]:
        """The claims to take: when the action begins, and again when it comes back from FAILED."""
        if self.before is not None and self.late and not self.hooks.still_valid(tx, self.before):
            raise LateRefused
        if not _comes_alive(self.before, self.after):
            return ()
        return self.hooks.claims(tx, self.after)


class Planner:
    """Plans steps; reads and writes nothing.

    Args:
        registry: the actions whose hooks run.
        clock: the time of the events.
        ids: where ids come from.
    """

    def __init__(self, registry: Registry, clock: Clock, ids: Ids) -> None:
        self._registry = registry
        self._clock = clock
        self._ids = ids

    def plan(
        self,
        action_id: str,
        before: Loaded | None,
        events: Sequence[e.Event],
        beside: Beside = NOTHING_BESIDE,
        command_id: str | None = None,
    ) -> Planned:
        """The step that records events.

        Args:
            action_id: the action.
            before: the action as it was loaded; ``None`` for a new one.
            events: what happens now.
            beside: what else is written.
            command_id: the command that it is part of; a new one by default.

        Raises:
            IllegalTransition: when an event cannot happen there.
        """
        a = before.aggregate if before else None
        payload = before.payload if before else Payload(beside.arguments, None, None)
        events = [self._completed(event, a) for event in events]
        after, late = fold(a, events), is_late(events)
        hooks = Hooks(self._registry, self._clock, action_id, beside.action, payload)
        command_id = command_id or self._ids.new_id()
        write = self._write(action_id, a, after, events, beside, command_id)
        due = list(hooks.due(events, a, after))
        asks = late and a is not None and hooks.has("still_valid", after)
        asks = asks or (_comes_alive(a, after) and hooks.has("claims", after))
        return Planned(a, after, write, late, hooks, due, asks)

    def plan_many(self, moves: Iterable[tuple[Loaded, Sequence[e.Event]]]) -> list[Planned]:
        """The steps of several actions, which are one command."""
        command_id = self._ids.new_id()
        return [
            self.plan(before.action_id, before, events, command_id=command_id)
            for before, events in moves
        ]

    def _completed(self, event: e.Event, before: Aggregate | None) -> e.Event:
        """Fill in what only the class of the action knows."""
        if not isinstance(event, e.Paid) or before is None:
            return event
        try:
            owes = any(self._registry.has_hook(kind, "after_paid") for kind in before.kinds)
        except UnknownAction:
            return event
        if event.after_paid_owed == owes:
            return event
        return e.Paid(
            source=event.source, amount=event.amount, late=event.late, after_paid_owed=owes
        )

    def _write(
        self,
        action_id: str,
        before: Aggregate | None,
        after: Aggregate,
        events: Sequence[e.Event],
        beside: Beside,
        command_id: str,
    ) -> Write:
        start = before.version if before else 0
        entries = [
            (version, entry)
            for version, event in enumerate(events, start=start + 1)
            for entry in entries_of(action_id, after, event)
        ]
        now = self._clock.now()
        due = owed(after, now)
        status = Status(
            action_id=action_id,
            kind=after.kind,
            actor=after.actor,
            state=after.state,
            performed=after.performed,
            version=after.version,
            cost=after.cost,
            owed=due.kind if due else None,
            due_at=due.due_at if due else None,
            deadline_at=due.deadline_at if due else None,
            deadline_height=due.deadline_height if due else None,
            attention=after.attention,
            failure_reason=after.failure_reason,
        )
        return Write(
            status=status,
            before=start,
            events=[(*codec.encode(event), self._ids.new_id()) for event in events],
            entries=entries,
            command_id=command_id,
            correlation_id=current() or command_id,
            now=now,
            arguments=beside.arguments,
            request=beside.request,
            release_claims=after.state is State.FAILED,
            attempts=beside.attempts,
            attachment=beside.attachment,
            payments=beside.payments,
            unsent=tuple(_unsent(before, after)),
            error=beside.error,
            open_invoices_max=beside.open_invoices_max,
        )


def _is_row(run: HookRun) -> bool:
    return run.hook == "row"


def _unsent(before: Aggregate | None, after: Aggregate) -> Iterator[int]:
    """The payments of which it is certain now that they were never sent."""
    if not after.pay_outs:
        return
    earlier = before.pay_outs if before else ()
    for pay_out, was in zip_longest(after.pay_outs, earlier):
        given_up = pay_out.never_sent and (pay_out.failure or after.state is State.FAILED)
        if given_up and not (was is not None and was.failure):
            yield pay_out.number


def is_late(events: Iterable[e.Event]) -> bool:
    """Whether late money makes the action real."""
    return any(isinstance(event, e.Paid) and event.late for event in events)


def _comes_alive(before: Aggregate | None, after: Aggregate) -> bool:
    was_alive = before is not None and before.state is not State.FAILED
    return not was_alive and after.state is not State.FAILED
