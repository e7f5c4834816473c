"""A policy of what may be written for nothing."""

from __future__ import annotations

from paidflow.actions.contract import Context
from paidflow.actions.statements import Statements
from paidflow.errors import Refused
from paidflow.ledger.accounts import purse
from paidflow.money import Money

SQL = Statements("freebies")


class AffordableFreebies:
    """Who cannot afford it writes a few things a month for nothing.

    It is for people who are logged in; for comments, bios, and posts where the territory allows it;
    and only for what costs no more than the first of its kind: no boost, no large files, and not
    one after the other.

    Args:
        items_per_month: how many, in a month of the calendar, UTC.
    """

    def __init__(self, items_per_month: int = 5) -> None:
        self._most = items_per_month

    def is_free(
        self, ctx: Context, *, kind: str, cost: Money, base_cost: Money, allowed: bool
    ) -> bool:
        if ctx.actor is None or not allowed or cost > base_cost:
            return False
        if ctx.balance_of(purse(ctx.actor), cost.currency) >= cost:
            return False
        row = SQL.one(ctx.tx, "count_freebies", actor=ctx.actor, month=_month(ctx))
        return row is not None and row["items"] < self._most

    def take(self, ctx: Context) -> None:
        for number in range(1, self._most + 1):
            taken = SQL.run(
                ctx.tx,
                "insert_freebie",
                actor=ctx.actor,
                month=_month(ctx),
                number=number,
                item_id=ctx.action_id,
            )
            if taken.rowcount == 1:
                return
        raise Refused(f"you have written {self._most} things for nothing this month")


def _month(ctx: Context) -> str:
    return f"{ctx.now:%Y-%m}"
