"""Other terms of territories: what they cost, and two at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from paidflow import State, sats
from paidflow.actions.territory_billing import bill_territories
from paidflow.errors import InvalidField
from paidflow.forum import TerritoryCreate, TerritoryUpdate
from paidflow.testing.payer import invoice_of, pay
from tests.forum import Forum
from tests.zaps import differences


def found(forum: Forum, owner: str = "ann", billing: str = "monthly") -> None:
    forum.rich(owner, amount_sats=5_000_000)
    forum.done(TerritoryCreate.model_validate({**TEA, "billing": billing}), owner)


TEA = {"name": "tea", "description": "All about tea"}


def update(seen_version: int = 1, **more: Any) -> TerritoryUpdate:
    return TerritoryUpdate.model_validate({**TEA, "seen_version": seen_version, **more})


def test_a6_update_without_another_billing_is_free(forum: Forum) -> None:
    found(forum)
    before = forum.territory("tea")
    receipt = forum.flow.perform(
        update(description="Only green tea", base_cost_sats=7, post_kinds=("poll",)), actor="ann"
    )
    assert (receipt.state, receipt.cost) == (State.PAID, sats(0))
    after = forum.territory("tea")
    assert (after.description, after.base_cost) == ("Only green tea", sats(7))
    assert (after.post_kinds, after.version) == (("poll",), 2)
    assert (after.paid_until, after.paid_by) == (before.paid_until, before.paid_by)


def test_a6_monthly_to_yearly_is_paid_for_a_year_since_the_last_bill(forum: Forum) -> None:
    found(forum)
    before = forum.territory("tea")
    forum.clock.tick(days=20)
    receipt = forum.flow.perform(update(billing="yearly"), actor="ann")
    assert receipt.cost == sats(900_000)
    after = forum.territory("tea")
    assert after.paid_until == before.billed_at.replace(year=2031)
    assert (after.billing_cost, after.billed_at) == (sats(1_000_000), before.billed_at)


def test_a6_to_once_never_ends_and_never_renews(forum: Forum) -> None:
    found(forum)
    assert forum.flow.perform(update(billing="once"), actor="ann").cost == sats(2_900_000)
    after = forum.territory("tea")
    assert (after.paid_until, after.auto_renew) == (None, False)
    with pytest.raises(InvalidField, match="billing: this territory is paid for ever"):
        forum.flow.perform(update(2, billing="monthly"), actor="ann")


def test_a6_yearly_to_monthly_pays_nothing_out_and_leaves_the_dates(forum: Forum) -> None:
    found(forum, billing="yearly")
    before, purse = forum.territory("tea"), forum.flow.balance("ann")
    assert forum.flow.perform(update(billing="monthly"), actor="ann").cost == sats(0)
    after = forum.territory("tea")
    assert (after.billed_at, after.paid_until) == (before.billed_at, before.paid_until)
    assert after.billing_cost == sats(100_000)
    assert forum.flow.balance("ann") == purse
    # What was bought is still a year, so there is nothing to pay for one.
    assert forum.flow.perform(update(2, billing="yearly"), actor="ann").cost == sats(0)
    assert forum.territory("tea").paid_until == before.paid_until


def test_a6_an_update_that_pays_ends_the_grace(forum: Forum) -> None:
    forum.done(TerritoryCreate.model_validate(TEA), "ann")
    forum.clock.tick(days=33)
    bill_territories(forum.flow)
    assert forum.territory("tea").status_at(forum.clock.now()) == "grace"
    forum.done(update(billing="yearly"), "ann")
    assert forum.territory("tea").status_at(forum.clock.now()) == "active"


@pytest.mark.parametrize("way", ["none", "another's", "stopped"])
def test_a6_update_only_by_the_owner_and_only_while_it_goes_on(forum: Forum, way: str) -> None:
    if way != "none":
        forum.done(TerritoryCreate.model_validate(TEA), "bob" if way == "another's" else "ann")
    forum.clock.tick(days=40 if way == "stopped" else 0)
    bill_territories(forum.flow)
    with pytest.raises(InvalidField) as refused:
        forum.flow.perform(update(), actor="ann")
    assert refused.value.field == "name"


def test_a6_concurrent_change_is_refused_and_the_money_goes_back(forum: Forum) -> None:
    found(forum)
    forum.flow.perform(update(base_cost_sats=2), actor="ann")
    with pytest.raises(InvalidField, match="seen_version: the territory has been changed"):
        forum.flow.perform(update(base_cost_sats=3), actor="ann")

    forum.done(TerritoryCreate.model_validate({**TEA, "name": "milk"}), "bob")
    paid = forum.pending(update(name="milk", billing="yearly"), "bob")
    forum.flow.perform(update(name="milk", base_cost_sats=9), actor="bob")
    assert forum.sandbox.pay(invoice_of(paid))
    forum.work()
    assert forum.flow.get(paid.action_id, actor="bob").state is State.FAILED
    after = forum.territory("milk")
    assert (after.version, after.base_cost, after.billing) == (2, sats(9), "monthly")
    assert differences(forum.flow) == []


def test_what_is_not_captured_yet_is_not_seen_and_keeps_others_out(forum: Forum) -> None:
    forum.done(TerritoryCreate.model_validate(TEA), "ann")
    first = forum.pending(update(billing="yearly"), "ann")
    second = forum.pending(update(billing="once"), "ann")
    forum.sandbox.fault("capture", "time_out_before")
    assert pay(forum.flow, forum.sandbox, first).state is State.CAPTURING
    assert forum.territory("tea").version == 1
    refused = pay(forum.flow, forum.sandbox, second)
    assert refused.state is State.FAILED
    assert refused.error is not None
    assert "somebody else is changing it" in refused.error
    forum.work(minutes=1)
    assert forum.flow.get(first.action_id, actor="ann").state is State.PAID
    assert (forum.territory("tea").version, forum.territory("tea").billing) == (2, "yearly")
    assert differences(forum.flow) == []


def test_what_lasts_for_a_month_lasts_for_a_month(forum: Forum) -> None:
    found(forum)
    paid_until = forum.territory("tea").paid_until
    assert paid_until is not None
    assert paid_until - forum.clock.now() == timedelta(days=31)
