"""What each person did, spent and got on each day, by the kind of the action."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from paidflow.actions.contract import HookTransaction
from paidflow.actions.forum_days import local_day
from paidflow.ledger.accounts import person_of
from paidflow.states.events import Mode, Requested
from paidflow.store.queries import named
from paidflow.views.batch import Batch
from paidflow.views.projection import Projection
from paidflow.views.real import CHANGES, recorded_changes
from paidflow.views.sql import read_sql

COLUMNS = ("times", "spent_msats", "stacked_msats")
_SQL = named(read_sql("daily_totals"))

NOBODY = ""
"""Stands for logged-out people."""

POSTS = ("bounty", "discussion", "job", "link", "poll")
"""The kinds of the actions that create posts."""

NOT_SPENT = frozenset({"buy-credits", "gift"})
"""Kinds of actions that only pass money on."""


class DailyTotals(Projection):
    """Sums per day, person and kind of action; folded from the log.

    What is reversed is taken off from the day on which it was paid. Money that leaves, that
    somebody pays to himself, or that is only passed on, is neither spent nor stacked. What the
    forum itself gives is stacked and not spent.

    Args:
        time_zone: where a day begins and ends; with another one, raise the version.
        system: the actor that does what the forum does by itself.
        not_spent: kinds of actions that only pass money on, such as to another service.
    """

    name = "forum_daily_totals"
    events = CHANGES

    def __init__(
        self,
        time_zone: str = "UTC",
        system: str = "system",
        not_spent: Collection[str] = NOT_SPENT,
    ) -> None:
        self._time_zone = time_zone
        self._system = system
        self._not_spent = frozenset(not_spent)

    def create(self, tx: HookTransaction) -> None:
        for statement in ("create", "create_index"):
            tx.execute(_SQL[statement].format(table=self.table))

    def apply(self, tx: HookTransaction, batch: Batch) -> None:
        sums: Counter[tuple[str, str, str, str]] = Counter()
        requested = batch.requested()
        paid_at = batch.paid_at()
        for recorded, sign in recorded_changes(batch):
            asked = requested[recorded.action_id]
            day = local_day(paid_at[recorded.action_id], self._time_zone).isoformat()
            for actor, column, amount in self._sums(asked):
                sums[actor, day, asked.kind, column] += sign * amount
        rows = [
            {"actor": actor, "day": day, "kind": kind}
            | {column: sums[actor, day, kind, column] for column in COLUMNS}
            for actor, day, kind in sorted({key[:3] for key in sums})
        ]
        batch.insert(self.table, rows, _SQL["add"].format(table=self.table))

    def _sums(self, asked: Requested) -> Iterator[tuple[str, str, int]]:
        """Whose sum grows by how much when an action becomes real."""
        payer = asked.actor or NOBODY
        yield payer, "times", 1
        passed_on = asked.mode is Mode.PAY_OUT or asked.kind in self._not_spent
        if passed_on or asked.cost.currency != "BTC":
            return
        spent = asked.cost.amount
        for line in asked.payouts:
            actor = person_of(line.account)
            if actor is not None and actor == asked.actor:
                spent -= line.amount.amount
            elif actor is not None:
                yield actor, "stacked_msats", line.amount.amount
        if asked.actor != self._system:
            yield payer, "spent_msats", spent
