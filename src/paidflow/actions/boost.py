"""A boost: money for an item to be seen more, which its author does not get."""

from __future__ import annotations

from collections.abc import Sequence

from paidflow.actions.act import Act
from paidflow.actions.contract import Context
from paidflow.actions.fees import fee_payouts
from paidflow.actions.fields import check_amount_sats
from paidflow.actions.forum_action import cost_of, settings_of
from paidflow.actions.items import open_item, territory_of
from paidflow.errors import InvalidField
from paidflow.states.postings import Posting


class Boost(Act):
    """Pay for an item to be seen more. Everybody may who is logged in, also its author.

    Args:
        item_id: the item.
        amount_sats: how much; the settings say which amounts.
    """

    kind = "boost"
    pessimistic = False

    def check_amount(self, ctx: Context) -> None:
        check_boost(ctx, "amount_sats", self.amount_sats)

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        item = open_item(ctx, self.item_id)
        return fee_payouts(ctx, cost_of(ctx), territory_of(ctx.tx, item))


def check_boost(ctx: Context, field: str, amount_sats: int) -> None:
    """Refuse a boost that is too small, or not a multiple of what the settings say.

    Raises:
        InvalidField: when it is.
    """
    rules = settings_of(ctx)
    least, unit = rules.boost_sats_min, rules.boost_sats_multiple
    if amount_sats < least or amount_sats % unit:
        raise InvalidField(field, f"{least:,} sats or more, and a multiple of {unit:,}")
    check_amount_sats(field, amount_sats)
