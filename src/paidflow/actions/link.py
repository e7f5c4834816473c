"""A post that points to another page."""

from __future__ import annotations

from dataclasses import replace

from paidflow.actions.contract import Context
from paidflow.actions.fields import check_url
from paidflow.actions.forum_action import settings_of
from paidflow.actions.items import Item
from paidflow.actions.post import Post


class Link(Post):
    """Share a link.

    Args:
        url: where it points to.
    """

    kind = "link"
    item_kind = "link"

    url: str

    def check(self, ctx: Context, before: Item | None = None) -> None:
        super().check(ctx, before)
        check_url("url", self.url, settings_of(ctx).url_characters_max)

    def changed(self, before: Item) -> Item:
        return replace(super().changed(before), url=self.url.strip())
