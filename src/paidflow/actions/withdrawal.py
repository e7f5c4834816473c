"""Withdrawals: from what an actor could withdraw to an invoice or an address outside."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from paidflow.actions.contract import WITHDRAWABLE, Context, PaidAction, Transfer
from paidflow.errors import Refused
from paidflow.money import Money


class Withdrawal(PaidAction):
    """Pay out money of the actor. Derive from it to set limits, or to say who may.

    The amount and ``fee_max`` leave the purse at once. What the payment does not cost goes back
    when it has arrived, all of it when it has failed for certain.

    Args:
        destination: an invoice or an address, as the receiver gave it.
        amount: what the receiver gets; what the invoice asks for, if it does.
        fee_max: what sending it may cost besides.

    Class attributes:
        minimum: the least amount; ``None`` for any.
        maximum: the greatest amount; ``None`` for any.
    """

    kind = "withdrawal"
    funding = (WITHDRAWABLE,)

    minimum: ClassVar[Money | None] = None
    maximum: ClassVar[Money | None] = None

    destination: str = Field(repr=False)
    amount: Money
    fee_max: Money

    def may_withdraw(self, ctx: Context) -> bool:
        """Whether the actor may withdraw at all; may read."""
        return True

    def cost(self, ctx: Context) -> Money:
        return self.amount + self.fee_max

    def transfer(self, ctx: Context) -> Transfer:
        return Transfer(self.destination, self.amount, self.fee_max)

    def validate_request(self, ctx: Context) -> None:
        if not self.may_withdraw(ctx):
            raise Refused("you cannot withdraw")
        if self.minimum is not None and self.amount < self.minimum:
            raise Refused(f"the least amount is {self.minimum}")
        if self.maximum is not None and self.amount > self.maximum:
            raise Refused(f"the greatest amount is {self.maximum}")
