"""Deleting what one has written."""

from __future__ import annotations

from paidflow.actions.contract import CREDITS, Context
from paidflow.actions.edits import own_item
from paidflow.actions.forum_action import ForumAction
from paidflow.actions.items import NOTHING, blank_item
from paidflow.errors import InvalidField
from paidflow.money import Money


class DeleteItem(ForumAction):
    """Take away what an item of one's own says; what is below it stays. It is free.

    The log keeps what was written with the action that wrote it, until ``flow.erase(item_id)``.

    Args:
        item_id: the item; a bio can only be edited.
    """

    kind = "delete-item"
    funding = (CREDITS,)

    item_id: str

    def cost(self, ctx: Context) -> Money:
        return NOTHING

    def validate_request(self, ctx: Context) -> None:
        if own_item(ctx, self.item_id).kind == "bio":
            raise InvalidField("item_id", "a bio can only be edited")

    def perform(self, ctx: Context) -> None:
        blank_item(ctx.tx, self.item_id, ctx.now)

    def describe(self, ctx: Context) -> str:
        return f"delete {self.item_id}"
