"""A donation: money for the pool, from which rewards are paid."""

from __future__ import annotations

from collections.abc import Sequence

from paidflow.actions.contract import CREDITS, INVOICE, WITHDRAWABLE, Context
from paidflow.actions.fields import check_amount_sats
from paidflow.actions.forum_action import ForumAction, cost_of
from paidflow.actions.statements import Statements
from paidflow.ledger.accounts import POOL
from paidflow.money import Money, sats
from paidflow.states.postings import Posting

SQL = Statements("donations")


class Donate(ForumAction):
    """Give money to the pool. A row of it is there only once the money is.

    Args:
        amount_sats: how much, more than zero.
    """

    kind = "donate"
    funding = (CREDITS, WITHDRAWABLE, INVOICE)
    anonymous = True

    amount_sats: int

    def cost(self, ctx: Context) -> Money:
        check_amount_sats("amount_sats", self.amount_sats)
        return sats(self.amount_sats)

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return (Posting(POOL, cost_of(ctx)),)

    def perform(self, ctx: Context) -> None:
        SQL.run(
            ctx.tx,
            "insert_donation",
            id=ctx.action_id,
            actor=ctx.actor,
            amount_msats=cost_of(ctx).amount,
            now=ctx.now,
        )

    def describe(self, ctx: Context) -> str:
        return "donation"
