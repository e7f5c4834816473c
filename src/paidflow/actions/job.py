"""A post that offers work."""

from __future__ import annotations

import re
from dataclasses import replace

from paidflow.actions.contract import Context
from paidflow.actions.fields import check_text, check_url
from paidflow.actions.forum_action import settings_of
from paidflow.actions.items import Item
from paidflow.actions.post import Post

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


class Job(Post):
    """Offer work; only for people who are logged in.

    Args:
        company: who offers it.
        url: a page or an email address where to apply.
        location: where it is; needed unless it is remote.
        remote: whether it can be done from anywhere.
    """

    kind = "job"
    anonymous = False
    item_kind = "job"

    company: str
    url: str
    location: str | None = None
    remote: bool = False

    def check(self, ctx: Context, before: Item | None = None) -> None:
        super().check(ctx, before)
        limits = settings_of(ctx)
        check_text("text", self.text, limits.post_characters_max, least=1)
        check_text("company", self.company, limits.title_characters_max, least=1)
        least = 0 if self.remote else 1
        check_text("location", self.location, limits.title_characters_max, least=least)
        if not _EMAIL.fullmatch(self.url.strip()):
            check_url("url", self.url, limits.url_characters_max)

    def changed(self, before: Item) -> Item:
        return replace(
            super().changed(before),
            company=self.company.strip(),
            url=self.url.strip(),
            location=None if self.location is None else self.location.strip(),
            remote=self.remote,
        )
