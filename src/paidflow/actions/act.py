"""What people pay to do to an item; each act is one row that nobody changes."""

from __future__ import annotations

from paidflow.actions.contract import CREDITS, INVOICE, WITHDRAWABLE, Context
from paidflow.actions.fields import check_amount_sats
from paidflow.actions.forum_action import ForumAction, cost_of
from paidflow.actions.items import Item, open_item
from paidflow.actions.statements import Statements
from paidflow.errors import InvalidField
from paidflow.money import Money, sats

SQL = Statements("acts")


class Act(ForumAction):
    """Pay as much as one likes to do something to an item. Derive from it for each kind.

    Args:
        item_id: the item.
        amount_sats: how much, more than zero.
    """

    funding = (CREDITS, WITHDRAWABLE, INVOICE)
    optimistic = True

    item_id: str
    amount_sats: int

    def cost(self, ctx: Context) -> Money:
        self.check_amount(ctx)
        return sats(self.amount_sats)

    def check_amount(self, ctx: Context) -> None:
        """Refuse an amount that is too small or too large.

        Raises:
            InvalidField: when it is.
        """
        check_amount_sats("amount_sats", self.amount_sats)

    def check(self, ctx: Context) -> Item:
        """The item, if the actor may do this to it now.

        Raises:
            InvalidField: when that is not allowed; it names the argument.
        """
        return open_item(ctx, self.item_id)

    def validate_request(self, ctx: Context) -> None:
        self.check(ctx)

    def perform(self, ctx: Context) -> None:
        # Between a request that is paid first and this moment the item may have been deleted.
        self.check(ctx)
        add_act(ctx, self.kind, self.item_id, cost_of(ctx))

    def on_retry(self, ctx: Context) -> None:
        self.check(ctx)

    def describe(self, ctx: Context) -> str:
        return f"{self.kind} {self.item_id}"


def add_act(ctx: Context, act: str, item_id: str, amount: Money) -> None:
    """Insert the act of this action.

    Args:
        ctx: the action.
        act: ``zap``, ``downzap``, ``boost`` or ``bounty``.
        item_id: the item that it is done to.
        amount: how much counts for the item, in millisatoshis.
    """
    SQL.run(
        ctx.tx,
        "insert_act",
        id=ctx.action_id,
        act=act,
        item_id=item_id,
        actor=ctx.actor,
        amount_msats=amount.amount,
        now=ctx.now,
    )


def refuse_own(ctx: Context, item: Item) -> None:
    """Refuse what nobody may do to what he has written himself; the logged-out are nobody.

    Raises:
        InvalidField: when the actor is the author.
    """
    if ctx.actor is not None and item.author == ctx.actor:
        raise InvalidField("item_id", "this is your own")
