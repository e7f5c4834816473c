"""A gift: credits from one purse to another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from pydantic import Field

from paidflow.actions.contract import CREDITS, Context
from paidflow.actions.forum_action import ForumAction, check_other_person, settings_of
from paidflow.actions.incomes import SQL, today
from paidflow.errors import InvalidField
from paidflow.ledger.accounts import purse
from paidflow.money import Money, sats
from paidflow.states.postings import Posting

DAY = timedelta(days=1)


class Gift(ForumAction):
    """Give credits to somebody.

    Args:
        to: who gets them.
        amount_sats: how much, more than zero.
    """

    kind = "gift"
    funding = (CREDITS,)

    to: str
    amount_sats: int = Field(gt=0)

    def cost(self, ctx: Context) -> Money:
        return sats(self.amount_sats)

    def validate_request(self, ctx: Context) -> None:
        check_other_person(ctx, "to", self.to)
        self._check_limits(ctx)

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return [Posting(purse(self.to), self.cost(ctx))]

    def perform(self, ctx: Context) -> None:
        limits = settings_of(ctx)
        day_max = limits.gifts_day_max_sats
        given = SQL.run(
            ctx.tx,
            "insert_gift",
            id=ctx.action_id,
            actor=self.to,
            giver=ctx.actor,
            amount_msats=self.cost(ctx).amount,
            day=today(ctx),
            now=ctx.now,
            since=ctx.now - DAY,
            day_max_msats=None if day_max is None else sats(day_max).amount,
            person_max=limits.gifts_person_max,
        )
        if given.rowcount != 1:
            self._check_limits(ctx)
            raise InvalidField("amount_sats", "this is more than you may give")

    def _check_limits(self, ctx: Context) -> None:
        limits, who = settings_of(ctx), {"giver": ctx.actor}
        if limits.gifts_person_max is not None:
            row = SQL.one(ctx.tx, "count_given", actor=self.to, **who)
            if row is not None and row["gifts"] >= limits.gifts_person_max:
                raise InvalidField("to", f"{limits.gifts_person_max} gifts to one person at most")
        if limits.gifts_day_max_sats is not None:
            row = SQL.one(ctx.tx, "select_given", since=ctx.now - DAY, **who)
            given = (int(row["amount_msats"]) if row else 0) + self.cost(ctx).amount
            if given > sats(limits.gifts_day_max_sats).amount:
                most = limits.gifts_day_max_sats
                raise InvalidField("amount_sats", f"{most} sats in gifts within a day at most")

    def describe(self, ctx: Context) -> str:
        return f"gift to {self.to}"
