"""How posts are ranked in the hot list; another policy can take its place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import log10
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a rank is made of; all of it is real, nothing is pending.

    Args:
        paid_at: when the post was paid.
        zapped_msats: what people gave for it.
        downzapped_msats: what people gave against it.
        boosted_msats: what it was boosted by.
    """

    paid_at: datetime
    zapped_msats: int = 0
    downzapped_msats: int = 0
    boosted_msats: int = 0


class Ranking(Protocol):
    """A policy: which posts stand above which."""

    def score(self, standing: Standing) -> int:
        """The higher, the further up; it must not change as time goes by.

        Whoever changes the formula raises the version of ``Ranks``, which are then folded anew.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HotRanking:
    """Newer posts stand above older ones, and ten times the money is worth some hours.

    The score is the second of the payment, plus ``tenfold_h`` hours for each power of ten of one
    satoshi and what was given: ``log10(1 + zapped + boosted) - log10(1 + downzapped)``, in sats.

    Args:
        tenfold_h: how many hours newer a post is that has ten times as much.
    """

    tenfold_h: int = 12

    def score(self, standing: Standing) -> int:
        given_sats = (standing.zapped_msats + standing.boosted_msats) // 1000
        against_sats = standing.downzapped_msats // 1000
        powers = log10(1 + given_sats) - log10(1 + against_sats)
        return round(standing.paid_at.timestamp() + powers * self.tenfold_h * 3600)
