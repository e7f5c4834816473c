"""What the owner of a territory decides about it."""

from __future__ import annotations

import re

from paidflow.actions.contract import Context
from paidflow.actions.forum_action import settings_of
from paidflow.actions.territories import Territory
from paidflow.actions.territory_bills import Billing, next_bill, price
from paidflow.actions.territory_change import TerritoryChange
from paidflow.errors import InvalidField
from paidflow.money import sats

POST_KINDS = ("link", "discussion", "poll", "bounty", "job")
"""What can be posted in a territory."""

_NAME = re.compile(r"[A-Za-z0-9_]+", re.ASCII)


class TerritoryTerms(TerritoryChange):
    """A change that says everything about a territory.

    Args:
        name: letters, digits and underscores.
        description: what it is about.
        base_cost_sats: of a post in it.
        reply_cost_sats: of a comment in it; ``None`` is what it costs elsewhere.
        post_kinds: what can be posted in it, such as ``link`` and ``discussion``.
        free_posts: whether freebies are allowed.
        rewards_percent: how much of its fees goes to the pool, 0 to 100.
        billing: how often it is paid for: ``monthly``, ``yearly`` or ``once``.
        auto_renew: whether the owner's purses pay the bills by themselves.
    """

    name: str
    description: str
    base_cost_sats: int = 1
    reply_cost_sats: int | None = None
    post_kinds: tuple[str, ...] = POST_KINDS
    free_posts: bool = False
    rewards_percent: int = 50
    billing: Billing = "monthly"
    auto_renew: bool = True

    def terms(self, ctx: Context) -> Territory:
        """The territory by these terms, paid from now on, and owned by the actor.

        Raises:
            InvalidField: when one of the fields is not allowed.
        """
        limits = settings_of(ctx)
        if ctx.actor is None:
            raise AssertionError("logged-out people have no territories")
        most = limits.territory_name_characters_max
        if not _NAME.fullmatch(self.name) or len(self.name) > most:
            raise InvalidField("name", f"1 to {most} letters, digits and underscores")
        most = limits.territory_description_characters_max
        if not 1 <= len(self.description.strip()) <= most:
            raise InvalidField("description", f"1 to {most} characters")
        most = limits.territory_base_sats_max
        for field, cost in self._costs():
            if not 1 <= cost <= most:
                raise InvalidField(field, f"1 to {most} sats")
        kinds = tuple(kind for kind in POST_KINDS if kind in self.post_kinds)
        if not kinds or set(self.post_kinds) - set(kinds):
            raise InvalidField("post_kinds", f"at least one of {', '.join(POST_KINDS)}")
        if not 0 <= self.rewards_percent <= 100:
            raise InvalidField("rewards_percent", "0 to 100")
        return Territory(
            name=self.name,
            owner=ctx.actor,
            description=self.description.strip(),
            base_cost=sats(self.base_cost_sats),
            reply_cost=None if self.reply_cost_sats is None else sats(self.reply_cost_sats),
            post_kinds=kinds,
            free_posts=self.free_posts,
            rewards_percent=self.rewards_percent,
            billing=self.billing,
            billing_cost=price(limits, self.billing),
            auto_renew=self.auto_renew and self.billing != "once",
            billed_at=ctx.now,
            paid_until=next_bill(ctx.now, self.billing),
        )

    def _costs(self) -> list[tuple[str, int]]:
        costs = [("base_cost_sats", self.base_cost_sats)]
        if self.reply_cost_sats is not None:
            costs.append(("reply_cost_sats", self.reply_cost_sats))
        return costs
