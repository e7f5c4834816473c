"""Items of a forum: posts and comments, as their table has them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from paidflow.actions.contract import Context, HookTransaction
from paidflow.actions.statements import Statements
from paidflow.errors import InvalidField, Refused
from paidflow.money import Money, msats
from paidflow.store.records import as_time

SQL = Statements("items")
NOTHING = msats(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A post or a comment.

    Args:
        id: that of the action that created it.
        kind: ``link``, ``discussion``, ``poll``, ``bounty``, ``job``, ``comment`` or ``bio``.
        author: who wrote it; ``None`` for a logged-out person.
        root_id: the post that a comment is under; a post is its own.
        free: whether it was written for nothing.
        boost: what its author has added so that it is seen, when writing and editing it.
        paid_at: when it was paid for the first time.
        live: whether it is paid now, so that everybody sees it.
    """

    id: str
    kind: str
    author: str | None = None
    parent_id: str | None = None
    root_id: str = ""
    territory: str | None = None
    title: str | None = None
    url: str | None = None
    text: str | None = None
    bounty: Money | None = None
    poll_cost: Money | None = None
    poll_expires_at: datetime | None = None
    company: str | None = None
    location: str | None = None
    remote: bool | None = None
    free: bool = False
    boost: Money = NOTHING
    created_at: datetime | None = None
    paid_at: datetime | None = None
    live: bool = False
    edited_at: datetime | None = None
    deleted_at: datetime | None = None


def find_item(tx: HookTransaction, item_id: str) -> Item | None:
    """An item, whether it is paid or not; ``None`` if there is none."""
    row = SQL.one(tx, "select_item", id=item_id)
    if row is None:
        return None
    read: dict[str, Any] = {name: _read(name, row) for name in (f.name for f in fields(Item))}
    return Item(**read)


def open_item(ctx: Context, item_id: str, field: str = "item_id") -> Item:
    """An item that others may answer, and do something to.

    Args:
        ctx: who asks.
        item_id: the item.
        field: the argument that names it.

    Raises:
        InvalidField: when there is none that is paid, or it was deleted.
    """
    item = find_item(ctx.tx, item_id)
    if item is None or not item.live or item.deleted_at is not None:
        raise InvalidField(field, "there is no such item, or it is not paid yet")
    return item


def territory_of(tx: HookTransaction, item: Item) -> str | None:
    """The territory in which an item is: a comment is in that of the post at the top."""
    post = item if item.root_id == item.id else find_item(tx, item.root_id)
    return post.territory if post is not None else None


def add_item(ctx: Context, item: Item) -> None:
    """Insert an item; that of a comment also below all items above it."""
    SQL.run(
        ctx.tx,
        "insert_item",
        id=item.id,
        kind=item.kind,
        author=item.author,
        parent_id=item.parent_id,
        root_id=item.root_id or item.id,
        free=item.free,
        boost_msats=item.boost.amount,
        now=ctx.now,
        **_content(item),
    )
    if item.parent_id is not None:
        SQL.run(ctx.tx, "insert_ancestors", id=item.id, parent_id=item.parent_id)


def change_item(ctx: Context, before: Item, after: Item) -> None:
    """Write an item anew; nobody else may have raised its boost or deleted it meanwhile.

    Raises:
        Refused: when somebody has.
    """
    changed = SQL.run(
        ctx.tx,
        "update_item",
        id=before.id,
        boost_msats_before=before.boost.amount,
        boost_msats=after.boost.amount,
        now=ctx.now,
        **_content(after),
    )
    if changed.rowcount != 1:
        raise Refused("it has been changed in the meantime")


def blank_item(tx: HookTransaction, item_id: str, now: datetime) -> None:
    """Take away what an item says; what others have written below it stays."""
    SQL.run(tx, "delete_item", id=item_id, now=now)


def mark_paid(ctx: Context) -> None:
    """The item of this action is real: everybody may answer it."""
    SQL.run(ctx.tx, "mark_paid", id=ctx.action_id, now=ctx.now)


def mark_reversed(ctx: Context) -> None:
    """The item of this action is not real any more."""
    SQL.run(ctx.tx, "mark_reversed", id=ctx.action_id)


def _content(item: Item) -> dict[str, Any]:
    """What an edit can change."""
    return {
        "territory": item.territory,
        "title": item.title,
        "url": item.url,
        "text": item.text,
        "bounty_msats": item.bounty.amount if item.bounty else None,
        "poll_cost_msats": item.poll_cost.amount if item.poll_cost else None,
        "poll_expires_at": item.poll_expires_at,
        "company": item.company,
        "location": item.location,
        "remote": item.remote,
    }


def _read(name: str, row: Any) -> Any:
    if name in ("bounty", "boost", "poll_cost"):
        amount = row[f"{name}_msats"]
        return None if amount is None else msats(amount)
    if name.endswith("_at"):
        return as_time(row[name])
    if name in ("free", "live"):
        return bool(row[name])
    return row[name]
