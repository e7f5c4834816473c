"""A downzap: money against something that somebody wrote."""

from __future__ import annotations

from collections.abc import Sequence

from paidflow.actions.act import Act, refuse_own
from paidflow.actions.contract import Context
from paidflow.actions.forum_action import cost_of
from paidflow.actions.items import Item, open_item
from paidflow.ledger.accounts import POOL
from paidflow.states.postings import Posting


class Downzap(Act):
    """Pay for an item to be seen less. All of it goes to the pool, so nobody earns by quarrels.

    Args:
        item_id: the item.
        amount_sats: how much, more than zero.
    """

    kind = "downzap"
    pessimistic = False

    def check(self, ctx: Context) -> Item:
        item = open_item(ctx, self.item_id)
        refuse_own(ctx, item)
        return item

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return (Posting(POOL, cost_of(ctx)),)
