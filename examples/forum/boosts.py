"""Who has paid for an item to be seen, and where it stands in the hot list."""

from __future__ import annotations

from dataclasses import dataclass

from examples.forum.forum import Forum
from paidflow import Money, msats

BY = """
    select a.actor, sum(a.amount_msats) as amount_msats
    from forum_acts a where a.item_id = :item_id and a.act = 'boost' and visible(a.id)
    group by a.actor order by amount_msats desc, a.actor
"""
ABOVE = """
    select count(*) as items from forum_ranks r join forum_items i on i.id = r.item_id
    where i.deleted_at is null and visible(i.id) and (r.score, r.item_id) >=
        (select own.score, own.item_id from forum_ranks own where own.item_id = :item_id)
"""


@dataclass(frozen=True)
class Boosts:
    """The boosts of an item.

    Args:
        by: who has given how much, the most first; those of a viewer that are not paid, too.
        place: where it stands in the hot list, from 1; ``None`` if it is not there.
    """

    by: list[tuple[str, Money]]
    place: int | None


def boosts(forum: Forum, item_id: str, viewer: str | None) -> Boosts:
    """The boosts of an item, as a viewer sees them."""
    rows = forum.reader.select(BY, viewer=viewer, item_id=item_id)
    above = forum.reader.select(ABOVE, viewer=None, item_id=item_id)[0]["items"]
    return Boosts([(row["actor"], msats(int(row["amount_msats"]))) for row in rows], above or None)
