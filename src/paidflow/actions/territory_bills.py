"""What a territory costs, and until when that lasts."""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta
from typing import Literal

from paidflow.actions.forum_settings import ForumSettings
from paidflow.money import Money, sats

Billing = Literal["monthly", "yearly", "once"]
"""How often a territory is paid for."""

YEAR_MIN = timedelta(days=364)
"""Whoever has paid for at least so long has paid for a year."""


def price(settings: ForumSettings, billing: Billing) -> Money:
    """What a territory costs each month, each year, or once."""
    prices: dict[Billing, int] = {
        "monthly": settings.territory_month_sats,
        "yearly": settings.territory_year_sats,
        "once": settings.territory_once_sats,
    }
    return sats(prices[billing])


def next_bill(since: datetime, billing: Billing) -> datetime | None:
    """When the next bill is due; ``None`` is never."""
    return None if billing == "once" else later(since, 1 if billing == "monthly" else 12)


def prorated(
    settings: ForumSettings,
    before: Billing,
    after: Billing,
    billed_at: datetime,
    paid_until: datetime | None,
) -> Money:
    """What a change of the billing costs: the new price less what was bought, never less than zero.

    Args:
        settings: with the prices.
        before: the billing so far.
        after: the new one.
        billed_at: since when the last payment counts.
        paid_until: how long it lasts; from this follows what was bought.
    """
    if before in ("once", after):
        return sats(0)
    bought: Billing = "monthly"
    if paid_until is None:
        bought = "once"
    elif paid_until - billed_at >= YEAR_MIN:
        bought = "yearly"
    difference = price(settings, after) - price(settings, bought)
    return max(difference, sats(0))


def later(moment: datetime, months: int) -> datetime:
    """So many calendar months later; the last day of the month where there is no such day."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)
