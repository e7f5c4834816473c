"""Where the next page of a list begins: behind the last line of the page before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from paidflow.errors import InvalidArguments
from paidflow.store.records import as_time

LATEST = datetime(9999, 12, 31, tzinfo=UTC)
HIGHEST = 2**62
LIMIT_MAX = 1000


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list that is sorted downwards by a time or a number, and then by an id.

    Args:
        place: the time or the number.
        id: the id of the line.
    """

    place: datetime | int
    id: str

    def __str__(self) -> str:
        return _text(self.place, self.id)

    @classmethod
    def parse(cls, text: str | None, first: datetime | int) -> Self:
        """The place that a text stands for.

        Args:
            text: what ``str`` has made of it; ``None`` is the beginning.
            first: what stands before everything, a time or a number.

        Raises:
            InvalidArguments: when it is no place in such a list.
        """
        if text is None:
            return cls(first, "")
        place, found, key = text.partition("/")
        try:
            if not found or "\0" in key:
                raise ValueError
            if isinstance(first, int):
                return cls(min(max(int(place), -HIGHEST), HIGHEST), key)
            moment = datetime.fromisoformat(place)
        except (ValueError, OverflowError):
            raise InvalidArguments("this is no cursor of such a list") from None
        return cls(moment.replace(tzinfo=moment.tzinfo or UTC), key)


def cursor_of(place: object, key: str) -> str:
    """The text of a place that a query has found."""
    return _text(place if isinstance(place, int) else as_time(place) or LATEST, key)


def _text(place: datetime | int, key: str) -> str:
    return f"{place if isinstance(place, int) else place.isoformat()}/{key}"


def limited(limit: int) -> int:
    """How many lines a page may have."""
    return min(max(limit, 1), LIMIT_MAX)
