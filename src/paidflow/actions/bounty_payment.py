"""A bounty payment: what a post has promised for an answer, paid to whoever gave it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from paidflow.actions.act import SQL, add_act, refuse_own
from paidflow.actions.contract import INVOICE, Context
from paidflow.actions.direct import direct_receivers
from paidflow.actions.forum_action import ForumAction, settings_of
from paidflow.actions.items import open_item
from paidflow.errors import InvalidField
from paidflow.ledger.accounts import POOL, purse
from paidflow.ledger.shares import PERCENT_MAX
from paidflow.money import Money, invoice_unit
from paidflow.states.postings import Posting
from paidflow.states.receivers import Receiver


@dataclass(frozen=True, slots=True)
class Promise:
    """What is owed for an answer.

    Args:
        post_id: the post that has promised it.
        winner: who gave the answer.
        bounty: how much he gets.
    """

    post_id: str
    winner: str
    bounty: Money


class BountyPayment(ForumAction):
    """Pay the bounty of one's own post to the author of one of the answers, once.

    He gets all of it, if possible in a wallet of his own. Then the way there comes on top, and
    what it does not cost is left to the pool. Without a wallet he gets credits, and nothing comes
    on top.

    A payment that was given back still holds the bounty, because the refund can bounce: then the
    money is the winner's again, and somebody else must not have got it meanwhile.

    Args:
        item_id: the answer.
    """

    kind = "bounty-payment"
    funding = (INVOICE,)
    optimistic = True
    pessimistic = False

    item_id: str

    def cost(self, ctx: Context) -> Money:
        return self._promise(ctx).bounty + self._way(ctx)

    def claims(self, ctx: Context) -> Iterable[str]:
        return (self._promise(ctx).post_id,)

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        promise = self._promise(ctx)
        return (
            Posting(purse(promise.winner), promise.bounty),
            Posting(POOL, self._way(ctx)),
        )

    def receivers(self, ctx: Context) -> Sequence[Receiver]:
        promise = self._promise(ctx)
        return direct_receivers(ctx, {promise.winner: promise.bounty})

    def perform(self, ctx: Context) -> None:
        add_act(ctx, "bounty", self.item_id, self._promise(ctx).bounty)

    def on_retry(self, ctx: Context) -> None:
        """Of several payments that failed only the last one is what the owner wants."""
        post_id = self._promise(ctx).post_id
        if SQL.one(ctx.tx, "select_newer_bounty", id=ctx.action_id, post_id=post_id):
            raise InvalidField("item_id", "you have tried to pay this bounty again since then")

    def describe(self, ctx: Context) -> str:
        return f"bounty for {self.item_id}"

    def _promise(self, ctx: Context) -> Promise:
        item = open_item(ctx, self.item_id)
        post = open_item(ctx, item.root_id)
        if post.bounty is None or item.id == post.id:
            raise InvalidField("item_id", "this is no answer to a post with a bounty")
        if post.author is None or post.author != ctx.actor:
            raise InvalidField("item_id", "the bounty is not yours to pay")
        refuse_own(ctx, item)
        if item.author is None:
            raise InvalidField("item_id", "nobody can get it: its author was not logged in")
        return Promise(post.id, item.author, post.bounty)

    def _way(self, ctx: Context) -> Money:
        """What the way to a wallet may cost, rounded up to what an invoice can ask for."""
        bounty = self._promise(ctx).bounty
        percent = settings_of(ctx).bounty_route_percent if self.receivers(ctx) else 0
        unit = invoice_unit(bounty.currency)
        units = -(-bounty.amount * percent // (PERCENT_MAX * unit))
        return Money(units * unit, bounty.currency)
