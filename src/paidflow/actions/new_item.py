"""What everything that people write has in common: posts, comments, and bios."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from paidflow.actions.act import add_act
from paidflow.actions.contract import Context, PaidAction
from paidflow.actions.fees import fee_payouts
from paidflow.actions.forum_action import ForumAction, cost_of, settings_of
from paidflow.actions.items import NOTHING, Item, add_item, mark_paid, mark_reversed
from paidflow.actions.posting_rules import PostingRules
from paidflow.actions.statements import Statements
from paidflow.actions.upload import Upload
from paidflow.actions.uploads import link_uploads, upload_cost
from paidflow.errors import InvalidField, Refused
from paidflow.money import Money
from paidflow.states.postings import Posting

SQL = Statements("writing")

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class NewItem(ForumAction):
    """Something that is written. Derive from it for each kind.

    It costs ``base_cost``; for a logged-out person so many times as the settings say; ten times as
    much for each of the ``repeats`` of a person; and its files and its boost besides.

    Args:
        upload_ids: the files that it shows; whoever writes it pays for those that are not paid.
    """

    optimistic = True
    anonymous = True
    item_kind: ClassVar[str]

    upload_ids: tuple[str, ...] = ()

    @abstractmethod
    def rules(self, ctx: Context) -> PostingRules:
        """The rules of the territory that it is in."""

    @abstractmethod
    def base_cost(self, ctx: Context) -> Money:
        """What the first one of its kind costs."""

    @abstractmethod
    def repeats(self, ctx: Context, actor: str) -> int:
        """How often the actor has written such a thing lately."""

    @abstractmethod
    def item(self, ctx: Context) -> Item:
        """The item that it creates."""

    @abstractmethod
    def check(self, ctx: Context, before: Item | None = None) -> None:
        """Check the fields.

        Args:
            ctx: who writes it.
            before: the item as it is, if it is edited.

        Raises:
            InvalidField: when one of them is not allowed.
        """

    @property
    def boost(self) -> Money:
        """What is added so that it is seen."""
        return NOTHING

    def may_be_free(self, ctx: Context) -> bool:
        """Whether the policy for freebies is asked."""
        return True

    def cost(self, ctx: Context) -> Money:
        self.check(ctx)
        base, factor = self.base_cost(ctx), settings_of(ctx).anonymous_factor
        if ctx.actor is not None:
            factor = 10 ** self.repeats(ctx, ctx.actor)
        cost = Money(base.amount * factor, base.currency) + self.boost
        whole = cost + upload_cost(ctx, self.upload_ids)
        free = base.amount > 0 and settings_of(ctx).freebies.is_free(
            ctx,
            kind=self.item_kind,
            cost=whole,
            base_cost=base,
            allowed=self.may_be_free(ctx),
        )
        return NOTHING if free else cost

    def parts(self) -> Sequence[PaidAction]:
        return [Upload(upload_ids=self.upload_ids)] if self.upload_ids else []

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return fee_payouts(ctx, cost_of(ctx), self.rules(ctx).territory)

    def validate_request(self, ctx: Context) -> None:
        if ctx.actor is not None:
            _check_unpaid(ctx, ctx.actor)
            _check_duplicate(ctx, ctx.actor, self.identity())

    def identity(self) -> dict[str, str | None]:
        """What makes two items of an author the same."""
        fields = ("parent_id", "territory", "title", "url", "text")
        given = {field: getattr(self, field, None) for field in fields}
        return {field: value.strip() or None if value else None for field, value in given.items()}

    def claims(self, ctx: Context) -> Iterator[str]:
        """The same twice at the same moment, when neither sees the other yet.

        The claims outlive that moment, but not the time in which it would be refused anyway.
        """
        window_s = int(settings_of(ctx).duplicate_window.total_seconds())
        if ctx.actor is None or window_s < 10:
            return
        content = json.dumps([ctx.actor, *self.identity().values()])
        written = hashlib.sha256(content.encode()).hexdigest()
        moment = int((ctx.now - _BEGINNING).total_seconds()) // (window_s // 10)
        yield from (f"{written}:{moment + later}" for later in (0, 1))

    def perform(self, ctx: Context) -> dict[str, str]:
        item = self.item(ctx)
        add_item(ctx, item)
        if item.boost.amount:
            add_act(ctx, "boost", item.id, item.boost)
        if self.upload_ids:
            link_uploads(ctx, item.id, self.upload_ids)
        if item.free and self.base_cost(ctx).amount:
            settings_of(ctx).freebies.take(ctx)
        return {"item_id": item.id}

    def on_paid(self, ctx: Context) -> None:
        mark_paid(ctx)

    def on_reversed(self, ctx: Context) -> None:
        mark_reversed(ctx)


def is_free(ctx: Context) -> bool:
    """Whether what is written costs nothing itself; false while that is being asked."""
    return ctx.cost is not None and not ctx.cost.amount


def _check_unpaid(ctx: Context, author: str) -> None:
    most = settings_of(ctx).unpaid_items_max
    row = SQL.one(ctx.tx, "count_newest", author=author, most=most)
    if row is not None and row["items"] >= most and not row["paid"]:
        raise Refused(f"the last {most} things that you wrote are not paid; pay one of them first")


def _check_duplicate(ctx: Context, author: str, identity: Mapping[str, str | None]) -> None:
    since = ctx.now - settings_of(ctx).duplicate_window
    if SQL.one(ctx.tx, "select_duplicate", author=author, since=since, **identity) is not None:
        field = "title" if identity["title"] else "text"
        raise InvalidField(field, "you have just written this; if it is not paid, pay for that")
