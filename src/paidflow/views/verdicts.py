"""What people think of an item, for hiding what most of them dislike."""

from __future__ import annotations

from paidflow.store.queries import named
from paidflow.views.reader import Reader
from paidflow.views.sql import read_sql

_SQL = named(read_sql("verdicts"))

OUTLAWED_MILLIONTHS = -1_200_000
"""Whatever has so few votes is hidden from whoever has not asked for it."""


class Verdicts:
    """Tells what people think of items; everybody is told the same.

    An item has its votes less its downvotes. Whoever is mostly disliked begins lower: if the median
    of all other items of the author is below zero, it is added. It is that of now and not of the
    day on which the item was written, so it does not depend on the order of payments.

    Args:
        reader: what keeps the rule of who sees what.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def votes_millionths(self, item_id: str) -> int:
        """What an item counts for; 0 if there is none that everybody sees."""
        found = self._reader.select(_SQL["own"], viewer=None, id=item_id)
        if not found:
            return 0
        own, author = int(found[0]["votes"]), found[0]["author"]
        return own if author is None else own + min(0, self._median(author, item_id))

    def is_outlawed(self, item_id: str) -> bool:
        """Whether most people dislike it."""
        return self.votes_millionths(item_id) <= OUTLAWED_MILLIONTHS

    def _median(self, author: str, item_id: str) -> int:
        """That of the author's other items, rounded up; 0 without any."""
        rows = self._reader.select(_SQL["middle"], viewer=None, author=author, id=item_id)
        middle = [int(row["votes"]) for row in rows]
        return -(-sum(middle) // len(middle)) if middle else 0
