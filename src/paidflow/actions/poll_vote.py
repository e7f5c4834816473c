"""A vote in a poll. Once it is paid, nothing says any more who has voted for what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

from paidflow.actions.contract import Context, HookTransaction
from paidflow.actions.fees import fee_payouts
from paidflow.actions.forum_action import ForumAction, settings_of
from paidflow.actions.items import Item, open_item
from paidflow.actions.statements import Statements
from paidflow.errors import InvalidField
from paidflow.money import Money, sats
from paidflow.states.postings import Posting

SQL = Statements("votes")
TALLIED_MAX = 500
"""How many votes are added to the tallies in one transaction."""


class PollVote(ForumAction):
    """Vote for an option of a poll, once per person.

    What it was for is forgotten when it is paid, so a payment that goes back later does not take
    the vote back.

    Args:
        item_id: the poll.
        option: the number of the option, from 1.
    """

    kind = "poll-vote"
    optimistic = True
    forgotten = frozenset({"option"})

    item_id: str
    option: int | None = None

    def cost(self, ctx: Context) -> Money:
        return self._poll(ctx).poll_cost or sats(settings_of(ctx).poll_vote_cost_sats)

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return fee_payouts(ctx, self.cost(ctx), self._poll(ctx).territory)

    def claims(self, ctx: Context) -> Iterable[str]:
        return (f"{self.item_id}:{ctx.actor}",)

    def validate_request(self, ctx: Context) -> None:
        poll = self._poll(ctx)
        if poll.author == ctx.actor:
            raise InvalidField("item_id", "nobody votes in their own poll")
        if poll.poll_expires_at is not None and poll.poll_expires_at <= ctx.now:
            raise InvalidField("item_id", "this poll is over")
        asked = {"item_id": self.item_id, "option": self.option}
        if self.option is None or SQL.one(ctx.tx, "select_option", **asked) is None:
            raise InvalidField("option", "the poll has no such option")

    def perform(self, ctx: Context) -> None:
        self.validate_request(ctx)
        tx, item_id = ctx.tx, self.item_id
        SQL.run(
            tx, "insert_ballot", id=ctx.action_id, item_id=item_id, voter=ctx.actor, now=ctx.now
        )
        SQL.run(tx, "insert_unpaid_vote", id=ctx.action_id, item_id=item_id, option=self.option)

    def on_paid(self, ctx: Context) -> None:
        if SQL.run(ctx.tx, "delete_unpaid_vote", id=ctx.action_id).rowcount:
            SQL.run(ctx.tx, "insert_paid_vote", item_id=self.item_id, option=self.option)

    def still_valid(self, ctx: Context) -> bool:
        poll = self._poll(ctx)
        return poll.poll_expires_at is None or poll.poll_expires_at > ctx.now

    def describe(self, ctx: Context) -> str:
        return f"vote in {self.item_id}"

    def _poll(self, ctx: Context) -> Item:
        poll = open_item(ctx, self.item_id)
        if poll.kind != "poll":
            raise InvalidField("item_id", "this is not a poll")
        return poll


def tally_votes(transaction: AbstractContextManager[HookTransaction]) -> int:
    """Add paid votes to the tallies, so that not even the database knows which came together.

    Args:
        transaction: one that commits at the end of the block, such as ``flow.transaction()``.

    Returns:
        How many votes were added; none means that all are.
    """
    with transaction as tx:
        found = SQL.run(tx, "select_paid_votes", limit=TALLIED_MAX).fetchall()
        mine = [row for row in found if SQL.run(tx, "delete_paid_vote", id=row["id"]).rowcount]
        votes = Counter((row["item_id"], row["option"]) for row in mine)
        for (item_id, option), number in sorted(votes.items()):
            SQL.run(tx, "add_to_tally", item_id=item_id, option=option, votes=number)
    return len(mine)
