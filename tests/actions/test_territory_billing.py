"""Bills of territories: paid by the owner or by themselves, days of grace, and the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from paidflow import State, sats
from paidflow.actions.territory_billing import bill_territories
from paidflow.errors import InvalidField
from paidflow.forum import TerritoryBilling, TerritoryCreate, TerritoryRenewal
from tests.forum import Forum
from tests.zaps import differences


def found(forum: Forum, **more: Any) -> None:
    """A territory of ann's, paid by invoice; her purse is empty."""
    terms = {"name": "tea", "description": "All about tea", **more}
    forum.done(TerritoryCreate.model_validate(terms), "ann")


def status(forum: Forum) -> str:
    return forum.territory("tea").status_at(forum.clock.now())


def stored(forum: Forum) -> str:
    with forum.flow.transaction() as tx:
        row = tx.execute("select status from forum_territories").fetchone()
    assert row is not None
    return row["status"]


def invoices(forum: Forum) -> int:
    return len(forum.sandbox.books())


def test_a6_auto_renewal_is_paid_from_the_purse_and_goes_on_from_where_it_ended(
    forum: Forum,
) -> None:
    found(forum)
    due = forum.territory("tea").paid_until
    forum.rich("ann")
    assert bill_territories(forum.flow) == 0
    forum.clock.tick(days=33)
    assert bill_territories(forum.flow) == 1
    after = forum.territory("tea")
    assert due is not None
    assert (after.billed_at, after.paid_until) == (due, due.replace(month=3))
    assert forum.flow.balance("ann") == sats(900_000)
    assert bill_territories(forum.flow) == 0


def test_a6_without_money_come_five_days_of_grace_and_then_it_stops(forum: Forum) -> None:
    found(forum)
    had = invoices(forum)
    seen: list[tuple[str, str]] = []
    for days in (30, 1, 4, 1):
        forum.clock.tick(days=days)
        assert bill_territories(forum.flow) == 0
        seen.append((status(forum), stored(forum)))
    assert seen == [("active",) * 2, ("grace",) * 2, ("grace",) * 2, ("stopped",) * 2]
    assert invoices(forum) == had  # the system itself never asks for money


def test_a6_it_resumes_when_the_purse_is_full_again(forum: Forum) -> None:
    found(forum)
    forum.clock.tick(days=32)
    bill_territories(forum.flow)
    assert stored(forum) == "grace"
    forum.rich("ann")
    assert bill_territories(forum.flow) == 1
    assert (status(forum), stored(forum)) == ("active", "active")


def test_a6_without_auto_renewal_no_purse_is_touched(forum: Forum) -> None:
    found(forum, auto_renew=False)
    forum.rich("ann")
    forum.clock.tick(days=40)
    assert bill_territories(forum.flow) == 0
    assert stored(forum) == "stopped"
    assert forum.flow.balance("ann") == sats(1_000_000)
    with pytest.raises(InvalidField, match="does not renew"):
        forum.flow.perform(TerritoryRenewal(name="tea", seen_version=1), actor="ann")


def test_a6_what_was_agreed_is_billed_as_long_as_it_goes_on(forum: Forum) -> None:
    """The bill of a territory that began when everything was cheaper; a new beginning is not."""
    found(forum)
    with forum.flow.transaction() as tx:
        tx.execute("update forum_territories set billing_cost_msats = 50000000")
    forum.rich("ann")
    forum.clock.tick(days=32)
    bill_territories(forum.flow)
    assert forum.flow.balance("ann") == sats(950_000)
    with forum.flow.transaction() as tx:
        tx.execute("update forum_territories set status = 'stopped'")
    restart = TerritoryBilling(name="tea", seen_version=2)
    assert forum.flow.perform(restart, actor="ann").cost == sats(100_000)


def test_a6_the_owner_restarts_a_stopped_one_from_now(forum: Forum) -> None:
    found(forum)
    forum.clock.tick(days=50)
    bill_territories(forum.flow)
    forum.done(TerritoryBilling(name="tea", seen_version=1), "ann")
    after = forum.territory("tea")
    assert (after.billed_at, status(forum)) == (forum.clock.now(), "active")


@pytest.mark.parametrize("way", ["active", "once", "another's", "none"])
def test_a8_pay_territory_only_by_the_owner_and_only_what_is_due(forum: Forum, way: str) -> None:
    if way != "none":
        found(forum, billing="once" if way == "once" else "monthly")
    forum.clock.tick(days=5 if way == "active" else 40)
    actor = "bob" if way == "another's" else "ann"
    with pytest.raises(InvalidField) as refused:
        forum.flow.perform(TerritoryBilling(name="tea", seen_version=1), actor=actor)
    assert refused.value.field == "name"


def test_many_processes_pay_one_bill(forum: Forum) -> None:
    found(forum)
    forum.rich("ann")
    forum.clock.tick(days=33)
    with ThreadPoolExecutor(4) as threads:
        paid = list(threads.map(bill_territories, [forum.flow] * 4))
    assert sum(paid) == 1
    assert forum.flow.balance("ann") == sats(900_000)
    assert (forum.territory("tea").version, stored(forum)) == (2, "active")
    assert differences(forum.flow) == []


def test_every_bill_is_in_the_history(forum: Forum) -> None:
    found(forum)
    forum.rich("ann")
    forum.clock.tick(days=33)
    bill_territories(forum.flow)
    with forum.flow.transaction() as tx:
        rows = tx.execute(
            "select change, version, cost_msats from forum_territory_changes order by version"
        ).fetchall()
    assert [tuple(row.values()) for row in map(dict, rows)] == [
        ("create", 1, 100_000_000),
        ("bill", 2, 100_000_000),
    ]


def test_a_renewal_is_the_owner_s(forum: Forum) -> None:
    found(forum)
    forum.rich("ann")
    forum.clock.tick(days=33)
    renewal = TerritoryRenewal(name="tea", seen_version=1)
    assert forum.flow.perform(renewal, actor="ann").state is State.PAID
