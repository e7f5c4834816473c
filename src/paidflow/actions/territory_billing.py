"""The bills of territories: paid by the owner, or from his purses by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from paidflow.actions.contract import CREDITS, WITHDRAWABLE, Context
from paidflow.actions.forum_action import forum_settings, settings_of
from paidflow.actions.territories import (
    SQL,
    Territory,
    check_owner,
    find_territory,
    set_status,
    territory_as_seen,
)
from paidflow.actions.territory_bills import next_bill, price
from paidflow.actions.territory_change import Change, TerritoryChange
from paidflow.errors import InsufficientFunds, InvalidField, Refused
from paidflow.flow.paid_flow import PaidFlow
from paidflow.money import Money

PAGE = 100


class TerritoryBilling(TerritoryChange):
    """Pay the bill of one's own territory; a stopped one begins again from now.

    Args:
        name: the territory.
        seen_version: the version of the territory that the owner has seen.
    """

    kind = "territory-billing"
    change = "bill"

    name: str
    seen_version: int

    def cost(self, ctx: Context) -> Money:
        return _bill_of(ctx, territory_as_seen(ctx, self.name, self.seen_version))

    def changed(self, ctx: Context) -> Change:
        before = territory_as_seen(ctx, self.name, self.seen_version)
        check_owner(ctx, before)
        if before.paid_until is None:
            raise InvalidField("name", "this territory is paid for ever")
        if before.status_at(ctx.now) == "active":
            raise InvalidField("name", f"this territory is paid until {before.paid_until:%Y-%m-%d}")
        since = ctx.now if before.stopped else before.paid_until
        after = replace(
            before,
            stopped=False,
            billing_cost=_bill_of(ctx, before),
            billed_at=since,
            paid_until=next_bill(since, before.billing),
        )
        return Change(before, after)

    def describe(self, ctx: Context) -> str:
        return f"bill of territory {self.name}"


def _bill_of(ctx: Context, territory: Territory) -> Money:
    """What the next bill is about; a stopped territory begins again at today's price."""
    if not territory.stopped:
        return territory.billing_cost
    return price(settings_of(ctx), territory.billing)


class TerritoryRenewal(TerritoryBilling):
    """The same by itself: from the owner's purses or not at all, and only if he wants it."""

    kind = "territory-renewal"
    funding = (CREDITS, WITHDRAWABLE)

    def changed(self, ctx: Context) -> Change:
        change = super().changed(ctx)
        if change.before is None or change.before.stopped or not change.before.auto_renew:
            raise InvalidField("name", "this territory does not renew by itself")
        return change


def bill_territories(flow: PaidFlow) -> int:
    """Renew the territories whose bill is due; without money they have some days, then they stop.

    Any number of processes may do it at once: a bill is paid once, because it makes a version.

    Returns:
        How many bills were paid.
    """
    return sum(_bill(flow, name) for name in _due(flow))


def _due(flow: PaidFlow) -> Iterator[str]:
    first, now = {"name": ""}, flow.clock.now()
    for row in SQL.paged(flow.store, "select_due", after=first, limit=PAGE, now=now):
        yield row["name"]


def _bill(flow: PaidFlow, name: str) -> bool:
    with flow.store.reading() as tx:
        territory = find_territory(tx, name)
    if territory is None:
        return False
    if territory.auto_renew and _renewed(flow, territory):
        return True
    now, grace = flow.clock.now(), forum_settings(flow).territory_grace
    status = territory.status_at(now)
    if territory.paid_until is not None and territory.paid_until + grace <= now:
        status = "stopped"
    with flow.transaction() as tx:
        set_status(tx, territory, status)
    return False


def _renewed(flow: PaidFlow, territory: Territory) -> bool:
    renewal = TerritoryRenewal(name=territory.name, seen_version=territory.version)
    try:
        flow.perform(renewal, actor=territory.owner)
    except (InsufficientFunds, Refused):  # not enough, or somebody was faster
        return False
    return True
