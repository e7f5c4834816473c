"""A territory gets another owner."""

from __future__ import annotations

from dataclasses import replace

from paidflow.actions.contract import CREDITS, Context
from paidflow.actions.forum_action import check_other_person
from paidflow.actions.territories import check_owner, territory_as_seen
from paidflow.actions.territory_change import Change, TerritoryChange
from paidflow.errors import InvalidField
from paidflow.money import Money, sats


class TerritoryTransfer(TerritoryChange):
    """Give one's own territory to somebody else, for nothing. His purses pay no bills unasked.

    Args:
        name: the territory.
        seen_version: the version of the territory that the owner has seen.
        to: the new owner.
    """

    kind = "territory-transfer"
    funding = (CREDITS,)
    change = "transfer"

    name: str
    seen_version: int
    to: str

    def cost(self, ctx: Context) -> Money:
        return sats(0)

    def changed(self, ctx: Context) -> Change:
        before = territory_as_seen(ctx, self.name, self.seen_version)
        check_owner(ctx, before)
        if before.stopped:
            raise InvalidField("name", "this territory is stopped")
        check_other_person(ctx, "to", self.to)
        return Change(before, replace(before, owner=self.to, auto_renew=False))

    def describe(self, ctx: Context) -> str:
        return f"territory {self.name} to {self.to}"
