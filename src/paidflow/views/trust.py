"""How much people trust each other, by what they have zapped of each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from paidflow.store.queries import named
from paidflow.views.reader import Reader
from paidflow.views.sql import read_sql

WHOLE = 1_000_000
"""Full trust, in millionths."""

_SQL = named(read_sql("opinions"))


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a person has done to the items of another.

    Args:
        actor: who.
        author: whose items.
        zapped: how many of them he zapped.
        downzapped: how many he zapped down.
    """

    actor: str
    author: str
    zapped: int
    downzapped: int

    def trust(self, doubt: int) -> int:
        """``zapped / (zapped + downzapped + doubt)``, in millionths, rounded down.

        Args:
            doubt: how many items have to be zapped until the trust is one half; more than zero.
        """
        return WHOLE * self.zapped // (self.zapped + self.downzapped + doubt)


class MeasuredTrust:
    """A trust policy: the opinion of those counts whom trusted people trust.

    Some people are trusted fully. Whom they trust by how much is multiplied along the way, for at
    most ``steps_max`` steps, and the best way counts. It is measured once and then stays; for new
    numbers make a new one, and raise the version of the views that use it.

    Args:
        opinions: what people think of each other.
        seeds: who is trusted fully.
        doubt: how many zapped items make half a trust; more than zero.
        steps_max: how far trust is passed on.
        stranger: the trust in all others, in millionths.
    """

    def __init__(
        self,
        opinions: Iterable[Opinion],
        seeds: Iterable[str],
        *,
        doubt: int = 5,
        steps_max: int = 3,
        stranger: int = 0,
    ) -> None:
        between: dict[str, list[tuple[str, int]]] = {}
        for opinion in opinions:
            link = (opinion.author, opinion.trust(doubt))
            between.setdefault(opinion.actor, []).append(link)
        self._trust = _passed_on(between, dict.fromkeys(seeds, WHOLE), steps_max)
        self._stranger = stranger

    def trust(self, actor: str) -> int:
        """In millionths, 0 to 1,000,000."""
        return max(self._trust.get(actor, 0), self._stranger)


def opinions(reader: Reader) -> list[Opinion]:
    """What all people think of each other, by their real zaps; takes a while in a large forum."""
    rows = reader.select(_SQL["opinions"], viewer=None)
    return [Opinion(r["actor"], r["author"], r["zapped"], r["downzapped"]) for r in rows]


def _passed_on(
    between: Mapping[str, list[tuple[str, int]]], seeds: Mapping[str, int], steps_max: int
) -> dict[str, int]:
    found, last = dict(seeds), dict(seeds)
    for _ in range(steps_max):
        reached: dict[str, int] = {}
        for actor, trust in last.items():
            for author, link in between.get(actor, ()):
                passed = trust * link // WHOLE
                if passed > found.get(author, 0):
                    reached[author] = max(passed, reached.get(author, 0))
        found.update(reached)
        last = reached
    return found
