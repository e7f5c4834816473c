"""What all changes of a territory share: nothing is seen of them before they are paid."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple

from paidflow.actions.contract import CREDITS, INVOICE, WITHDRAWABLE, Context
from paidflow.actions.forum_action import ForumAction
from paidflow.actions.territories import Territory, make_real, propose, stop_unpaid, withdraw
from paidflow.errors import InvalidField, Refused


class Change(NamedTuple):
    """A territory before and after a change; before it is created there is none."""

    before: Territory | None
    after: Territory


class TerritoryChange(ForumAction):
    """A change of a territory. Derive from it for each sort of change."""

    funding = (CREDITS, WITHDRAWABLE, INVOICE)
    change: ClassVar[str]

    @abstractmethod
    def changed(self, ctx: Context) -> Change:
        """What is changed, from the territory as it is now.

        Raises:
            InvalidField: when it cannot be changed like this, or not by this actor.
        """

    def validate_request(self, ctx: Context) -> None:
        self.changed(ctx)

    def perform(self, ctx: Context) -> dict[str, Any]:
        if self.cost(ctx) != ctx.cost:
            raise InvalidField("seen_version", "what this costs has changed meanwhile")
        before, after = self.changed(ctx)
        version = propose(ctx, self.change, before, after)
        return {"name": after.name, "version": version}

    def on_paid(self, ctx: Context) -> None:
        make_real(ctx)

    def on_failed(self, ctx: Context) -> None:
        if ctx.performed:
            withdraw(ctx)

    def on_retry(self, ctx: Context) -> None:
        propose(ctx, self.change, *self.changed(ctx))

    def on_reversed(self, ctx: Context) -> None:
        stop_unpaid(ctx)

    def still_valid(self, ctx: Context) -> bool:
        try:
            self.changed(ctx)
        except Refused:
            return False
        return True
