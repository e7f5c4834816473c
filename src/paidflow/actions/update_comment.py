"""Editing a comment, or what somebody says about himself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from paidflow.actions.contract import Context, PaidAction
from paidflow.actions.edits import check_edit, check_paid, edited_item, own_item
from paidflow.actions.fields import check_text
from paidflow.actions.forum_action import ForumAction, settings_of
from paidflow.actions.items import NOTHING, Item, change_item
from paidflow.actions.upload import Upload
from paidflow.actions.uploads import link_uploads
from paidflow.money import Money


class UpdateComment(ForumAction):
    """Have a comment or a bio say something else; it costs what new files cost.

    A logged-out author shows the proof of the comment.

    Args:
        item_id: the comment or the bio.
        text: all that it says from now on.
        upload_ids: all files that it shows from now on.
    """

    kind = "update-comment"
    anonymous = True

    item_id: str
    text: str
    upload_ids: tuple[str, ...] = ()

    def cost(self, ctx: Context) -> Money:
        return NOTHING

    def parts(self) -> Sequence[PaidAction]:
        return [Upload(upload_ids=self.upload_ids)] if self.upload_ids else []

    def validate_request(self, ctx: Context) -> None:
        before = own_item(ctx, self.item_id)
        self._check(ctx, before)
        check_paid(ctx, before, self.upload_ids, boosted=False)

    def _check(self, ctx: Context, before: Item) -> None:
        check_edit(ctx, before, {"comment", "bio"})
        limits = settings_of(ctx)
        bio = before.kind == "bio"
        most = limits.post_characters_max if bio else limits.comment_characters_max
        check_text("text", self.text, most, least=1)

    def perform(self, ctx: Context) -> dict[str, str]:
        before = edited_item(ctx, self.item_id)
        self._check(ctx, before)
        change_item(ctx, before, replace(before, text=self.text.strip()))
        link_uploads(ctx, before.id, self.upload_ids)
        return {"item_id": before.id}

    def describe(self, ctx: Context) -> str:
        return "edit a comment"
