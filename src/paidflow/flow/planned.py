"""One step of one action as it is planned in memory: what will be written, and which hooks run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from paidflow.actions.contract import PaidAction
from paidflow.clock import Clock
from paidflow.errors import UnknownAction
from paidflow.flow.hooks import HookRun, Hooks
from paidflow.flow.loaded import Loaded
from paidflow.flow.registry import Registry
from paidflow.ids import Ids
from paidflow.ledger.entries import Entry, entries_of
from paidflow.states import codec
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate, fold
from paidflow.states.machine import FINAL, State
from paidflow.states.owed import owed
from paidflow.store.contract import (
    Attachment,
    NewAttempt,
    Payload,
    Request,
    Status,
    Transaction,
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
        error: what a hook said when it raised, for the actor to read.
    """

    action: PaidAction | None = None
    arguments: str | None = None
    request: Request | None = None
    attempts: tuple[NewAttempt, ...] = ()
    attachment: Attachment | None = None
    error: str | None = None


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
        return any(hook != "row" or rested for hook, _ in self.due)

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
        rows = tuple(self.hooks.row(at) for hook, at in self.due if hook == "row")
        return replace(self.write, claims=claims, rows=rows) if claims or rows else self.write

    def run_hooks(self, tx: Transaction, left_out: str | None = None) -> None:
        """Run the hooks that are due, after everything was written.

        Args:
            tx: the transaction.
            left_out: a hook that was run together with that of others.

        Raises:
            HookRaised: when one of them raised.
        """
        for hook, at in self.due:
            if hook == "perform":
                self.hooks.perform(tx, at)
            elif hook not in ("row", left_out):
                self.hooks.run(hook, tx, at)

    @property
    def loaded(self) -> Loaded:
        """The action after the step, once it is committed."""
        payload, error = self.hooks.payload, self.write.error
        if error is not None and not payload.erased:
            payload = replace(payload, error=error)
        return Loaded(self.write.status.action_id, self.after, payload)

    def _claims(self, tx: Transaction) -> tuple[str, ...]:
        """The claims to take: when the action begins, and again when it comes back from FAILED."""
        valid = (
            self.before is None or not self.late or self.hooks.run("still_valid", tx, self.before)
        )
        if not valid:
            raise LateRefused
        if not _comes_alive(self.before, self.after):
            return ()
        return tuple(f"{self.after.kind}:{claim}" for claim in self.hooks.claims(tx, self.after))


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
        trail = list(_trail(a, events))
        after, late = trail[-1], is_late(events)
        hooks = Hooks(self._registry, self._clock, action_id, beside.action, payload)
        command_id = command_id or self._ids.new_id()
        write = self._write(action_id, a, after, events, beside, command_id)
        due = list(hooks.due(events, trail))
        asks = late and a is not None and hooks.has("still_valid", after.kind)
        asks = asks or (_comes_alive(a, after) and hooks.has("claims", after.kind))
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
            owes = self._registry.kind(before.kind).has_own("after_paid")
        except UnknownAction:
            return event
        if event.after_paid_owed == owes:
            return event
        return event.model_copy(update={"after_paid_owed": owes})

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
        entries: list[tuple[int, Entry]] = []
        for version, event in enumerate(events, start=start + 1):
            posted = entries_of(action_id, after.kind, after.actor, event)
            entries.extend((version, entry) for entry in posted)
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
            attention=after.attention,
            failure_reason=after.failure_reason,
        )
        return Write(
            status=status,
            before=start,
            events=[(*codec.encode(event), self._ids.new_id()) for event in events],
            entries=entries,
            command_id=command_id,
            correlation_id=command_id,
            now=now,
            arguments=beside.arguments,
            request=beside.request,
            release_claims=after.state is State.FAILED,
            attempts=beside.attempts,
            attachment=beside.attachment,
            error=beside.error,
        )


def is_late(events: Iterable[e.Event]) -> bool:
    """Whether late money makes the action real."""
    return any(isinstance(event, e.Paid) and event.late for event in events)


def _trail(a: Aggregate | None, events: Iterable[e.Event]) -> Iterator[Aggregate]:
    for event in events:
        a = fold(a, (event,))
        yield a


def _comes_alive(before: Aggregate | None, after: Aggregate) -> bool:
    was_alive = before is not None and before.state is not State.FAILED
    return not was_alive and after.state is not State.FAILED
