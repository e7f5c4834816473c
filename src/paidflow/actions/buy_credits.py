"""Credits: money of one's own that is kept inside, to pay with later."""

from __future__ import annotations

from collections.abc import Sequence

from paidflow.actions.contract import INVOICE, Context
from paidflow.actions.fields import check_amount_sats
from paidflow.actions.forum_action import ForumAction, cost_of
from paidflow.ledger.accounts import purse
from paidflow.money import Money, sats
from paidflow.states.postings import Posting


class BuyCredits(ForumAction):
    """Put money into one's own purse; it gets all of it, also what was paid too much.

    Args:
        amount_sats: how much, more than zero.
    """

    kind = "buy-credits"
    funding = (INVOICE,)

    amount_sats: int

    def cost(self, ctx: Context) -> Money:
        check_amount_sats("amount_sats", self.amount_sats)
        return sats(self.amount_sats)

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        if ctx.actor is None:
            raise AssertionError("nobody logged-out comes here")
        return (Posting(purse(ctx.actor), cost_of(ctx)),)

    def describe(self, ctx: Context) -> str:
        return "credits"
