"""A new territory."""

from __future__ import annotations

from paidflow.actions.contract import Context
from paidflow.actions.forum_action import settings_of
from paidflow.actions.territories import find_territory
from paidflow.actions.territory_bills import price
from paidflow.actions.territory_change import Change
from paidflow.actions.territory_terms import TerritoryTerms
from paidflow.errors import InvalidField
from paidflow.money import Money


class TerritoryCreate(TerritoryTerms):
    """Found a territory; the first bill is paid at once."""

    kind = "territory-create"
    change = "create"

    def cost(self, ctx: Context) -> Money:
        return price(settings_of(ctx), self.billing)

    def changed(self, ctx: Context) -> Change:
        after = self.terms(ctx)
        known = find_territory(ctx.tx, self.name)
        if known is not None:
            why = "it is stopped, and can be revived" if known.stopped else "it is taken"
            raise InvalidField("name", why)
        return Change(None, after)

    def describe(self, ctx: Context) -> str:
        return f"territory {self.name}"
