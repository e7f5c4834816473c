"""What people think of each other, and what is rewarded for it, in the most naive way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import log10
from typing import Any

from paidflow import PaidFlow, Reader
from paidflow.forum import Rewards, opinions
from tests.truth import Truth

SINCE, UNTIL = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def compared_opinions(
    flow: PaidFlow, reader: Reader, truth: Truth
) -> Iterator[tuple[str, Any, Any]]:
    """What is shown, and what is true; it is the same for everybody."""
    shown = {(o.actor, o.author): (o.zapped, o.downzapped) for o in opinions(reader)}
    yield "opinions", shown, _opinions(truth)
    rewarded = Rewards(flow, reader, items_max=10**6).items(SINCE, UNTIL)
    yield "rewarded items", {r.item_id: dict(r.opinions) for r in rewarded}, _rewarded(truth)
    weights = [(r.author, r.weight) for r in rewarded]
    summed = [(truth.items[r.item_id]["author"], sum(w for _, w in r.opinions)) for r in rewarded]
    yield "weights", weights, summed
    yield "their order", weights, sorted(weights, key=lambda line: -line[1])


def _others(truth: Truth, act: str) -> Iterator[tuple[str, str, str, int]]:
    """Real acts of people on real items of others: item, actor, author, millisatoshis."""
    for item_id, row in truth.items.items():
        author = row["author"]
        if author is None or not truth.real(item_id):
            continue
        for actor, amount in truth.paid_by(act, item_id).items():
            if actor is not None and actor != author:
                yield item_id, actor, author, amount


def _opinions(truth: Truth) -> Mapping[tuple[str, str], tuple[int, int]]:
    counts: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for place, act in enumerate(("zap", "downzap")):
        for _, actor, author, _ in _others(truth, act):
            counts[actor, author][place] += 1
    return {pair: (zapped, downzapped) for pair, (zapped, downzapped) in counts.items()}


def _rewarded(truth: Truth) -> Mapping[str, Mapping[str, int]]:
    """What the opinion of each zapper weighs, by item; of items that were deleted none."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for item_id, actor, _, amount in _others(truth, "zap"):
        weight = round(1_000_000 * log10(1 + amount // 1000))
        if weight and truth.items[item_id]["deleted_at"] is None:
            found[item_id][actor] = weight
    return dict(found)
