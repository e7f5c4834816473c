"""What happens to the work of an action, which its hooks do."""

from __future__ import annotations

from enum import StrEnum

from paidflow.states.events.event import Event


class Hook(StrEnum):
    """The hooks of an action that may have to be tried again."""

    ON_PAID = "on_paid"
    ON_FAILED = "on_failed"
    AFTER_PAID = "after_paid"
    ON_REVERSED = "on_reversed"


class Performed(Event):
    """The work of the action was done."""

    name = "paid-action.performed"


class Redone(Event):
    """``on_retry`` took back what ``on_failed`` had undone."""

    name = "paid-action.redone"


class HookFailed(Event):
    """A hook raised; the error's text is kept beside the log."""

    name = "paid-action.hook-failed"
    hook: Hook
    error_type: str


class HookDone(Event):
    """A hook that was still owed has run."""

    name = "paid-action.hook-done"
    hook: Hook
