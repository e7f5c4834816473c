"""New territories: what is allowed, when others see them, and what becomes of the money."""

from __future__ import annotations

from typing import Any

import pytest

from paidflow import State, sats
from paidflow.actions.territories import find_territory
from paidflow.errors import InvalidField, LoginRequired
from paidflow.forum import TerritoryCreate
from paidflow.testing.payer import invoice_of, pay
from tests.forum import Forum
from tests.zaps import differences


def tea(**more: Any) -> TerritoryCreate:
    return TerritoryCreate(**{"name": "tea", "description": "All about tea", **more})


def exists(forum: Forum, name: str = "tea") -> bool:
    with forum.flow.transaction() as tx:
        return find_territory(tx, name) is not None


def test_a6_create_belongs_to_the_actor_and_is_paid_until_the_next_bill(forum: Forum) -> None:
    forum.rich("ann")
    now = forum.clock.now()
    action_id = forum.done(tea(), "ann")
    found = forum.territory("tea")
    assert (found.owner, found.version, found.paid_by) == ("ann", 1, action_id)
    assert (found.billed_at, found.billing_cost) == (now, sats(100_000))
    assert found.paid_until == now.replace(month=2)
    assert forum.flow.balance("ann") == sats(900_000)


def test_it_is_there_for_nobody_before_it_is_paid(forum: Forum) -> None:
    receipt = forum.pending(tea(), "ann")
    assert not exists(forum)
    assert forum.sandbox.expire(invoice_of(receipt))
    forum.work()
    assert not exists(forum)
    retried = forum.flow.retry(receipt.action_id, actor="ann")
    pay(forum.flow, forum.sandbox, retried)
    assert exists(forum)


def test_a6_name_taken(forum: Forum) -> None:
    forum.rich("ann", "bob")
    forum.done(tea(), "ann")
    with pytest.raises(InvalidField, match="name: it is taken"):
        forum.flow.perform(tea(name="TEA"), actor="bob")


def test_two_at_once_take_one_name_and_the_slower_one_gets_his_money_back(forum: Forum) -> None:
    first = forum.pending(tea(), "ann")
    second = forum.pending(tea(name="Tea"), "bob")
    assert pay(forum.flow, forum.sandbox, second).state is State.PAID
    assert forum.sandbox.pay(invoice_of(first))
    forum.work()
    lost = forum.flow.get(first.action_id, actor="ann")
    assert lost.state is State.FAILED
    assert lost.error is not None
    assert "name: it is taken" in lost.error
    assert forum.territory("tea").owner == "bob"
    assert differences(forum.flow) == []


def test_nobody_who_is_logged_out(forum: Forum) -> None:
    with pytest.raises(LoginRequired):
        forum.flow.perform(tea())


@pytest.mark.parametrize(
    ("field", "wrong", "right"),
    [
        ("name", "", "t"),
        ("name", "t" * 33, "t" * 32),
        ("name", "green-tea", "green_tea"),
        ("name", "thé", "the"),
        ("description", " ", "x"),
        ("description", "x" * 1001, "x" * 1000),
        ("base_cost_sats", 0, 1),
        ("base_cost_sats", 100_001, 100_000),
        ("reply_cost_sats", 0, 1),
        ("reply_cost_sats", 100_001, None),
        ("post_kinds", (), ("link",)),
        ("post_kinds", ("link", "song"), ("poll", "link")),
        ("rewards_percent", -1, 0),
        ("rewards_percent", 101, 100),
    ],
)
def test_a8_territory(forum: Forum, field: str, wrong: Any, right: Any) -> None:
    with pytest.raises(InvalidField) as refused:
        forum.flow.perform(tea(**{field: wrong}), actor="ann")
    assert refused.value.field == field
    assert forum.sandbox.books() == []
    forum.flow.perform(tea(**{field: right}), actor="ann")


def test_a_payment_that_goes_back_stops_it_and_one_that_comes_again_revives_it(
    forum: Forum,
) -> None:
    action_id = forum.done(tea(), "ann")
    (book,) = forum.sandbox.books()
    reversal_id = forum.sandbox.open_dispute(book.invoice_id)
    assert reversal_id is not None
    forum.work()
    assert forum.flow.get(action_id, actor="ann").state is State.DISPUTED
    assert forum.territory("tea").stopped
    assert forum.sandbox.win_dispute(reversal_id)
    forum.work()
    assert forum.flow.get(action_id, actor="ann").state is State.PAID
    assert forum.territory("tea").status_at(forum.clock.now()) == "active"
