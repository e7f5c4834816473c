"""Items as people see them: one, and lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from paidflow.store.queries import named
from paidflow.store.records import as_time
from paidflow.views.cursor import HIGHEST, LATEST, Cursor, cursor_of, limited
from paidflow.views.ranking import HotRanking, Ranking, Standing
from paidflow.views.reader import Reader
from paidflow.views.sql import read_sql

Item = Mapping[str, Any]
"""An item as one viewer sees it, by column; ``cursor`` is where the page after it begins."""

WORDS_MAX = 20

_SQL = named(read_sql("items"))
_FLAGS = ("free", "live", "remote")
_WORD = re.compile(r"[^\W_]+")
_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?(.+?)/?")


class Items:
    """Reads items for one viewer at a time.

    In all lists ``viewer`` is who looks, ``None`` for a logged-out person; ``before`` is the cursor
    of the last item of the page before; ``limit`` is how many items there are at most. Viewers see
    what is paid, and what is their own. Deleted items are in no list but that of their author.

    Args:
        reader: what keeps the rule of who sees what.
        ranking: the policy of the hot list, the same that ``Ranks`` has.
    """

    def __init__(self, reader: Reader, ranking: Ranking | None = None) -> None:
        self._reader = reader
        self._ranking = ranking or HotRanking()

    def one(self, item_id: str, *, viewer: str | None) -> Item | None:
        """An item; ``None`` if there is none that the viewer may see."""
        found = shown(self._reader, _SQL["one"], viewer=viewer, id=item_id)
        return found[0] if found else None

    def recent(
        self, *, viewer: str | None, before: str | None = None, limit: int = 20
    ) -> list[Item]:
        """Posts, those first that were paid last; one that is not paid stands where it was written.

        Raises:
            InvalidArguments: when the cursor is none of this list.
        """
        return self._by_time("recent", viewer, before, limit)

    def by_author(
        self, author: str, *, viewer: str | None, before: str | None = None, limit: int = 20
    ) -> list[Item]:
        """Posts and comments of one person, in the order of ``recent``.

        Raises:
            InvalidArguments: when the cursor is none of this list.
        """
        return self._by_time("by_author", viewer, before, limit, author=author)

    def by_territory(
        self, territory: str, *, viewer: str | None, before: str | None = None, limit: int = 20
    ) -> list[Item]:
        """Posts of a part of the forum, in the order of ``recent``.

        Raises:
            InvalidArguments: when the cursor is none of this list.
        """
        return self._by_time("by_territory", viewer, before, limit, territory=territory)

    def duplicates(
        self, url: str, *, viewer: str | None, before: str | None = None, limit: int = 20
    ) -> list[Item]:
        """Posts with the same address, whether with ``https``, ``www`` and a last slash or not.

        Raises:
            InvalidArguments: when the cursor is none of this list.
        """
        return self._by_time("duplicates", viewer, before, limit, urls=_spellings(url))

    def search(
        self, text: str, *, viewer: str | None, before: str | None = None, limit: int = 20
    ) -> list[Item]:
        """Posts and comments with all of these words, in the order of ``recent``.

        Args:
            text: words of letters and digits, whatever is between them; at most 20 count.
            viewer: who looks.
            before: the cursor of the last item of the page before.
            limit: how many items at most.

        Raises:
            InvalidArguments: when the cursor is none of this list.
        """
        words = _WORD.findall(text)[:WORDS_MAX]
        if not words:
            return []
        dialect = self._reader.dialect
        quoted = " ".join(f'"{word}"' for word in words)
        match = quoted if dialect == "sqlite" else " ".join(words)
        return self._by_time(f"search_{dialect}", viewer, before, limit, words=match)

    def top(
        self,
        *,
        viewer: str | None,
        since: datetime,
        before: str | None = None,
        limit: int = 20,
    ) -> list[Item]:
        """Posts that were paid since a moment, those first that were zapped most.

        Raises:
            InvalidArguments: when the cursor is none of this list.
        """
        return self._page("top", viewer, Cursor.parse(before, HIGHEST), limit, since=since)

    def hot(self, *, viewer: str | None, before: str | None = None, limit: int = 20) -> list[Item]:
        """Posts in the order of the ranking; what the viewer has to pay stands where new ones do.

        Raises:
            InvalidArguments: when the cursor is none of this list.
        """
        newest = self._ranking.score(Standing(paid_at=self._reader.now()))
        return self._page("hot", viewer, Cursor.parse(before, HIGHEST), limit, newest=newest)

    def _by_time(
        self, name: str, viewer: str | None, before: str | None, limit: int, **params: Any
    ) -> list[Item]:
        return self._page(name, viewer, Cursor.parse(before, LATEST), limit, **params)

    def _page(
        self, name: str, viewer: str | None, before: Cursor, limit: int, **params: Any
    ) -> list[Item]:
        place = {"place": before.place, "id": before.id, "limit": limited(limit)}
        return shown(self._reader, _SQL[name], viewer=viewer, **place, **params)


def shown(reader: Reader, page: str, *, viewer: str | None, **params: Any) -> list[Item]:
    """The items of a page, with their sums and with what the viewer has to do with them.

    Args:
        reader: what keeps the rule of who sees what.
        page: a query of ids and places.
        viewer: who looks.
        params: what the query needs.
    """
    rows = reader.select(_SQL["shown"].format(page=page), viewer=viewer, **params)
    return _items(rows)


def _items(rows: Sequence[Mapping[str, Any]]) -> list[Item]:
    """Rows as items; which columns are times is found out once, for a page may be long."""
    times = [name for name in (rows[0] if rows else ()) if name.endswith("_at")]
    items: list[Item] = []
    for row in rows:
        item = dict(row)
        item["cursor"] = cursor_of(item.pop("place"), item["id"])
        for name in _FLAGS:
            if item[name] is not None:
                item[name] = bool(item[name])
        for name in times:
            if item[name] is not None:
                item[name] = as_time(item[name])
        items.append(item)
    return items


def _spellings(url: str) -> list[str]:
    match = _ADDRESS.fullmatch(url.strip())
    bare = match[1] if match else url
    starts: Iterable[str] = ("https://", "http://", "https://www.", "http://www.", "", "www.")
    return [f"{start}{bare}{end}" for start in starts for end in ("", "/")]
