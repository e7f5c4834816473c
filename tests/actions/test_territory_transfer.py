"""Territories that get another owner."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paidflow import State, sats
from paidflow.actions.contract import Context
from paidflow.actions.territory_billing import bill_territories
from paidflow.errors import InvalidField
from paidflow.forum import ForumSettings, TerritoryCreate, TerritoryTransfer
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.forum import Forum, open_forum


class Three:
    """There are three people."""

    def knows(self, ctx: Context, actor: str) -> bool:
        return actor in ("ann", "bob", "carol")


@pytest.fixture
def forum(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[Forum]:
    with open_forum(store_url, sandbox, clock, ForumSettings(people=Three())) as opened:
        opened.done(TerritoryCreate(name="tea", description="All about tea"), "ann")
        yield opened


def transfer(to: str = "bob", seen_version: int = 1, name: str = "tea") -> TerritoryTransfer:
    return TerritoryTransfer(name=name, seen_version=seen_version, to=to)


def test_it_costs_nothing_and_is_in_the_history(forum: Forum) -> None:
    receipt = forum.flow.perform(transfer(), actor="ann")
    assert (receipt.state, receipt.cost) == (State.PAID, sats(0))
    assert forum.territory("tea").owner == "bob"
    with forum.flow.transaction() as tx:
        row = tx.execute(
            "select id, owner, owner_before from forum_territory_changes where change = 'transfer'"
        ).fetchone()
    assert row is not None
    assert tuple(dict(row).values()) == (receipt.action_id, "bob", "ann")


def test_the_new_owner_has_not_agreed_to_pay_bills(forum: Forum) -> None:
    forum.rich("bob")
    forum.flow.perform(transfer(), actor="ann")
    forum.clock.tick(days=33)
    assert bill_territories(forum.flow) == 0
    assert forum.flow.balance("bob") == sats(1_000_000)


@pytest.mark.parametrize(
    ("action", "actor", "field"),
    [
        (transfer(), "bob", "name"),
        (transfer("ann"), "ann", "to"),
        (transfer("dave"), "ann", "to"),
        (transfer(""), "ann", "to"),
        (transfer(seen_version=2), "ann", "seen_version"),
        (transfer(name="milk"), "ann", "name"),
    ],
    ids=["another's", "oneself", "a stranger", "nobody", "old", "none"],
)
def test_what_is_refused(forum: Forum, action: TerritoryTransfer, actor: str, field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        forum.flow.perform(action, actor=actor)
    assert refused.value.field == field
    assert forum.territory("tea").owner == "ann"


def test_a_stopped_one_stays_where_it_is(forum: Forum) -> None:
    forum.clock.tick(days=40)
    bill_territories(forum.flow)
    with pytest.raises(InvalidField, match="is stopped"):
        forum.flow.perform(transfer(), actor="ann")


def test_it_can_be_given_only_once(forum: Forum) -> None:
    forum.flow.perform(transfer("bob"), actor="ann")
    with pytest.raises(InvalidField):
        forum.flow.perform(transfer("carol"), actor="ann")
    assert forum.territory("tea").owner == "bob"
