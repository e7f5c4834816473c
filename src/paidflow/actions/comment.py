"""An answer to a post or to another comment."""

from __future__ import annotations

from paidflow.actions.contract import Context
from paidflow.actions.fields import check_text
from paidflow.actions.forum_action import settings_of
from paidflow.actions.items import Item, find_item, open_item
from paidflow.actions.new_item import SQL, NewItem, is_free
from paidflow.actions.posting_rules import PostingRules, posting_rules
from paidflow.money import Money


class Comment(NewItem):
    """Answer an item that is paid.

    Args:
        parent_id: the item that it answers.
        text: what it says.
        upload_ids: the files that it shows.
    """

    kind = "comment"
    item_kind = "comment"

    parent_id: str
    text: str

    def _parent(self, ctx: Context) -> Item:
        return open_item(ctx, self.parent_id, "parent_id")

    def _root(self, ctx: Context) -> Item:
        parent = self._parent(ctx)
        root = parent if parent.parent_id is None else find_item(ctx.tx, parent.root_id)
        assert root is not None
        return root

    def rules(self, ctx: Context) -> PostingRules:
        return posting_rules(ctx, self._root(ctx).territory)

    def base_cost(self, ctx: Context) -> Money:
        return self.rules(ctx).reply_cost

    def repeats(self, ctx: Context, actor: str) -> int:
        """Answers to the same item, and how many above it are the actor's own, one after another.

        Whoever has begun the thread may answer in it as often as he likes.
        """
        if self._root(ctx).author == actor:
            return 0
        since = ctx.now - settings_of(ctx).spam_window
        recent = {"author": actor, "parent_id": self.parent_id, "since": since}
        answers = SQL.one(ctx.tx, "count_answers", **recent)
        chain = SQL.one(ctx.tx, "select_chain", **recent)
        assert answers is not None
        assert chain is not None
        return answers["items"] + chain["length"]

    def check(self, ctx: Context, before: Item | None = None) -> None:
        check_text("text", self.text, settings_of(ctx).comment_characters_max, least=1)

    def item(self, ctx: Context) -> Item:
        parent = self._parent(ctx)
        return Item(
            id=ctx.action_id,
            kind=self.item_kind,
            author=ctx.actor,
            parent_id=parent.id,
            root_id=parent.root_id,
            territory=parent.territory,
            text=self.text.strip(),
            free=is_free(ctx),
        )

    def describe(self, ctx: Context) -> str:
        return f"reply to {self.parent_id}"
