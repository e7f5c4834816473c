"""The hooks of one action inside one transaction: it is restored only when one of them runs.

What an action carries has the same hooks; they run after those of the action itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from paidflow.actions.contract import Context, PaidAction, Row
from paidflow.clock import Clock
from paidflow.errors import UnknownAction
from paidflow.flow.members import Member, members_of
from paidflow.flow.registry import Registry
from paidflow.flow.told import NoTransaction, told
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.evolve import fold
from paidflow.store.contract import Transaction
from paidflow.store.records import Payload


class HookRun(NamedTuple):
    """A hook that is to run.

    Args:
        hook: its name.
        at: the action as it stands when the hook runs.
        number: whose hook it is: that of the action itself (0), or of one of its parts (from 1).
    """

    hook: str
    at: Aggregate
    number: int = 0


class HookRaised(Exception):
    """A hook of an action raised; what it raised is in ``error``."""

    def __init__(self, hook: str, error: Exception) -> None:
        super().__init__(hook)
        self.hook = hook
        self.error = error


class Hooks:
    """Runs the hooks of one action.

    Args:
        registry: where the action's class is found.
        clock: the time that they are told.
        action_id: the action.
        action: the action, if it is at hand.
        payload: its texts.
    """

    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        action_id: str,
        action: PaidAction | None,
        payload: Payload,
    ) -> None:
        self.payload = payload
        self._registry = registry
        self._clock = clock
        self._action_id = action_id
        self._action = action
        self._members: tuple[Member, ...] = ()

    def has(self, hook: str, a: Aggregate) -> bool:
        """Whether the action or one of its parts writes the hook itself."""
        return any(self._writes(hook, kind) for kind in a.kinds)

    def _writes(self, hook: str, kind: str) -> bool:
        """Whether a kind writes the hook itself; an unknown one is asked all the same."""
        try:
            return self._registry.has_hook(kind, hook)
        except UnknownAction:
            return True

    def due(
        self, events: Sequence[e.Event], before: Aggregate | None, after: Aggregate
    ) -> Iterator[HookRun]:
        """The hooks that run because of events; ``row`` where it stands for ``perform``.

        Args:
            events: what happens.
            before: the action before them; ``None`` for a new one.
            after: the action after all of them.
        """
        for count, event in enumerate(events, start=1):
            wanted = _hook_of(event)
            if isinstance(event, e.Restored) and not self.has("on_reversed", after):
                continue  # nothing was taken back, so there is nothing to do again
            if wanted is None:
                continue
            last = count == len(events)
            for number, kind in enumerate(after.kinds):
                by_row = wanted == "perform" and self._writes("row", kind)
                if by_row or self._writes(wanted, kind):
                    at = after if last else fold(before, events[:count])
                    yield HookRun("row" if by_row else wanted, at, number)

    def has_many(self, a: Aggregate) -> bool:
        """Whether the action does ``on_paid`` for many at once."""
        known = not a.parts and self._registry.knows(a.kind)
        return known and self._registry.has_hook(a.kind, "on_paid_many")

    def forget(self, tx: Transaction, a: Aggregate) -> None:
        """Forget what is not to be known any more, now that the action is paid."""
        forgotten = self._registry.kind(a.kind).forgotten
        if not forgotten or self.payload.arguments is None:
            return
        arguments = json.loads(self.payload.arguments)
        left = {name: value for name, value in arguments.items() if name not in forgotten}
        text = json.dumps(left)
        tx.query("update_arguments", action_id=self._action_id, arguments=text)
        self.payload = replace(self.payload, arguments=text)

    def reread(self, tx: Transaction) -> None:
        """Read the texts again, which may have been erased since the action was loaded."""
        self.payload = read_payload(tx, self._action_id)

    def perform(self, tx: Transaction, due: HookRun) -> None:
        """Do the work, and keep the result of the action itself."""
        result = self.run(due, tx)
        if result is not None and not due.number:
            try:
                text = json.dumps(result)
            except (TypeError, ValueError) as error:
                raise HookRaised("perform", error) from None
            tx.query("update_result", action_id=self._action_id, result=text)
            self.payload = replace(self.payload, result=text, error=None)

    def claims(self, tx: Transaction, a: Aggregate) -> tuple[str, ...]:
        """The names that only one living action may hold, each with the kind before it."""
        try:
            return tuple(
                f"{kind}:{claim}"
                for number, kind in enumerate(a.kinds)
                for claim in self._member(a, number).action.claims(self._context(tx, a, number))
            )
        except Exception as error:
            raise HookRaised("claims", error) from None

    def still_valid(self, tx: Transaction, a: Aggregate) -> bool:
        """Whether late money may still make the action and all its parts real."""
        runs = (HookRun("still_valid", a, number) for number, _ in enumerate(a.kinds))
        return all(self.run(due, tx) for due in runs)

    def row(self, due: HookRun) -> Row:
        """The work as one row."""
        try:
            return self.run(due, NoTransaction())
        except HookRaised as raised:
            raise HookRaised("perform", raised.error) from None

    def run(self, due: HookRun, tx: Transaction | NoTransaction) -> Any:
        """Run one hook, and send to the database what it has only noted.

        Raises:
            HookRaised: when it raised, or when the action cannot be restored.
        """
        hook, a, number = due
        try:
            action = self._member(a, number).action
            result = getattr(action, hook)(self._context(tx, a, number))
            tx.flush()
            return result
        except Exception as error:
            raise HookRaised(hook, error) from None

    def restored(self, tx: Transaction, a: Aggregate) -> tuple[PaidAction, Context]:
        """The action, and what a hook of it is told."""
        return self._member(a, 0).action, self._context(tx, a, 0)

    def _context(self, tx: Transaction | NoTransaction, a: Aggregate, number: int) -> Context:
        member = self._member(a, number)
        return told(
            tx,
            self._registry,
            action_id=member.action_id,
            actor=a.actor,
            now=self._clock.now(),
            cost=a.cost_of(number),
            performed=a.performed,
            carried_by=member.carried_by,
        )

    def _member(self, a: Aggregate, number: int) -> Member:
        if not self._members:
            action = self._action
            if action is None:
                action = self._registry.restore(a.kind, a.kind_version, self.payload.arguments)
            self._members = members_of(action, self._action_id, a.parts)
        return self._members[number]


def _hook_of(event: e.Event) -> str | None:
    match event:
        case e.Requested(performed=True) | e.Performed():
            return "perform"
        case e.RetryRequested(redone=True) | e.Redone():
            return "on_retry"
        case e.Paid() | e.Restored(redone=True):
            return "on_paid"
        case e.Reversed(undo_owed=False) | e.HookDone(hook=e.Hook.ON_REVERSED):
            return "on_reversed"
        case e.Failed(undo_owed=False) | e.HookDone(hook=e.Hook.ON_FAILED):
            return "on_failed"
        case _:
            return None


def run_many(tx: Transaction, group: Sequence[tuple[Hooks, Aggregate]]) -> None:
    """Run ``on_paid_many`` once for actions of one kind.

    Raises:
        HookRaised: when it raised, or when one of them cannot be restored.
    """
    try:
        pairs = [hooks.restored(tx, a) for hooks, a in group]
        type(pairs[0][0]).on_paid_many(pairs)
        tx.flush()
    except Exception as error:
        raise HookRaised("on_paid", error) from None


def read_payload(tx: Transaction, action_id: str) -> Payload:
    """The texts of an action."""
    row = tx.query("select_payload", action_id=action_id).fetchone()
    if row is None:
        return Payload(None, None, None, erased=True)
    return Payload(row["arguments"], row["result"], row["error"], bool(row["erased"]))
