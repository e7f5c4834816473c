"""Records steps of actions: their events and their hooks, in one transaction.

The order inside is: events, claims, status, debit, hooks. If a hook raises, everything is rolled
back, and what has been seen of the money is recorded without the hook.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from itertools import takewhile

from paidflow.correlation import about
from paidflow.errors import ClaimTaken, InsufficientFunds, PaidflowError, UnknownAction
from paidflow.flow.hooks import HookRaised, run_many
from paidflow.flow.loaded import Loaded
from paidflow.flow.planned import (
    NOTHING_BESIDE,
    Beside,
    LateRefused,
    Planned,
    Planner,
    is_late,
)
from paidflow.spans import span
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.commands import perform_raised
from paidflow.states.evolve import fold
from paidflow.states.late import refuse_late
from paidflow.states.owed import HOOK_TRIES
from paidflow.store.contract import Transaction, Transactions
from paidflow.store.transaction import CommitRefused, RowRefused

logger = logging.getLogger("paidflow.flow")

ERROR_TEXT_MAX = 500
FALLBACKS_MAX = 4


class Recorder:
    """Writes events together with everything that must be true at the same moment.

    Args:
        store: where to.
        planner: plans the steps.
    """

    def __init__(self, store: Transactions, planner: Planner) -> None:
        self._store = store
        self._planner = planner

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
        planned = self._planner.plan(action_id, before, events, beside)
        try:
            self._write([planned], step)
        except (ClaimTaken, InsufficientFunds) as lacking:
            raise (LateRefused if planned.late else lacking) from None
        return planned.loaded

    def record_many(
        self, moves: Sequence[tuple[Loaded, Sequence[e.Event]]], step: str
    ) -> list[Loaded]:
        """Write steps of different actions in one transaction, all or none.

        Args:
            moves: each action as it was loaded, and what happens to it now.
            step: the name of this transaction among the points where a process can die.

        Returns:
            Those of them that owe something after it.

        Raises:
            HookRaised: when a hook of one of them raised; nothing was stored.
            LateRefused: when late money cannot make one of them real; nothing was stored.
            Conflict: when one of them has moved on; nothing was stored.
        """
        planned = self._planner.plan_many(moves)
        planned.sort(key=lambda one: one.write.status.action_id)
        self._write(planned, step)
        return [one.loaded for one in planned if one.write.status.owed is not None]

    def _write(self, planned: Sequence[Planned], step: str) -> None:
        try:
            with span("transaction", step=step):
                self._write_all(planned, step)
        except RowRefused as refused:
            raise HookRaised("perform", refused.error) from None
        except CommitRefused as refused:
            raise HookRaised(_suspect(planned), refused.error) from None

    def _write_all(self, planned: Sequence[Planned], step: str) -> None:
        if not any(one.needs_transaction for one in planned):
            self._store.write(step, [one.completed(None) for one in planned])
            return
        # One of the commands stands for all: they are committed together.
        with self._store.transaction(step, planned[0].write.command_id) as tx:
            tx.write([one.completed(tx) for one in planned])
            _run_hooks(tx, planned)

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
                _log(action_id, a.kind, raised)
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
        if is_late(events):
            return [*facts, *refuse_late(seen)]
        if raised.hook == "perform":
            return [*facts, *perform_raised(seen)]
        undoing = any(isinstance(event, e.Failed | e.Reversed) for event in events)
        if raised.hook in ("on_failed", "on_reversed") and undoing:
            return [
                event.model_copy(update={"undo_owed": True})
                if isinstance(event, e.Failed | e.Reversed)
                else event
                for event in events
            ]
        failures = seen.hook_failures + 1
        failed = e.HookFailed(hook=e.Hook(raised.hook), error_type=type(raised.error).__name__)
        if isinstance(raised.error, UnknownAction):
            return [*facts, failed, e.AttentionAsked(reason=e.AttentionReason.NOT_REGISTERED)]
        if failures >= HOOK_TRIES:
            return [*facts, failed, e.AttentionAsked(reason=e.AttentionReason.HOOK_FAILS)]
        return [*facts, failed]


def _run_hooks(tx: Transaction, planned: Sequence[Planned]) -> None:
    """Each action's hooks in turn; ``on_paid`` for all of a kind at once where it offers that."""
    together: dict[str, list[Planned]] = defaultdict(list)
    for one in planned:
        many = len(planned) > 1 and one.hooks.has_many(one.after)
        if many and any(run.hook == "on_paid" for run in one.due):
            together[one.after.kind].append(one)
            one.run_hooks(tx, left_out="on_paid")
        else:
            one.run_hooks(tx)
    for group in together.values():
        run_many(tx, [(one.hooks, one.after) for one in group])
    for one in planned:
        one.forget(tx)


def _suspect(planned: Sequence[Planned]) -> str:
    """The hook that is blamed for a commit that was refused: the work, if it was done here."""
    hooks = [run.hook for one in planned for run in one.due]
    work = not hooks or "perform" in hooks or "row" in hooks
    return "perform" if work else hooks[-1]


def _log(action_id: str, kind: str, raised: HookRaised) -> None:
    """A refusal is ordinary; anything else is for the developer, with its trace."""
    if isinstance(raised.error, PaidflowError):
        told = raised.error.code
        logger.info("%s of %s: %s", raised.hook, kind, told, extra=about(action_id))
    else:
        trace = raised.error
        extra = about(action_id)
        logger.error("%s of %s raised", raised.hook, kind, exc_info=trace, extra=extra)


def _for_people(error: Exception) -> str:
    """What the actor may read; the text of a foreign error is for the log only."""
    known = isinstance(error, PaidflowError)
    return (str(error) if known else "Something went wrong in this action.")[:ERROR_TEXT_MAX]


def _facts(events: Sequence[e.Event]) -> list[e.Event]:
    return list(takewhile(lambda event: event.fact, events))
