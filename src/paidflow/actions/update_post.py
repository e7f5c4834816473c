"""Editing a post."""

from __future__ import annotations

from collections.abc import Sequence

from paidflow.actions.act import add_act
from paidflow.actions.bounty import Bounty
from paidflow.actions.contract import Context, PaidAction
from paidflow.actions.discussion import Discussion
from paidflow.actions.edits import check_edit, check_paid, edited_item, own_item
from paidflow.actions.fees import fee_payouts
from paidflow.actions.forum_action import ForumAction, cost_of
from paidflow.actions.items import Item, change_item
from paidflow.actions.job import Job
from paidflow.actions.link import Link
from paidflow.actions.poll import Poll
from paidflow.actions.posting_rules import posting_rules
from paidflow.actions.upload import Upload
from paidflow.actions.uploads import link_uploads
from paidflow.errors import InvalidField, Refused
from paidflow.money import Money
from paidflow.states.postings import Posting


class UpdatePost(ForumAction):
    """Have a post be what it would be if it were written now.

    It costs what is added to the boost, and what new files cost. A logged-out author shows the
    proof of the post: ``flow.perform(UpdatePost(...), proof=receipt.proof)``.

    Args:
        item_id: the post.
        post: all of it, as it is from now on; of the same kind.
    """

    kind = "update-post"
    anonymous = True

    item_id: str
    post: Link | Poll | Bounty | Job | Discussion

    def cost(self, ctx: Context) -> Money:
        before = own_item(ctx, self.item_id)
        if self.post.boost < before.boost:
            raise InvalidField("boost_sats", "it cannot be lowered")
        return self.post.boost - before.boost

    def parts(self) -> Sequence[PaidAction]:
        upload_ids = self.post.upload_ids
        return [Upload(upload_ids=upload_ids)] if upload_ids else []

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return fee_payouts(ctx, cost_of(ctx), self.post.territory)

    def validate_request(self, ctx: Context) -> None:
        before = own_item(ctx, self.item_id)
        self._check(ctx, before)
        boosted = self.post.boost != before.boost
        check_paid(ctx, before, self.post.upload_ids, boosted=boosted)

    def _check(self, ctx: Context, before: Item) -> None:
        check_edit(ctx, before, {self.post.item_kind})
        self.post.check(ctx, before)
        if self.post.territory == before.territory:
            return
        rules = self.post.rules(ctx)
        if rules.post_cost > posting_rules(ctx, before.territory).post_cost:
            raise InvalidField("territory", "it is dearer than the one that the post is in")
        if before.free and not rules.free_posts:
            raise InvalidField("territory", "it has no free posts")

    def perform(self, ctx: Context) -> dict[str, str]:
        before = edited_item(ctx, self.item_id)
        self._check(ctx, before)
        added = cost_of(ctx)
        if before.boost + added != self.post.boost:
            raise Refused("the boost has been changed in the meantime")
        change_item(ctx, before, self.post.changed(before))
        self.post.write_details(ctx, before.id)
        if added.amount:
            add_act(ctx, "boost", before.id, added)
        link_uploads(ctx, before.id, self.post.upload_ids)
        return {"item_id": before.id}

    def describe(self, ctx: Context) -> str:
        return f"edit: {self.post.title.strip()}"
