"""A stopped territory goes on, under whoever pays for it."""

from __future__ import annotations

from dataclasses import replace

from paidflow.actions.contract import Context
from paidflow.actions.forum_action import settings_of
from paidflow.actions.territories import territory_as_seen
from paidflow.actions.territory_bills import price
from paidflow.actions.territory_change import Change
from paidflow.actions.territory_terms import TerritoryTerms
from paidflow.errors import InvalidField
from paidflow.money import Money


class TerritoryUnarchive(TerritoryTerms):
    """Revive a stopped territory; it belongs to the actor then.

    Args:
        seen_version: the version of the territory that the actor has seen.
    """

    kind = "territory-unarchive"
    change = "revive"

    seen_version: int

    def cost(self, ctx: Context) -> Money:
        return price(settings_of(ctx), self.billing)

    def changed(self, ctx: Context) -> Change:
        before = territory_as_seen(ctx, self.name, self.seen_version)
        if not before.stopped:
            raise InvalidField("name", "this territory is not stopped")
        return Change(before, replace(self.terms(ctx), name=before.name))

    def describe(self, ctx: Context) -> str:
        return f"territory {self.name} again"
