"""A zap: money for something that somebody wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paidflow.actions.act import SQL, Act, refuse_own
from paidflow.actions.contract import Context
from paidflow.actions.direct import direct_receivers
from paidflow.actions.fees import fee_payouts
from paidflow.actions.fields import check_amount_sats
from paidflow.actions.forum_action import cost_of, settings_of
from paidflow.actions.items import Item, open_item, territory_of
from paidflow.errors import InvalidField
from paidflow.ledger.accounts import purse
from paidflow.ledger.shares import PERCENT_MAX, shares
from paidflow.money import Money
from paidflow.states.postings import Posting
from paidflow.states.receivers import Receiver

_NOBODY = ""


class Zap(Act):
    """Give money to the author of an item and to those he forwards to.

    Of 100 sats they get 70, as the settings say. The rest is a fee: the territory of the item and
    the pool share it. If one of those who get it can be paid directly, the pool pays the way.

    Args:
        item_id: the item.
        amount_sats: how much, more than zero.
    """

    kind = "zap"
    anonymous = True

    def check(self, ctx: Context) -> Item:
        item = open_item(ctx, self.item_id)
        refuse_own(ctx, item)
        if ctx.actor is not None and ctx.actor in self._forwards(ctx):
            raise InvalidField("item_id", "it forwards to you")
        return item

    def check_amount(self, ctx: Context) -> None:
        check_amount_sats("amount_sats", self.amount_sats, most=settings_of(ctx).zap_sats_max)

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        item = open_item(ctx, self.item_id)
        given = self._given(ctx, item)
        fee = cost_of(ctx)
        for share in given.values():
            fee -= share
        return (
            *(Posting(purse(actor), share) for actor, share in given.items()),
            *fee_payouts(ctx, fee, territory_of(ctx.tx, item)),
        )

    def receivers(self, ctx: Context) -> Sequence[Receiver]:
        item = open_item(ctx, self.item_id)
        if item.free or item.kind == "bio":
            return ()
        return direct_receivers(ctx, self._given(ctx, item))

    def _given(self, ctx: Context, item: Item) -> dict[str, Money]:
        """Who gets how much; what a logged-out author would get is part of the fee."""
        cost = cost_of(ctx)
        percent = settings_of(ctx).zap_share_percent
        given = Money(cost.amount * percent // PERCENT_MAX, cost.currency)
        lines = shares(given, self._forwards(ctx), rest=item.author or _NOBODY)
        return {line.account: line.amount for line in lines if line.account != _NOBODY}

    def _forwards(self, ctx: Context) -> Mapping[str, int]:
        rows = SQL.run(ctx.tx, "select_forwards", id=self.item_id).fetchall()
        return {row["actor"]: row["percent"] for row in rows}
