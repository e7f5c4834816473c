"""What territories cost and until when that lasts; nothing of it needs a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from paidflow import sats
from paidflow.actions.forum_settings import ForumSettings
from paidflow.actions.territory_bills import Billing, later, next_bill, price, prorated

SETTINGS = ForumSettings()
START = datetime(2030, 1, 31, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("billing", "cost", "until"),
    [
        ("monthly", 100_000, datetime(2030, 2, 28, 12, 30, tzinfo=UTC)),
        ("yearly", 1_000_000, datetime(2031, 1, 31, 12, 30, tzinfo=UTC)),
        ("once", 3_000_000, None),
    ],
)
def test_a6_prices_and_next_billing(billing: Billing, cost: int, until: datetime | None) -> None:
    assert price(SETTINGS, billing) == sats(cost)
    assert next_bill(START, billing) == until


def test_a_year_after_a_leap_day() -> None:
    assert later(datetime(2032, 2, 29, tzinfo=UTC), 12) == datetime(2033, 2, 28, tzinfo=UTC)
    assert later(datetime(2032, 12, 31, tzinfo=UTC), 1) == datetime(2033, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "days", "after", "cost"),
    [
        ("monthly", 31, "yearly", 900_000),
        ("monthly", 31, "once", 2_900_000),
        ("yearly", 365, "once", 2_000_000),
        # What was bought counts, and not what the billing is called now.
        ("monthly", 364, "yearly", 0),
        ("monthly", 363, "yearly", 900_000),
        ("monthly", 365, "once", 2_000_000),
        ("yearly", 31, "once", 2_900_000),
        # Nothing is ever paid out.
        ("yearly", 365, "monthly", 0),
        ("monthly", 31, "monthly", 0),
        ("yearly", 31, "yearly", 0),
        ("once", None, "monthly", 0),
    ],
)
def test_a6_proration(before: Billing, days: int | None, after: Billing, cost: int) -> None:
    until = None if days is None else START + timedelta(days=days)
    assert prorated(SETTINGS, before, after, START, until) == sats(cost)
