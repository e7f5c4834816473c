"""What territories have earned goes to their owners, once a day."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from paidflow import purse, territory
from paidflow.actions.territory_billing import bill_territories
from paidflow.actions.territory_revenue import pay_revenues
from paidflow.errors import InvalidField
from paidflow.forum import ForumSettings, TerritoryCreate, TerritoryRevenue, TerritoryTransfer
from tests.forum import Forum
from tests.zaps import differences, fund, left

SYSTEM = ForumSettings().system


@pytest.fixture(autouse=True)
def tea(forum: Forum) -> None:
    """A territory of ann's, paid by invoice."""
    forum.done(TerritoryCreate(name="tea", description="tea", auto_renew=False), "ann")


def test_a6_daily_revenue_goes_to_the_owner_once_a_day(forum: Forum) -> None:
    fund(forum.flow, territory("tea"), 21_000)
    assert pay_revenues(forum.flow) == 1
    fund(forum.flow, territory("tea"), 3_000, "later")
    assert pay_revenues(forum.flow) == 0
    assert left(forum.flow, territory("tea"), purse("ann")) == (3_000, 21_000)
    forum.clock.tick(days=1)
    assert pay_revenues(forum.flow) == 1
    assert left(forum.flow, territory("tea"), purse("ann")) == (0, 24_000)
    with forum.flow.transaction() as tx:
        rows = tx.execute("select day, amount_msats from forum_incomes order by day").fetchall()
    assert [(row["day"], row["amount_msats"]) for row in rows] == [
        ("2030-01-01", 21_000),
        ("2030-01-02", 3_000),
    ]
    assert differences(forum.flow) == []


def test_a6_only_more_than_a_satoshi(forum: Forum) -> None:
    fund(forum.flow, territory("tea"), 1_000)
    assert pay_revenues(forum.flow) == 0
    fund(forum.flow, territory("tea"), 1, "one more")
    assert pay_revenues(forum.flow) == 1
    assert left(forum.flow, territory("tea"), purse("ann")) == (0, 1_001)


def test_a6_a_stopped_territory_keeps_it_until_somebody_revives_it(forum: Forum) -> None:
    fund(forum.flow, territory("tea"), 21_000)
    forum.clock.tick(days=40)
    bill_territories(forum.flow)
    assert pay_revenues(forum.flow) == 0
    with pytest.raises(InvalidField, match="name: there is no such territory, or it is stopped"):
        forum.flow.perform(
            TerritoryRevenue(name="tea", owner="ann", day="x", amount_msats=2_000), actor=SYSTEM
        )
    assert left(forum.flow, territory("tea")) == (21_000,)


def test_the_new_owner_gets_what_was_not_paid_yet(forum: Forum) -> None:
    fund(forum.flow, territory("tea"), 21_000)
    forum.done(TerritoryTransfer(name="tea", seen_version=1, to="bob"), "ann")
    with pytest.raises(InvalidField, match="owner:"):
        forum.flow.perform(
            TerritoryRevenue(name="tea", owner="ann", day="x", amount_msats=2_000), actor=SYSTEM
        )
    assert pay_revenues(forum.flow) == 1
    assert left(forum.flow, purse("ann"), purse("bob")) == (0, 21_000)


def test_many_processes_pay_it_once(forum: Forum) -> None:
    fund(forum.flow, territory("tea"), 21_000)
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(pay_revenues, [forum.flow] * 4)) == 1
    assert left(forum.flow, territory("tea"), purse("ann")) == (0, 21_000)
    assert differences(forum.flow) == []
