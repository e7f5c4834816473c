"""Who may edit an item, and until when: from what is stored, never from what is asked for."""

from __future__ import annotations

from collections.abc import Collection

from paidflow.actions.contract import Context
from paidflow.actions.forum_action import settings_of
from paidflow.actions.items import Item, find_item
from paidflow.actions.uploads import upload_cost
from paidflow.errors import InvalidField

ALWAYS_EDITED = frozenset({"bio", "job"})
"""The kinds that can be edited at any time."""


def own_item(ctx: Context, item_id: str) -> Item:
    """An item of whoever asks: of its author, or of the logged-out person who shows its proof.

    Raises:
        InvalidField: when there is none, it is somebody else's, or it was deleted.
    """
    item = find_item(ctx.tx, item_id)
    if item is None or item.deleted_at is not None or not _owns(ctx, item):
        raise InvalidField("item_id", "there is no such item of yours")
    return item


def _owns(ctx: Context, item: Item) -> bool:
    return ctx.proves(item.id) if item.author is None else item.author == ctx.actor


def edited_item(ctx: Context, item_id: str) -> Item:
    """An item as it is now, when an edit that was allowed is done.

    Raises:
        InvalidField: when there is none any more.
    """
    item = find_item(ctx.tx, item_id)
    if item is None or item.deleted_at is not None:
        raise InvalidField("item_id", "it has been deleted in the meantime")
    return item


def check_edit(ctx: Context, item: Item, kinds: Collection[str]) -> None:
    """Refuse an edit that is of another kind, or too late.

    An item that was never paid can be edited as long as it is not.

    Raises:
        InvalidField: when it is.
    """
    if item.kind not in kinds:
        raise InvalidField("item_id", f"this is a {item.kind}, and stays one")
    window = settings_of(ctx).edit_window
    ends = item.paid_at is not None and item.kind not in ALWAYS_EDITED
    if ends and item.paid_at is not None and ctx.now > item.paid_at + window:
        minutes = int(window.total_seconds()) // 60
        raise InvalidField("item_id", f"it could be edited for {minutes} minutes")


def check_paid(ctx: Context, item: Item, upload_ids: Collection[str], *, boosted: bool) -> None:
    """Refuse an edit that costs something while the item itself is not paid.

    Raises:
        InvalidField: when it does.
    """
    if item.live:
        return
    if boosted:
        raise InvalidField("boost_sats", "pay for the item itself first")
    if upload_cost(ctx, tuple(upload_ids)).amount:
        raise InvalidField("upload_ids", "pay for the item itself first")
