"""Whom and what the text of an item calls for: mentions, reminders, and its own deletion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from paidflow.actions.contract import HookTransaction
from paidflow.store.queries import named
from paidflow.store.records import as_text, as_time
from paidflow.views.batch import Batch
from paidflow.views.projection import Projection
from paidflow.views.real import CHANGES
from paidflow.views.sql import read_sql
from paidflow.views.text_calls import delete_in, linked_items, mentions, remind_in

_SQL = named(read_sql("calls"))

EDITS = ("delete-item", "update-comment", "update-post")
"""The kinds of the actions that change the text of an item, which they call ``item_id``."""

AFTER_MAX = timedelta(days=100 * 365)
"""Whoever wants to be called later than in a hundred years is not called."""


class Calls(Projection):
    """What the texts of items call for, as they are now; folded when they are paid or edited.

    An item is read anew whenever an action on its text is paid, so what is here follows from the
    item alone, however often and in whatever order that happens. A call counts from the payment or
    the last edit of its item.

    Args:
        actor_of: who is called by a name; ``None`` for nobody. It must not change.
    """

    name = "forum_calls"
    events = CHANGES

    def __init__(self, actor_of: Callable[[str], str | None] | None = None) -> None:
        self._actor_of: Callable[[str], str | None] = actor_of or (lambda name: name)

    def create(self, tx: HookTransaction) -> None:
        for statement in ("create", "create_index", "create_index_of_deletions"):
            tx.execute(_SQL[statement].format(table=self.table))

    def apply(self, tx: HookTransaction, batch: Batch) -> None:
        edits = [edit for kind in EDITS for edit in batch.arguments(kind).values()]
        ids = sorted({*(event.action_id for event in batch), *(edit["item_id"] for edit in edits)})
        items = {row["id"]: row for row in batch.rows_of("forum_items", "id", ids)}
        if not items:
            return
        batch.delete_of(self.table, "item_id", sorted(items))
        texts = {item_id: _text(item) for item_id, item in items.items()}
        linked = sorted({link for text in texts.values() for link in linked_items(text)})
        owners = {row["id"]: row["author"] for row in batch.rows_of("forum_items", "id", linked)}
        rows = [
            {"item_id": item_id, "kind": kind, "actor": actor, "at": as_text(at)}
            for item_id, item in sorted(items.items())
            for kind, actor, at in sorted(self._calls(item, texts[item_id], owners))
        ]
        batch.insert(self.table, rows)

    def _calls(
        self, item: Mapping[str, Any], text: str, owners: Mapping[str, str | None]
    ) -> set[tuple[str, str, datetime]]:
        paid_at, author = as_time(item["paid_at"]), item["author"]
        if paid_at is None:
            return set()
        since = max(paid_at, as_time(item["edited_at"]) or paid_at)
        called = {self._actor_of(name) for name in mentions(text)}
        owning = {owners.get(link) for link in linked_items(text)} - called
        return {
            *(("mention", actor, since) for actor in called if actor not in (None, author)),
            *(("item-mention", actor, since) for actor in owning if actor not in (None, author)),
            *_bots(author, text, since),
        }


def _bots(author: str | None, text: str, since: datetime) -> Iterator[tuple[str, str, datetime]]:
    if author is None:
        return
    for kind, after in (("deletion", delete_in(text)), ("reminder", remind_in(text))):
        if after is not None and after <= AFTER_MAX:
            yield kind, author, since + after


def _text(item: Mapping[str, Any]) -> str:
    if item["deleted_at"] is not None:
        return ""
    return f"{item['title'] or ''}\n{item['text'] or ''}"
