"""What is known about a person: since when, how much he wrote, spent and got."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from paidflow.money import Money, msats
from paidflow.store.queries import named
from paidflow.store.records import as_time
from paidflow.views.daily_totals import POSTS
from paidflow.views.reader import Reader
from paidflow.views.sql import read_sql

_SQL = named(read_sql("people"))


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as others see him.

    Args:
        actor: who.
        since: when his first item was paid that the viewer may see; ``None`` without items.
        posts: how many posts he has paid for; who looks at himself finds the unpaid ones in lists.
        comments: how many comments.
        spent: on all that he did, without what he took out or paid to himself.
        stacked: what others paid to him.
        pending: what he has done and not paid yet; only for himself.
    """

    actor: str
    since: datetime | None
    posts: int
    comments: int
    spent: Money
    stacked: Money
    pending: tuple[Money, ...] = ()


class Profiles:
    """Reads profiles.

    Args:
        reader: what keeps the rule of who sees what.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def one(self, actor: str, *, viewer: str | None) -> Profile:
        """What the viewer may know about a person; zeros for somebody who never did anything."""
        (sums,) = self._reader.sums(_SQL["totals"], actor=actor, posts=list(POSTS))
        first = self._reader.select(_SQL["first_item"], viewer=viewer, author=actor)
        return Profile(
            actor=actor,
            since=as_time(first[0]["since"]) if first else None,
            posts=sums["posts"],
            comments=sums["comments"],
            spent=msats(sums["spent_msats"]),
            stacked=msats(sums["stacked_msats"]),
            pending=tuple(self._reader.pending(actor)) if viewer == actor else (),
        )
