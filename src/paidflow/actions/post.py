"""What all kinds of posts share."""

from __future__ import annotations

from dataclasses import replace

from paidflow.actions.boost import check_boost
from paidflow.actions.contract import Context
from paidflow.actions.fields import check_text
from paidflow.actions.forum_action import settings_of
from paidflow.actions.forwards import Forward, check_forwards, write_forwards
from paidflow.actions.items import Item
from paidflow.actions.new_item import SQL, NewItem, is_free
from paidflow.actions.posting_rules import PostingRules, posting_rules
from paidflow.errors import InvalidField
from paidflow.money import Money, sats


class Post(NewItem):
    """A post, at the top of a thread. Derive from it for each kind.

    Args:
        title: what it is called.
        territory: the part of the forum that it is in.
        text: what it says.
        boost_sats: what is added so that it is seen.
        forwards: who gets a part of what it earns.
        upload_ids: the files that it shows.
    """

    title: str
    territory: str | None = None
    text: str | None = None
    boost_sats: int = 0
    forwards: tuple[Forward, ...] = ()

    @property
    def boost(self) -> Money:
        return sats(self.boost_sats)

    def rules(self, ctx: Context) -> PostingRules:
        return posting_rules(ctx, self.territory)

    def base_cost(self, ctx: Context) -> Money:
        return self.rules(ctx).post_cost

    def repeats(self, ctx: Context, actor: str) -> int:
        since = ctx.now - settings_of(ctx).spam_window
        row = SQL.one(ctx.tx, "count_posts", author=actor, since=since)
        return row["items"] if row else 0

    def may_be_free(self, ctx: Context) -> bool:
        return self.rules(ctx).free_posts

    def check(self, ctx: Context, before: Item | None = None) -> None:
        limits = settings_of(ctx)
        most = limits.title_characters_max
        check_text("title", self.title, most, least=limits.title_characters_min)
        check_text("text", self.text, limits.post_characters_max)
        if before is None or self.territory != before.territory:
            self.rules(ctx).check_post(self.item_kind)
        self._check_boost(ctx, before)
        check_forwards(ctx, self.forwards, before.author if before else ctx.actor)

    def _check_boost(self, ctx: Context, before: Item | None) -> None:
        if self.boost == (before.boost if before else sats(0)):
            return
        if before is not None and self.boost < before.boost:
            raise InvalidField("boost_sats", "it cannot be lowered")
        check_boost(ctx, "boost_sats", self.boost_sats)

    def changed(self, before: Item) -> Item:
        """What an item is after an edit to this."""
        text = None if self.text is None else self.text.strip()
        return replace(
            before,
            territory=self.territory,
            title=self.title.strip(),
            text=text or None,
            boost=self.boost,
        )

    def item(self, ctx: Context) -> Item:
        new = Item(id=ctx.action_id, kind=self.item_kind, author=ctx.actor, free=is_free(ctx))
        return self.changed(new)

    def write_details(self, ctx: Context, item_id: str) -> None:
        """Write what has rows of its own: whom it forwards to."""
        write_forwards(ctx, item_id, self.forwards)

    def perform(self, ctx: Context) -> dict[str, str]:
        self.rules(ctx).check_post(self.item_kind)
        result = super().perform(ctx)
        self.write_details(ctx, ctx.action_id)
        return result

    def describe(self, ctx: Context) -> str:
        return f"{self.item_kind}: {self.title.strip()}"
