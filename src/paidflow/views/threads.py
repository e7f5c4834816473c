"""The comments below an item, as a tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from paidflow.store.queries import named
from paidflow.views.items import Item, shown
from paidflow.views.reader import Reader
from paidflow.views.sql import read_sql

ITEMS_MAX = 10_000

_SQL = named(read_sql("threads"))


@dataclass(slots=True)
class Branch:
    """An item and what is below it.

    Args:
        item: as the viewer sees it.
        answers: the branches below it.
    """

    item: Item
    answers: list[Branch] = field(default_factory=list["Branch"])


def most_zapped(item: Item) -> tuple[int, datetime, str]:
    """Those first that were zapped most; of equals the oldest."""
    return -item["zapped_msats"], item["created_at"], item["id"]


class Threads:
    """Reads comment trees for one viewer at a time.

    Args:
        reader: what keeps the rule of who sees what.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def tree(
        self,
        item_id: str,
        *,
        viewer: str | None,
        limit: int = 1000,
        order: Callable[[Item], Any] = most_zapped,
    ) -> Branch | None:
        """The tree below an item, which may be a post or a comment, of any depth.

        What the viewer has written and not paid yet is in it, for the viewer. What is below
        something that the viewer cannot see is left out.

        Args:
            item_id: the item at the top.
            viewer: who looks; ``None`` for a logged-out person.
            limit: how many items there are at most; the upper levels come first.
            order: what the answers to one item are sorted by.

        Returns:
            The item with its answers; ``None`` if the viewer cannot see it, or what it is below.
        """
        items = shown(
            self._reader,
            _SQL["tree"],
            viewer=viewer,
            top=item_id,
            limit=min(max(limit, 1), ITEMS_MAX),
        )
        branches = {item["id"]: Branch(item) for item in items}
        for item in sorted(items, key=order):
            above = branches.get(item["parent_id"])
            if above is not None and item["id"] != item_id:
                above.answers.append(branches[item["id"]])
        return branches.get(item_id)
