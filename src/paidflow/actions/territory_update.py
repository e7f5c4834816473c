"""Other terms for a territory; what it costs is prorated."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from paidflow.actions.contract import Context
from paidflow.actions.forum_action import settings_of
from paidflow.actions.territories import Territory, check_owner, territory_as_seen
from paidflow.actions.territory_bills import next_bill, prorated
from paidflow.actions.territory_change import Change
from paidflow.actions.territory_terms import TerritoryTerms
from paidflow.errors import InvalidField
from paidflow.money import Money


class TerritoryUpdate(TerritoryTerms):
    """Change the terms of one's own territory. Longer billing costs the difference of the prices.

    Args:
        seen_version: the version of the territory that the owner has seen.
    """

    kind = "territory-update"
    change = "update"

    seen_version: int

    def cost(self, ctx: Context) -> Money:
        before = territory_as_seen(ctx, self.name, self.seen_version)
        return prorated(
            settings_of(ctx), before.billing, self.billing, before.billed_at, before.paid_until
        )

    def changed(self, ctx: Context) -> Change:
        before, terms = territory_as_seen(ctx, self.name, self.seen_version), self.terms(ctx)
        check_owner(ctx, before)
        if before.stopped:
            raise InvalidField("name", "this territory is stopped; revive it")
        if before.billing == "once" and self.billing != "once":
            raise InvalidField("billing", "this territory is paid for ever")
        same = before.billing == self.billing
        after = replace(
            terms,
            name=before.name,
            billing_cost=before.billing_cost if same else terms.billing_cost,
            billed_at=before.billed_at,
            paid_until=self._paid_until(before),
        )
        return Change(before, after)

    def _paid_until(self, before: Territory) -> datetime | None:
        """Shorter billing begins when what was bought ends."""
        if before.billing == "monthly" and self.billing == "yearly":
            return next_bill(before.billed_at, "yearly")
        return None if self.billing == "once" else before.paid_until

    def describe(self, ctx: Context) -> str:
        return f"terms of territory {self.name}"
