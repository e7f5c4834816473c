"""One example of every action with territories, and of what a forum gives; see tests/forum.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from paidflow import POOL, PaidAction, sats, territory, withdrawable
from paidflow.actions.territory_billing import bill_territories
from paidflow.forum import (
    AutoWithdrawal,
    Gift,
    RewardsPayout,
    StreakReward,
    TerritoryBilling,
    TerritoryCreate,
    TerritoryRenewal,
    TerritoryRevenue,
    TerritoryTransfer,
    TerritoryUnarchive,
    TerritoryUpdate,
    set_auto_withdrawal,
)
from tests.zaps import fund

if TYPE_CHECKING:
    from tests.forum import Forum


def _tea(forum: Forum, owner: str = "ann", days: int = 0, *, stopped: bool = False) -> int:
    """A territory, so many days later; returns its version."""
    forum.done(TerritoryCreate(name="tea", description="All about tea"), owner)
    forum.clock.tick(days=days)
    if stopped:
        bill_territories(forum.flow)
    return forum.territory("tea").version


def _revived(forum: Forum) -> PaidAction:
    version = _tea(forum, "bob", 40, stopped=True)
    return TerritoryUnarchive(name="tea", description="More about tea", seen_version=version)


def _prorated(forum: Forum) -> PaidAction:
    version = _tea(forum)
    return TerritoryUpdate(
        name="tea", description="All about tea", billing="yearly", seen_version=version
    )


def _revenue(forum: Forum) -> PaidAction:
    _tea(forum)
    fund(forum.flow, territory("tea"), 5_000)
    return TerritoryRevenue(name="tea", owner="ann", day="2030-01-01", amount_msats=5_000)


def _rewards(forum: Forum) -> PaidAction:
    fund(forum.flow, POOL, 10_000)
    return RewardsPayout(day="2030-01-01", rewards_msats={"ann": 7_000, "bob": 3_000})


def _withdrawn(forum: Forum) -> PaidAction:
    address = "sandbox-address:ann"
    set_auto_withdrawal(forum.flow, "ann", address, 0)
    fund(forum.flow, withdrawable("ann"), 11_000)
    return AutoWithdrawal(destination=address, amount=sats(10), fee_max=sats(1))


SCENES: dict[str, Callable[[Forum], PaidAction]] = {
    "auto-withdrawal": _withdrawn,
    "gift": lambda forum: Gift(to="bob", amount_sats=100),
    "rewards-payout": _rewards,
    "streak-reward": lambda forum: StreakReward(winner="ann", day="2030-01-01", streak_days=1),
    "territory-billing": lambda forum: TerritoryBilling(
        name="tea", seen_version=_tea(forum, days=33)
    ),
    "territory-create": lambda forum: TerritoryCreate(name="tea", description="All about tea"),
    "territory-renewal": lambda forum: TerritoryRenewal(
        name="tea", seen_version=_tea(forum, days=33)
    ),
    "territory-revenue": _revenue,
    "territory-transfer": lambda forum: TerritoryTransfer(
        name="tea", seen_version=_tea(forum), to="bob"
    ),
    "territory-unarchive": _revived,
    "territory-update": _prorated,
}
"""kind -> what makes an action of it that ann can do, or the forum itself."""
