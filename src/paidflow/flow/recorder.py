"""Records one step of one action: its events and its hooks, in one transaction.

The order inside is: events, claims, status, debit, hooks. If a hook raises, everything is rolled
back, and what has been seen of the money is recorded without the hook.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from paidflow.actions.contract import PaidAction
from paidflow.clock import Clock
from paidflow.errors import ClaimTaken, PaidflowError, UnknownAction
from paidflow.flow.hooks import HookRaised, HookRun, Hooks
from paidflow.flow.loaded import Loaded
from paidflow.flow.registry import Registry
from paidflow.ids import Ids
from paidflow.ledger.entries import Entry, entries_of
from paidflow.states import codec
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate, evolve, fold
from paidflow.states.decide import perform_raised, refuse_late
from paidflow.states.machine import FINAL, State
from paidflow.states.owed import HOOK_TRIES, owed
from paidflow.store.contract import (
    Attachment,
    NewAttempt,
    Payload,
    Request,
    Status,
    Store,
    Transaction,
    Write,
)
from paidflow.store.transaction import RowRefused

logger = logging.getLogger("paidflow.flow")

ERROR_TEXT_MAX = 500
FALLBACKS_MAX = 4


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


class Recorder:
    """Writes events together with everything that must be true at the same moment.

    Args:
        store: where to.
        registry: the actions whose hooks run.
        clock: the time of the events.
        ids: where ids come from.
    """

    def __init__(self, store: Store, registry: Registry, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._ids = ids

    def record(
        self,
        action_id: str,
        before: Loaded | None,
        events: Sequence[e.Event],
        step: str,
        beside: Beside = NOTHING_BESIDE,
    ) -> Loaded:
        """Write a step; hooks run inside. Without a hook it is one statement.

        Args:
            action_id: the action.
            before: the action as it was loaded; ``None`` for a new one.
            events: what happens now.
            step: the name of this transaction among the points where a process can die.
            beside: what else is written.

        Returns:
            The action after the step.

        Raises:
            HookRaised: when a hook raised; nothing was stored.
            LateRefused: when late money cannot make the action real any more; nothing was stored.
            Conflict: when the action has moved on; nothing was stored.
        """
        a = before.aggregate if before else None
        payload = before.payload if before else Payload(beside.arguments, None, None)
        events = [self._completed(event, a) for event in events]
        trail = list(_trail(a, events))
        hooks = Hooks(self._registry, self._clock, action_id, beside.action, payload)
        due = list(hooks.due(events, trail))
        write = self._write(action_id, a, trail[-1], events, beside)
        rested = a is not None and a.state in FINAL  # its texts may have been erased meanwhile
        alone = not due or (due == _rows(due) and not rested)
        try:
            if not alone or self._asks(hooks, a, trail[-1], events):
                self._write_and_run(write, hooks, due, a, trail[-1], events, step)
            else:
                rows = tuple(hooks.row(at) for _, at in due)
                self._store.write(step, [replace(write, rows=rows) if rows else write])
        except RowRefused as refused:
            raise HookRaised("perform", refused.error) from None
        payload = hooks.payload
        if beside.error is not None and not payload.erased:
            payload = replace(payload, error=beside.error)
        return Loaded(action_id, trail[-1], payload)

    def _write_and_run(
        self,
        write: Write,
        hooks: Hooks,
        due: Sequence[HookRun],
        before: Aggregate | None,
        after: Aggregate,
        events: Sequence[e.Event],
        step: str,
    ) -> None:
        with self._store.transaction(step, write.command_id) as tx:
            if before is not None:
                hooks.reread(tx, before)
            claims = self._claims(tx, hooks, before, after, events)
            rows = tuple(hooks.row(at) for _, at in _rows(due))
            try:
                tx.write([replace(write, claims=claims, rows=rows)])
            except ClaimTaken as taken:
                raise (LateRefused if _is_late(events) else taken) from None
            for hook, at in due:
                if hook == "perform":
                    hooks.perform(tx, at)
                elif hook != "row":
                    hooks.run(hook, tx, at)

    def record_or_fall_back(
        self, action_id: str, before: Loaded, events: Sequence[e.Event], step: str
    ) -> tuple[Loaded, bool]:
        """Write a step that a gateway's answer has made due, whatever its hooks do.

        Facts about money are recorded even when a hook raises.

        Returns:
            The action after it, and whether the step itself was done.
        """
        beside = NOTHING_BESIDE
        a = before.aggregate
        for _ in range(FALLBACKS_MAX):
            try:
                after = self.record(action_id, before, events, step, beside)
            except HookRaised as raised:
                if self._store.passing(raised.error):
                    raise raised.error from None
                _log(a.kind, raised)
                beside = Beside(error=_for_people(raised.error))
                events = self._without_hook(a, events, raised)
            except LateRefused:
                facts = _facts(events)
                events = [*facts, *refuse_late(fold(a, facts))]
            else:
                return after, beside is NOTHING_BESIDE
        raise AssertionError("a step falls back at most twice")

    def _without_hook(
        self, before: Aggregate, events: Sequence[e.Event], raised: HookRaised
    ) -> list[e.Event]:
        facts = _facts(events)
        seen = fold(before, facts) if facts else before
        if _is_late(events):
            return [*facts, *refuse_late(seen)]
        if raised.hook == "perform":
            return [*facts, *perform_raised(seen)]
        if raised.hook == "on_failed" and any(isinstance(event, e.Failed) for event in events):
            kept = [
                event.model_copy(update={"undo_owed": True})
                if isinstance(event, e.Failed)
                else event
                for event in events
            ]
            return kept
        failures = seen.hook_failures + 1
        failed = e.HookFailed(hook=e.Hook(raised.hook), error_type=type(raised.error).__name__)
        if isinstance(raised.error, UnknownAction):
            return [*facts, failed, e.AttentionAsked(reason=e.AttentionReason.NOT_REGISTERED)]
        if failures >= HOOK_TRIES:
            return [*facts, failed, e.AttentionAsked(reason=e.AttentionReason.HOOK_FAILS)]
        return [*facts, failed]

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
    ) -> Write:
        start = before.version if before else 0
        entries: list[tuple[int, Entry]] = []
        for version, event in enumerate(events, start=start + 1):
            posted = entries_of(action_id, after.kind, after.actor, event)
            entries.extend((version, entry) for entry in posted)
        command_id = self._ids.new_id()
        return Write(
            status=self._status(action_id, after),
            before=start,
            events=[(*codec.encode(event), self._ids.new_id()) for event in events],
            entries=entries,
            command_id=command_id,
            correlation_id=command_id,
            now=self._clock.now(),
            arguments=beside.arguments,
            request=beside.request,
            release_claims=after.state is State.FAILED,
            attempts=beside.attempts,
            attachment=beside.attachment,
            error=beside.error,
        )

    def _asks(
        self, hooks: Hooks, before: Aggregate | None, after: Aggregate, events: Sequence[e.Event]
    ) -> bool:
        """Whether the action must be asked for its claims, or whether it is still valid."""
        if before is not None and _is_late(events) and hooks.has("still_valid", after.kind):
            return True
        return _comes_alive(before, after) and hooks.has("claims", after.kind)

    def _claims(
        self,
        tx: Transaction,
        hooks: Hooks,
        before: Aggregate | None,
        after: Aggregate,
        events: Sequence[e.Event],
    ) -> tuple[str, ...]:
        """The claims to take: when the action begins, and again when it comes back from FAILED."""
        if before is not None and _is_late(events) and not hooks.run("still_valid", tx, before):
            raise LateRefused
        if not _comes_alive(before, after):
            return ()
        return tuple(f"{after.kind}:{claim}" for claim in hooks.claims(tx, after))

    def _status(self, action_id: str, a: Aggregate) -> Status:
        due = owed(a, self._clock.now())
        return Status(
            action_id=action_id,
            kind=a.kind,
            actor=a.actor,
            state=a.state,
            performed=a.performed,
            version=a.version,
            cost=a.cost,
            owed=due.kind if due else None,
            due_at=due.due_at if due else None,
            deadline_at=due.deadline_at if due else None,
            attention=a.attention,
            failure_reason=a.failure_reason,
        )


def _trail(a: Aggregate | None, events: Iterable[e.Event]) -> Iterator[Aggregate]:
    for event in events:
        a = evolve(a, event)
        yield a


def _comes_alive(before: Aggregate | None, after: Aggregate) -> bool:
    was_alive = before is not None and before.state is not State.FAILED
    return not was_alive and after.state is not State.FAILED


def _rows(due: Iterable[HookRun]) -> list[HookRun]:
    return [run for run in due if run[0] == "row"]


def _log(kind: str, raised: HookRaised) -> None:
    """A refusal is ordinary; anything else is for the developer, with its trace."""
    if isinstance(raised.error, PaidflowError):
        logger.info("%s of %s: %s", raised.hook, kind, raised.error.code)
    else:
        logger.error("%s of %s raised", raised.hook, kind, exc_info=raised.error)


def _for_people(error: Exception) -> str:
    """What the actor may read; the text of a foreign error is for the log only."""
    known = isinstance(error, PaidflowError)
    return (str(error) if known else "Something went wrong in this action.")[:ERROR_TEXT_MAX]


def _facts(events: Sequence[e.Event]) -> list[e.Event]:
    return list(takewhile(lambda event: event.fact, events))


def _is_late(events: Sequence[e.Event]) -> bool:
    return any(isinstance(event, e.Paid) and event.late for event in events)
