"""The hooks of one action inside one transaction: it is restored only when one of them runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from paidflow.actions.contract import Context, HookTransaction, PaidAction, Row, Rows
from paidflow.clock import Clock
from paidflow.errors import InvalidConfiguration, UnknownAction
from paidflow.flow.registry import Registry
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.store.contract import Payload, Transaction

HookRun = tuple[str, Aggregate]
"""A hook, and the action as it stands when the hook runs."""


class HookRaised(Exception):
    """A hook of an action raised; what it raised is in ``error``."""

    def __init__(self, hook: str, error: Exception) -> None:
        super().__init__(hook)
        self.hook = hook
        self.error = error


class NoTransaction:
    """What ``row`` gets for a transaction: the work as data must not need one."""

    @property
    def raw(self) -> NoReturn:
        raise InvalidConfiguration("row has no transaction; use perform if the work needs one")

    def execute(self, sql: str, **params: Any) -> Rows:
        return self.raw


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

    def has(self, hook: str, kind: str) -> bool:
        """Whether the action writes the hook itself; an unknown action is asked all the same."""
        try:
            return self._registry.kind(kind).has_own(hook)
        except UnknownAction:
            return True

    def due(self, events: Sequence[e.Event], trail: Sequence[Aggregate]) -> Iterator[HookRun]:
        """The hooks that run because of events; ``row`` where it stands for ``perform``.

        Args:
            events: what happens.
            trail: the action after each of them.
        """
        for event, a in zip(events, trail, strict=True):
            hook = _hook_of(event)
            if hook == "perform" and self.has("row", a.kind):
                yield "row", a
            elif hook is not None and self.has(hook, a.kind):
                yield hook, a

    def has_many(self, kind: str) -> bool:
        """Whether the action does ``on_paid`` for many at once."""
        return self._registry.knows(kind) and self._registry.kind(kind).has_own("on_paid_many")

    def reread(self, tx: Transaction) -> None:
        """Read the texts again, which may have been erased since the action was loaded."""
        self.payload = read_payload(tx, self._action_id)

    def perform(self, tx: Transaction, a: Aggregate) -> None:
        """Do the work, and keep its result."""
        result = self.run("perform", tx, a)
        if result is not None:
            try:
                text = json.dumps(result)
            except (TypeError, ValueError) as error:
                raise HookRaised("perform", error) from None
            tx.query("update_result", action_id=self._action_id, result=text)
            self.payload = replace(self.payload, result=text, error=None)

    def claims(self, tx: Transaction, a: Aggregate) -> tuple[str, ...]:
        """The names that only one living action may hold."""
        try:
            return tuple(self._restored(a).claims(self._context(tx, a)))
        except Exception as error:
            raise HookRaised("claims", error) from None

    def row(self, a: Aggregate) -> Row:
        """The work as one row."""
        try:
            return self.run("row", NoTransaction(), a)
        except HookRaised as raised:
            raise HookRaised("perform", raised.error) from None

    def run(self, hook: str, tx: HookTransaction, a: Aggregate) -> Any:
        """Run one hook.

        Raises:
            HookRaised: when it raised, or when the action cannot be restored.
        """
        try:
            return getattr(self._restored(a), hook)(self._context(tx, a))
        except Exception as error:
            raise HookRaised(hook, error) from None

    def restored(self, tx: HookTransaction, a: Aggregate) -> tuple[PaidAction, Context]:
        """The action, and what a hook of it is told."""
        return self._restored(a), self._context(tx, a)

    def _context(self, tx: HookTransaction, a: Aggregate) -> Context:
        return Context(
            action_id=self._action_id,
            actor=a.actor,
            now=self._clock.now(),
            cost=a.cost,
            performed=a.performed,
            tx=tx,
        )

    def _restored(self, a: Aggregate) -> PaidAction:
        if self._action is None:
            arguments = self.payload.arguments
            self._action = self._registry.restore(a.kind, a.kind_version, arguments)
        return self._action


def _hook_of(event: e.Event) -> str | None:
    match event:
        case e.Requested(performed=True) | e.Performed():
            return "perform"
        case e.RetryRequested(redone=True) | e.Redone():
            return "on_retry"
        case e.Paid():
            return "on_paid"
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
    except Exception as error:
        raise HookRaised("on_paid", error) from None


def read_payload(tx: Transaction, action_id: str) -> Payload:
    """The texts of an action."""
    row = tx.query("select_payload", action_id=action_id).fetchone()
    if row is None:
        return Payload(None, None, None, erased=True)
    return Payload(row["arguments"], row["result"], row["error"], bool(row["erased"]))
