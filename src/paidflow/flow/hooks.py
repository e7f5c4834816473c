"""The hooks of one action inside one transaction: it is restored only when one of them runs."""

from __future__ import annotations

import json
from typing import Any

from paidflow.actions.contract import Context, PaidAction
from paidflow.clock import Clock
from paidflow.flow.registry import Registry
from paidflow.states.aggregate import Aggregate
from paidflow.store.contract import Payload, Transaction


class HookRaised(Exception):
    """A hook of an action raised; what it raised is in ``error``."""

    def __init__(self, hook: str, error: Exception) -> None:
        super().__init__(hook)
        self.hook = hook
        self.error = error


class Hooks:
    """Runs the hooks of one action.

    Args:
        tx: the transaction that they take part in.
        registry: where the action's class is found.
        clock: the time that they are told.
        action_id: the action.
        action: the action, if it is at hand.
    """

    def __init__(
        self,
        tx: Transaction,
        registry: Registry,
        clock: Clock,
        action_id: str,
        action: PaidAction | None,
    ) -> None:
        self._tx = tx
        self._registry = registry
        self._clock = clock
        self._action_id = action_id
        self._action = action

    def perform(self, a: Aggregate) -> None:
        """Do the work, and keep its result."""
        result = self.run("perform", a)
        if result is not None:
            try:
                text = json.dumps(result)
            except (TypeError, ValueError) as error:
                raise HookRaised("perform", error) from None
            self._tx.query("update_result", action_id=self._action_id, result=text)

    def run(self, hook: str, a: Aggregate) -> Any:
        """Run one hook.

        Raises:
            HookRaised: when it raised, or when the action cannot be restored.
        """
        try:
            return getattr(self._restored(a), hook)(self.context(a))
        except Exception as error:
            raise HookRaised(hook, error) from None

    def claims(self, a: Aggregate) -> tuple[str, ...]:
        """The names that only one living action may hold."""
        try:
            return tuple(self._restored(a).claims(self.context(a)))
        except Exception as error:
            raise HookRaised("claims", error) from None

    def still_valid(self, a: Aggregate) -> bool:
        """Whether late money may still make it real."""
        return bool(self.run("still_valid", a))

    def context(self, a: Aggregate) -> Context:
        """What a hook is told."""
        return Context(
            action_id=self._action_id,
            actor=a.actor,
            now=self._clock.now(),
            cost=a.cost,
            performed=a.performed,
            tx=self._tx,
        )

    def _restored(self, a: Aggregate) -> PaidAction:
        if self._action is None:
            payload = read_payload(self._tx, self._action_id)
            self._action = self._registry.restore(a.kind, a.kind_version, payload.arguments)
        return self._action


def read_payload(tx: Transaction, action_id: str) -> Payload:
    """The texts of an action."""
    row = tx.query("select_payload", action_id=action_id).fetchone()
    if row is None:
        return Payload(None, None, None, erased=True)
    return Payload(row["arguments"], row["result"], row["error"], bool(row["erased"]))
