"""Who gets a fee: the territory in which it arises, and the pool."""

from __future__ import annotations

from paidflow.actions.contract import Context
from paidflow.actions.territories import find_territory
from paidflow.ledger.accounts import POOL, territory
from paidflow.ledger.shares import PERCENT_MAX, shares
from paidflow.money import Money
from paidflow.states.postings import Postings


def fee_payouts(ctx: Context, fee: Money, territory_name: str | None) -> Postings:
    """A fee, divided between a territory and the pool, which pays the rewards.

    Args:
        ctx: the action that costs it.
        fee: how much; nothing is divided into nothing.
        territory_name: where the item is; ``None`` leaves everything to the pool, and so does a
            territory that is stopped.
    """
    found = None if territory_name is None else find_territory(ctx.tx, territory_name)
    if found is None or found.stopped:
        return shares(fee, {}, rest=POOL)
    percent = PERCENT_MAX - found.rewards_percent
    return shares(fee, {territory(found.name): percent}, rest=POOL)
