"""Records one step of one action: its events and its hooks, in one transaction.

The order inside is: events, claims, status, debit, hooks. If a hook raises, everything is rolled
back, and what has been seen of the money is recorded without the hook.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from paidflow.actions.contract import PaidAction
from paidflow.clock import Clock
from paidflow.errors import ClaimTaken, PaidflowError, UnknownAction
from paidflow.flow.hooks import HookRaised, Hooks
from paidflow.flow.registry import Registry
from paidflow.ids import Ids
from paidflow.ledger.entries import Entry, entries_of
from paidflow.states import codec
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate, evolve, fold
from paidflow.states.decide import perform_raised, refuse_late
from paidflow.states.machine import State
from paidflow.states.owed import HOOK_TRIES, owed
from paidflow.store.contract import (
    Attachment,
    NewAttempt,
    Request,
    Status,
    Store,
    Transaction,
    Write,
)

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

    def load(self, tx: Transaction, action_id: str) -> Aggregate | None:
        """The action as its events tell it; ``None`` when there is none."""
        rows = tx.query("select_events", action_id=action_id).fetchall()
        if not rows:
            return None
        return fold(None, [codec.decode(row["topic"], bytes(row["state"])) for row in rows])

    def record(
        self,
        action_id: str,
        before: Aggregate | None,
        events: Sequence[e.Event],
        step: str,
        beside: Beside = NOTHING_BESIDE,
    ) -> Aggregate:
        """Write a step; hooks run inside.

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
        events = [self._completed(event, before) for event in events]
        after = fold(before, events)
        command_id = self._ids.new_id()
        with self._store.transaction(step, command_id) as tx:
            hooks = Hooks(tx, self._registry, self._clock, action_id, beside.action)
            write = self._write(action_id, before, after, events, command_id, beside, hooks)
            try:
                tx.write(write, [self._ids.new_id() for _ in events])
            except ClaimTaken as taken:
                raise (LateRefused if _is_late(events) else taken) from None
            if beside.error is not None:
                tx.query("update_error", action_id=action_id, error=beside.error)
            self._run_hooks(hooks, before, events)
        return after

    def record_or_fall_back(
        self, action_id: str, before: Aggregate, events: Sequence[e.Event], step: str
    ) -> bool:
        """Write a step that a gateway's answer has made due, whatever its hooks do.

        Facts about money are recorded even when a hook raises.

        Returns:
            Whether the step itself was done.
        """
        beside = NOTHING_BESIDE
        for _ in range(FALLBACKS_MAX):
            try:
                self.record(action_id, before, events, step, beside)
            except HookRaised as raised:
                if self._store.passing(raised.error):
                    raise raised.error from None
                _log(before.kind, raised)
                beside = Beside(error=_for_people(raised.error))
                events = self._without_hook(before, events, raised)
            except LateRefused:
                facts = _facts(events)
                events = [*facts, *refuse_late(fold(before, facts))]
            else:
                return beside is NOTHING_BESIDE
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
        return event.model_copy(update={"after_paid_owed": owes})

    def _write(
        self,
        action_id: str,
        before: Aggregate | None,
        after: Aggregate,
        events: Sequence[e.Event],
        command_id: str,
        beside: Beside,
        hooks: Hooks,
    ) -> Write:
        start = before.version if before else 0
        entries: list[tuple[int, Entry]] = []
        for version, event in enumerate(events, start=start + 1):
            posted = entries_of(action_id, after.kind, after.actor, event)
            entries.extend((version, entry) for entry in posted)
        return Write(
            status=self._status(action_id, after),
            before=start,
            events=[codec.encode(event) for event in events],
            entries=entries,
            command_id=command_id,
            correlation_id=command_id,
            now=self._clock.now(),
            arguments=beside.arguments,
            request=beside.request,
            claims=self._claims(before, after, events, hooks),
            release_claims=after.state is State.FAILED,
            attempts=beside.attempts,
            attachment=beside.attachment,
        )

    def _claims(
        self,
        before: Aggregate | None,
        after: Aggregate,
        events: Sequence[e.Event],
        hooks: Hooks,
    ) -> tuple[str, ...]:
        """The claims to take: when the action begins, and again when it comes back from FAILED."""
        if before is not None and _is_late(events) and not hooks.still_valid(before):
            raise LateRefused
        was_alive = before is not None and before.state is not State.FAILED
        if was_alive or after.state is State.FAILED:
            return ()
        return tuple(f"{after.kind}:{claim}" for claim in hooks.claims(after))

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

    def _run_hooks(self, hooks: Hooks, before: Aggregate | None, events: Sequence[e.Event]) -> None:
        a = before
        for event in events:
            a = evolve(a, event)
            match event:
                case e.Requested(performed=True) | e.Performed():
                    hooks.perform(a)
                case e.RetryRequested(redone=True) | e.Redone():
                    hooks.run("on_retry", a)
                case e.Paid():
                    hooks.run("on_paid", a)
                case e.Failed(undo_owed=False) | e.HookDone(hook=e.Hook.ON_FAILED):
                    hooks.run("on_failed", a)
                case _:
                    pass


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
