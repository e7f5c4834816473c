"""What each person has paid for and against each item, and how much that counts.

A vote weighs trust times the common logarithm of everything that this person has paid, in sats. So
ten times as much is one vote more, whether it is paid at once or bit by bit, and 1 sat is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from decimal import Context as Precision
from functools import lru_cache
from typing import Any

from paidflow.actions.contract import HookTransaction
from paidflow.actions.forum_settings import TrustPolicy
from paidflow.store.queries import named
from paidflow.views.batch import Batch
from paidflow.views.real import changes
from paidflow.views.sql import read_sql

_SQL = named(read_sql("item_votes"))
_PRECISION = Precision(prec=28)
_MSATS_PER_SAT = 1000


@dataclass(frozen=True, slots=True)
class Vote:
    """How a person's opinion of an item has changed.

    Args:
        item_id: the item.
        zappers: 1 if the person zaps it now, -1 if not any more, otherwise 0.
        votes_millionths: how much more it is liked.
        downvotes_millionths: how much more it is disliked.
    """

    item_id: str
    zappers: int
    votes_millionths: int
    downvotes_millionths: int


class ItemVotes:
    """What each person has paid for and against each item; nobody else's business.

    Args:
        table: where it is kept.
        trust: how much the opinion of a person counts.
    """

    def __init__(self, table: str, trust: TrustPolicy) -> None:
        self._table = table
        self._trust = trust

    def create(self, tx: HookTransaction) -> None:
        """Create the table, empty."""
        tx.execute(_SQL["create"].format(table=self._table))

    def fold(self, batch: Batch) -> list[Vote]:
        """Fold a batch, and tell how opinions have changed by it.

        The changes of a person always add up to the weight of the total, in whatever order and in
        whatever pieces it was paid.
        """
        rows = batch.select(_SQL["before"].format(table=self._table))
        before = {(row["item_id"], row["actor"]): _totals(row) for row in rows}
        votes: list[Vote] = []
        after: list[dict[str, Any]] = []
        for (item_id, actor), (zapped, downzapped) in sorted(_paid(batch).items()):
            was = before.get((item_id, actor), (0, 0))
            now = (was[0] + zapped, was[1] + downzapped)
            trust = self._trust.trust(actor)
            votes.append(
                Vote(
                    item_id=item_id,
                    zappers=(now[0] > 0) - (was[0] > 0),
                    votes_millionths=weight(trust, now[0]) - weight(trust, was[0]),
                    downvotes_millionths=weight(trust, now[1]) - weight(trust, was[1]),
                )
            )
            after.append(_row(item_id, actor, now))
        batch.insert(self._table, after, _SQL["replace"])
        return votes


@lru_cache(maxsize=65_536)
def weight(trust_millionths: int, total_msats: int) -> int:
    """What a person's vote weighs, in millionths.

    Args:
        trust_millionths: how much his opinion counts, 0 to 1,000,000.
        total_msats: everything that he has paid for the item, or against it.
    """
    total_sats = total_msats // _MSATS_PER_SAT
    if total_sats < 1:
        return 0
    exact = _PRECISION.multiply(_PRECISION.log10(Decimal(total_sats)), trust_millionths)
    return int(exact.to_integral_value(ROUND_HALF_EVEN))


def _paid(batch: Batch) -> Mapping[tuple[str, str], tuple[int, int]]:
    """What people who are logged in have paid in a batch for and against items."""
    acts = batch.look_up(_SQL["acts"])
    paid: dict[tuple[str, str], tuple[int, int]] = {}
    for action_id, sign in changes(batch):
        act = acts.get(action_id)
        if act is None:
            continue
        key, amount = (act["item_id"], act["actor"]), sign * act["amount_msats"]
        zapped, downzapped = paid.get(key, (0, 0))
        up = act["act"] == "zap"
        paid[key] = (zapped + amount * up, downzapped + amount * (not up))
    return paid


def _totals(row: Mapping[str, Any]) -> tuple[int, int]:
    return row["zapped_msats"], row["downzapped_msats"]


def _row(item_id: str, actor: str, totals: tuple[int, int]) -> dict[str, Any]:
    zapped, downzapped = totals
    return {
        "item_id": item_id,
        "actor": actor,
        "zapped_msats": zapped,
        "downzapped_msats": downzapped,
    }
