"""A post that asks people to choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydantic import AwareDatetime

from paidflow.actions.contract import Context, HookTransaction
from paidflow.actions.fields import check_distinct, check_text
from paidflow.actions.forum_action import settings_of
from paidflow.actions.items import Item
from paidflow.actions.post import Post
from paidflow.actions.statements import Statements
from paidflow.errors import InvalidField
from paidflow.money import sats

SQL = Statements("polls")


class Poll(Post):
    """Ask people to choose.

    Args:
        options: what can be chosen; an edit can add some at the end.
        vote_cost_sats: what a vote costs.
        expires_at: when voting ends; ``None`` for never.
    """

    kind = "poll"
    item_kind = "poll"

    options: tuple[str, ...]
    vote_cost_sats: int = 1
    expires_at: AwareDatetime | None = None

    def check(self, ctx: Context, before: Item | None = None) -> None:
        super().check(ctx, before)
        limits = settings_of(ctx)
        least, most = limits.poll_options_min, limits.poll_options_max
        if not least <= len(self.options) <= most:
            raise InvalidField("options", f"{least} to {most} of them")
        for option in self.options:
            check_text("options", option, limits.poll_option_characters_max, least=1)
        check_distinct("options", self._texts)
        if before is not None and not _begins_with(self._texts, options_of(ctx.tx, before.id)):
            raise InvalidField("options", "they can only be added to")
        if self.vote_cost_sats < 0:
            raise InvalidField("vote_cost_sats", "not less than nothing")
        kept = before is not None and self.expires_at == before.poll_expires_at
        ends = None if kept else self.expires_at
        if ends is not None and ends < ctx.now + limits.poll_time_min:
            raise InvalidField("expires_at", f"at least {limits.poll_time_min} from now")

    @property
    def _texts(self) -> list[str]:
        return [option.strip() for option in self.options]

    def changed(self, before: Item) -> Item:
        return replace(
            super().changed(before),
            poll_cost=sats(self.vote_cost_sats),
            poll_expires_at=self.expires_at,
        )

    def write_details(self, ctx: Context, item_id: str) -> None:
        super().write_details(ctx, item_id)
        existing = options_of(ctx.tx, item_id)
        if not _begins_with(self._texts, existing):
            raise InvalidField("options", "others were added in the meantime")
        for position, text in list(enumerate(self._texts, start=1))[len(existing) :]:
            SQL.run(ctx.tx, "insert_option", item_id=item_id, position=position, text=text)


def options_of(tx: HookTransaction, item_id: str) -> list[str]:
    """The options of a poll, in their order; the first has the position 1."""
    rows = SQL.run(tx, "select_options", item_id=item_id).fetchall()
    return [row["text"] for row in rows]


def _begins_with(options: Sequence[str], existing: Sequence[str]) -> bool:
    return list(options[: len(existing)]) == list(existing)
