"""Stopped territories that somebody revives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from paidflow import State, sats
from paidflow.actions.territory_billing import bill_territories
from paidflow.errors import InvalidField
from paidflow.forum import TerritoryCreate, TerritoryUnarchive
from paidflow.testing.payer import invoice_of, pay
from tests.forum import Forum
from tests.zaps import differences


def stopped(forum: Forum) -> None:
    """A territory of ann's that has stopped."""
    forum.done(TerritoryCreate(name="tea", description="All about tea", auto_renew=False), "ann")
    forum.clock.tick(days=40)
    bill_territories(forum.flow)


def revival(seen_version: int = 1, **more: Any) -> TerritoryUnarchive:
    terms = {"name": "tea", "description": "More", "seen_version": seen_version, **more}
    return TerritoryUnarchive.model_validate(terms)


def test_a6_anyone_may_revive_a_stopped_one_and_owns_it_then(forum: Forum) -> None:
    stopped(forum)
    forum.done(revival(base_cost_sats=5), "bob")
    after = forum.territory("tea")
    assert (after.owner, after.base_cost, after.version) == ("bob", sats(5), 2)
    assert (after.billed_at, after.status_at(forum.clock.now())) == (forum.clock.now(), "active")
    with forum.flow.transaction() as tx:
        row = tx.execute(
            "select owner, owner_before from forum_territory_changes where change = 'revive'"
        ).fetchone()
    assert row is not None
    assert (row["owner"], row["owner_before"]) == ("bob", "ann")


def test_a6_two_revivals_at_once_and_the_slower_one_gets_his_money_back(forum: Forum) -> None:
    stopped(forum)
    first, second = forum.pending(revival(), "bob"), forum.pending(revival(), "carol")
    assert pay(forum.flow, forum.sandbox, second).state is State.PAID
    assert forum.sandbox.pay(invoice_of(first))
    forum.work()
    lost = forum.flow.get(first.action_id, actor="bob")
    assert lost.state is State.FAILED
    assert lost.error is not None
    assert "changed meanwhile" in lost.error
    assert forum.territory("tea").owner == "carol"
    assert forum.sandbox.total_held() == sats(0)
    assert differences(forum.flow) == []


def test_a6_many_revivals_at_the_same_moment_and_one_is_paid(forum: Forum) -> None:
    """Each has seen the stopped territory and has enough; the database lets one through."""
    stopped(forum)
    people = ("bob", "carol", "dave", "ann")
    forum.rich(*people)
    prepared = {who: forum.flow.prepare(revival(), actor=who) for who in people}

    def revive(who: str) -> bool:
        try:
            return forum.flow.perform(prepared[who]).state is State.PAID
        except InvalidField:
            return False

    with ThreadPoolExecutor(4) as threads:
        revived = dict(zip(people, threads.map(revive, people), strict=True))
    assert sum(revived.values()) == 1
    after = forum.territory("tea")
    assert (revived[after.owner], after.version) == (True, 2)
    for who in people:
        paid = 100_000 if who == after.owner else 0
        assert forum.flow.balance(who) == sats(1_000_000 - paid)
    assert differences(forum.flow) == []


@pytest.mark.parametrize("way", ["active", "grace", "none", "old"])
def test_a6_what_cannot_be_revived(forum: Forum, way: str) -> None:
    if way == "old":
        stopped(forum)
    elif way != "none":
        forum.done(TerritoryCreate(name="tea", description="tea", auto_renew=False), "ann")
        forum.clock.tick(days=0 if way == "active" else 33)
        bill_territories(forum.flow)
    with pytest.raises(InvalidField) as refused:
        forum.flow.perform(revival(7 if way == "old" else 1), actor="bob")
    assert refused.value.field == ("seen_version" if way == "old" else "name")
