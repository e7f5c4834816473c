"""What somebody says about himself."""

from __future__ import annotations

from collections.abc import Iterator

from paidflow.actions.contract import Context
from paidflow.actions.fields import check_text
from paidflow.actions.forum_action import settings_of
from paidflow.actions.items import Item
from paidflow.actions.new_item import NewItem, is_free
from paidflow.actions.posting_rules import PostingRules, posting_rules
from paidflow.money import Money


class Bio(NewItem):
    """Say who you are; once, after that it is edited.

    Args:
        text: what it says.
        upload_ids: the files that it shows.
    """

    kind = "bio"
    anonymous = False
    item_kind = "bio"

    text: str

    def rules(self, ctx: Context) -> PostingRules:
        return posting_rules(ctx, None)

    def base_cost(self, ctx: Context) -> Money:
        return self.rules(ctx).reply_cost

    def repeats(self, ctx: Context, actor: str) -> int:
        return 0

    def check(self, ctx: Context, before: Item | None = None) -> None:
        check_text("text", self.text, settings_of(ctx).post_characters_max, least=1)

    def claims(self, ctx: Context) -> Iterator[str]:
        yield f"{ctx.actor}"

    def item(self, ctx: Context) -> Item:
        return Item(
            id=ctx.action_id,
            kind=self.item_kind,
            author=ctx.actor,
            text=self.text.strip(),
            free=is_free(ctx),
        )

    def describe(self, ctx: Context) -> str:
        return "bio"
