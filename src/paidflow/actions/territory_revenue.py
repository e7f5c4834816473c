"""What a territory has earned goes to its owner, once a day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import Field

from paidflow.actions.contract import Context
from paidflow.actions.forum_action import forum_day
from paidflow.actions.incomes import add_income
from paidflow.actions.system_action import SystemAction, perform_once
from paidflow.actions.territories import SQL, find_territory
from paidflow.errors import InvalidField
from paidflow.flow.paid_flow import PaidFlow
from paidflow.ledger.accounts import purse, territory
from paidflow.money import Money, msats
from paidflow.states.postings import Posting

PAGE = 100
LEAST_MSATS = 1000
"""So much stays where it is until there is more."""


class TerritoryRevenue(SystemAction):
    """Pay the owner of a territory what it has earned.

    Args:
        name: the territory.
        owner: whose it is.
        day: when it is paid, such as ``2030-01-31``.
        amount_msats: how much, more than a satoshi.
    """

    kind = "territory-revenue"

    name: str
    owner: str
    day: str
    amount_msats: int = Field(gt=LEAST_MSATS)

    def cost(self, ctx: Context) -> Money:
        return msats(self.amount_msats)

    def validate_request(self, ctx: Context) -> None:
        super().validate_request(ctx)
        found = find_territory(ctx.tx, self.name)
        if found is None or found.stopped:
            raise InvalidField("name", "there is no such territory, or it is stopped")
        if found.owner != self.owner:
            raise InvalidField("owner", "this territory belongs to somebody else")

    def paying_account(self, ctx: Context) -> str:
        return territory(self.name)

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return [Posting(purse(self.owner), self.cost(ctx))]

    def perform(self, ctx: Context) -> None:
        add_income(ctx, "revenue", self.owner, self.cost(ctx), self.day, self.name)


def pay_revenues(flow: PaidFlow) -> int:
    """Pay the owners of all territories that go on; each once a day, however often this is called.

    Returns:
        How many were paid.
    """
    day = forum_day(flow).isoformat()
    return sum(
        perform_once(flow, revenue, f"{revenue.name} {day}") for revenue in _revenues(flow, day)
    )


def _revenues(flow: PaidFlow, day: str) -> Iterator[TerritoryRevenue]:
    for row in SQL.paged(flow.store, "select_going", after={"name": ""}, limit=PAGE):
        amount = flow.balance_of(territory(row["name"])).amount
        if amount > LEAST_MSATS:
            yield TerritoryRevenue(
                name=row["name"], owner=row["owner"], day=day, amount_msats=amount
            )
