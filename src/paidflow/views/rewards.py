"""The pool, and who has earned which part of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log10

from paidflow.actions.forum_settings import EqualTrust, TrustPolicy
from paidflow.flow.paid_flow import PaidFlow
from paidflow.ledger.accounts import POOL
from paidflow.money import Money
from paidflow.store.queries import named
from paidflow.views.reader import Reader
from paidflow.views.sql import read_sql

_SQL = named(read_sql("opinions"))


@dataclass(frozen=True, slots=True)
class RewardedItem:
    """An item that has earned a part of the pool.

    Args:
        item_id: the item.
        author: who wrote it.
        weight: the sum of what its zappers' opinions weigh, in millionths.
        opinions: who zapped it, and what his opinion weighs.
    """

    item_id: str
    author: str
    weight: int
    opinions: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Reward:
    """What a person gets of the pool."""

    actor: str
    amount: Money


class Rewards:
    """Reads what is in the pool, and divides an amount among those who have earned it.

    The opinion of a person about an item weighs ``trust * log10(1 + zapped sats)``. An item weighs
    what all opinions about it weigh together; the heaviest ones are rewarded. Of the amount each
    gets its part by weight: its author a share of that, and its zappers the rest, each by the
    weight of his opinion. Everything is rounded down; what is left over stays in the pool.
    Logged-out people neither count nor get something.

    Args:
        flow: whose pool.
        reader: what keeps the rule of who sees what.
        trust: how much the opinion of a person counts.
        items_max: how many items are rewarded.
        author_percent: the share of the authors.
    """

    def __init__(
        self,
        flow: PaidFlow,
        reader: Reader,
        *,
        trust: TrustPolicy | None = None,
        items_max: int = 100,
        author_percent: int = 50,
    ) -> None:
        self._flow = flow
        self._reader = reader
        self._trust = trust or EqualTrust()
        self._items_max = items_max
        self._author_percent = author_percent

    def pool(self) -> Money:
        """What is in the pool."""
        return self._flow.balance_of(POOL)

    def items(self, since: datetime, until: datetime) -> list[RewardedItem]:
        """The items that are rewarded, the heaviest first.

        Args:
            since: only items that were paid from this moment on.
            until: and before this one.
        """
        rows = self._reader.select(_SQL["zaps"], viewer=None, since=since, until=until)
        authors: dict[str, str] = {}
        opinions: dict[str, list[tuple[str, int]]] = {}
        for row in rows:
            powers = log10(1 + row["zapped_msats"] // 1000)
            weight = round(self._trust.trust(row["actor"]) * powers)
            if weight:
                authors[row["id"]] = row["author"]
                opinions.setdefault(row["id"], []).append((row["actor"], weight))
        found = [
            RewardedItem(item_id, authors[item_id], sum(w for _, w in told), tuple(told))
            for item_id, told in opinions.items()
        ]
        found.sort(key=lambda item: (-item.weight, item.item_id))
        return found[: self._items_max]

    def people(self, amount: Money, since: datetime, until: datetime) -> list[Reward]:
        """Who gets how much of an amount, the largest part first.

        Args:
            amount: what is to be divided, such as what is in the pool.
            since: only items that were paid from this moment on.
            until: and before this one.
        """
        return divided(amount, self.items(since, until), self._author_percent)


def divided(amount: Money, items: Sequence[RewardedItem], author_percent: int) -> list[Reward]:
    """An amount, divided among the authors and the zappers of items."""
    parts: Counter[str] = Counter()
    for item in items:
        parts[item.author] += item.weight * author_percent
        for actor, weight in item.opinions:
            parts[actor] += weight * (100 - author_percent)
    whole = sum(item.weight for item in items) * 100
    rewards = [
        Reward(actor, Money(amount.amount * part // whole, amount.currency))
        for actor, part in parts.items()
    ]
    rewards.sort(key=lambda reward: (-reward.amount.amount, reward.actor))
    return [reward for reward in rewards if reward.amount.amount]
