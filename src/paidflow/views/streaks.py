"""Streaks: how many days in a row a person has spent something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from paidflow.money import Money
from paidflow.store.paging import Row, pages
from paidflow.store.queries import named
from paidflow.views.reader import Reader
from paidflow.views.sql import read_sql

PAGE = 100
DAY = timedelta(days=1)

_SQL = named(read_sql("streaks"))


@dataclass(frozen=True, slots=True)
class Streak:
    """Days in a row.

    Args:
        actor: whose.
        days: how many.
        until: the last of them.
    """

    actor: str
    days: int
    until: date


class Streaks:
    """Reads streaks.

    Args:
        reader: reads the folded sums.
        least: a day on which so much was spent counts.
    """

    def __init__(self, reader: Reader, least: Money) -> None:
        self._reader = reader
        self._least_msats = least.amount

    def one(self, actor: str, today: date) -> Streak | None:
        """The streak of a person, which goes on as long as today is not over.

        Args:
            actor: whose.
            today: in the time zone of the forum.
        """
        return self.until(actor, today) or self.until(actor, today - DAY)

    def until(self, actor: str, day: date) -> Streak | None:
        """The streak of a person that reaches to a day; ``None`` if that day does not count."""
        days = 0
        for found in self._days(actor, day):
            if found != day - days * DAY:
                break
            days += 1
        return Streak(actor, days, day) if days else None

    def all(self, day: date) -> Iterator[Streak]:
        """All streaks that reach to a day."""
        found = self._pages("actors", after={"actor": ""}, day=day.isoformat())
        for row in found:
            streak = self.until(row["actor"], day)
            if streak is not None:
                yield streak

    def _days(self, actor: str, until: date) -> Iterator[date]:
        found = self._pages("days", after={"day": (until + DAY).isoformat()}, actor=actor)
        return (date.fromisoformat(row["day"]) for row in found)

    def _pages(self, name: str, *, after: Mapping[str, str], **params: str) -> Iterator[Row]:
        read = partial(self._reader.sums, _SQL[name], least_msats=self._least_msats)
        return pages(read, after=after, limit=PAGE, **params)
