"""A post that promises money for an answer."""

from __future__ import annotations

from dataclasses import replace

from paidflow.actions.contract import Context
from paidflow.actions.fields import check_amount_sats
from paidflow.actions.forum_action import settings_of
from paidflow.actions.items import Item
from paidflow.actions.post import Post
from paidflow.money import sats


class Bounty(Post):
    """Promise money for an answer; it is paid when there is one.

    Args:
        bounty_sats: how much.
    """

    kind = "bounty"
    item_kind = "bounty"

    bounty_sats: int

    def check(self, ctx: Context, before: Item | None = None) -> None:
        super().check(ctx, before)
        limits = settings_of(ctx)
        least, most = limits.bounty_sats_min, limits.bounty_sats_max
        check_amount_sats("bounty_sats", self.bounty_sats, least=least, most=most)

    def changed(self, before: Item) -> Item:
        return replace(super().changed(before), bounty=sats(self.bounty_sats))
