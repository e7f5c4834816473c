"""What people spent, got and own, worked out from the truth in the most naive way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from paidflow import PaidFlow, Reader, State
from paidflow.forum import Notifications, Profiles, Statistics, Territories, WalletHistory
from paidflow.ledger.accounts import person_of
from tests.moves import PEOPLE, SYSTEM, TERRITORIES
from tests.truth import Truth

ALL = 1000
SINCE, UNTIL = date(2000, 1, 1), date(2100, 1, 1)
INCOMES = {"gift": "gift", "rewards-payout": "reward", "territory-revenue": "revenue"}
"""What somebody is told who gets something by an action of a kind."""

OPEN = (State.PENDING, State.PENDING_HELD, State.HELD, State.CAPTURING, State.RETRYING)

Compared = Iterator[tuple[str, Any, Any]]
Sums = tuple[int, int, int]
"""How often, spent, and got."""


def compared_money(flow: PaidFlow, reader: Reader, truth: Truth, viewer: str | None) -> Compared:
    """What is shown, and what is true."""
    sums = _sums(truth)
    yield "statistics", _days(Statistics(reader).days(SINCE, UNTIL)), _of_all(sums)
    for person in PEOPLE:
        profile = Profiles(reader).one(person, viewer=viewer)
        mine = [line for (who, _, _), line in sums.items() if who == person]
        true = sum(line[1] for line in mine), sum(line[2] for line in mine)
        shown = profile.spent.amount, profile.stacked.amount
        yield f"what {person} spent and got", shown, true
    if viewer is None:
        return
    lines = {(day, kind): line for (who, day, kind), line in sums.items() if who == viewer}
    yield "own statistics", _days(Statistics(reader).days_of(viewer, SINCE, UNTIL)), _shown(lines)
    told = Counter(
        (line.kind, line.amount.amount)
        for line in Notifications(reader).page(viewer, limit=ALL)
        if line.kind in INCOMES.values()
    )
    yield "incomes", told, _incomes(truth, viewer)
    pending = WalletHistory(flow, reader).pending(viewer, limit=ALL)
    waiting = [i for i, who in truth.actors.items() if who == viewer and truth.states[i] in OPEN]
    yield "what waits", sorted(line.action_id for line in pending), sorted(waiting)


def _sums(truth: Truth) -> Mapping[tuple[str, str, str], Sums]:
    """Per person, day and kind of action; what is not real counts nothing."""
    sums: defaultdict[tuple[str, str, str], Sums] = defaultdict(lambda: (0, 0, 0))

    def add(who: str | None, action_id: str, times: int, spent: int, stacked: int) -> None:
        kind = truth.requested[action_id].kind
        key = who or "", truth.paid_at[action_id].date().isoformat(), kind
        before = sums[key]
        sums[key] = before[0] + times, before[1] + spent, before[2] + stacked

    for action_id, asked in truth.requested.items():
        if not truth.real(action_id):
            continue
        add(asked.actor, action_id, 1, 0, 0)
        if asked.kind in ("gift", "buy-credits"):
            continue
        to_others = asked.cost.amount
        for line in asked.payouts:
            person = person_of(line.account)
            if person == asked.actor and person is not None:
                to_others -= line.amount.amount
            elif person is not None:
                add(person, action_id, 0, 0, line.amount.amount)
        if asked.actor != SYSTEM:
            add(asked.actor, action_id, 0, to_others, 0)
    return sums


def _of_all(sums: Mapping[tuple[str, str, str], Sums]) -> Mapping[tuple[str, str], Sums]:
    found: defaultdict[tuple[str, str], Sums] = defaultdict(lambda: (0, 0, 0))
    for (_, day, kind), line in sums.items():
        before = found[day, kind]
        found[day, kind] = before[0] + line[0], before[1] + line[1], before[2] + line[2]
    return _shown(found)


def _shown(lines: Mapping[tuple[str, str], Sums]) -> Mapping[tuple[str, str], Sums]:
    return {key: line for key, line in lines.items() if any(line)}


def _days(lines: Any) -> Mapping[tuple[str, str], Sums]:
    found = {
        (line.day.isoformat(), line.kind): (line.times, line.spent.amount, line.stacked.amount)
        for line in lines
    }
    return _shown(found)


def _incomes(truth: Truth, viewer: str) -> Counter[tuple[str, int]]:
    """What somebody got that is no zap."""
    return Counter(
        (INCOMES[asked.kind], line.amount.amount)
        for action_id, asked in truth.requested.items()
        if asked.kind in INCOMES and truth.real(action_id)
        for line in asked.payouts
        if person_of(line.account) == viewer
    )


def compared_territories(flow: PaidFlow, reader: Reader, truth: Truth) -> Compared:
    """The territories, which are the same for everybody."""
    territories = Territories(flow, reader)
    going: list[str] = []
    for name in TERRITORIES:
        line = territories.one(name.swapcase())
        true = _territory(truth, name)
        if line is None or true is None:
            yield f"whether {name} is there", line is not None, true is not None
            continue
        terms = line.name, line.owner, line.description, line.status == "stopped"
        stopped = _is_stopped(truth, name)
        yield name, terms, (true["name"], true["owner"], true["description"], stopped)
        yield f"what is in {name}", (line.posts, line.stacked.amount), _content(truth, true["name"])
        going += [] if stopped else [true["name"]]
    for listed in (territories.by_name, territories.by_posts, territories.by_stacked):
        yield "territories", sorted(line.name for line in listed(limit=ALL)), sorted(going)


def _applied(truth: Truth, name: str) -> list[Mapping[str, Any]]:
    """The changes of a territory that were paid once, the last one at the end."""
    found = [row for row in truth.changes if row["name"] == name and row["id"] in truth.paid_at]
    return sorted(found, key=lambda row: row["version"])


def _territory(truth: Truth, name: str) -> Mapping[str, Any] | None:
    applied = _applied(truth, name)
    return applied[-1] if applied else None


def _is_stopped(truth: Truth, name: str) -> bool:
    """Whether the last payment for it went back."""
    bills = [row for row in _applied(truth, name) if row["cost_msats"]]
    return not truth.real(bills[-1]["id"])


def _content(truth: Truth, name: str) -> tuple[int, int]:
    """How many posts are in a territory, and what was zapped there."""
    posts = [
        item_id
        for item_id, row in truth.items.items()
        if (row["territory"], row["parent_id"], row["deleted_at"]) == (name, None, None)
        and truth.real(item_id)
    ]
    zapped = sum(
        sum(truth.paid_by("zap", item_id).values())
        for post in posts
        for item_id in (post, *truth.below(post))
    )
    return len(posts), zapped
