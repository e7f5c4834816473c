"""What people do in a random history, and what the forum does by itself."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from paidflow import POOL, PaidAction, territory
from paidflow.actions.territories import Territory, find_territory
from paidflow.forum import (
    Bio,
    Boost,
    Bounty,
    BountyPayment,
    BuyCredits,
    Comment,
    DeleteItem,
    Discussion,
    Donate,
    Downzap,
    Gift,
    Job,
    Link,
    Poll,
    PollVote,
    RewardsPayout,
    TerritoryBilling,
    TerritoryCreate,
    TerritoryRevenue,
    TerritoryTransfer,
    TerritoryUnarchive,
    TerritoryUpdate,
    UpdateComment,
    UpdatePost,
    Zap,
)
from tests.forum import Forum

PEOPLE = ("ann", "bob", "carol", "dave")
VIEWERS = (*PEOPLE, "erin", None)
WORDS = ("tea", "coffee", "water")
TERRITORIES = ("leaves", "Beans")
SYSTEM = "system"


@dataclass
class Scene:
    """Where somebody does something.

    Args:
        forum: in which forum.
        chance: what it is, as long as there is a choice.
        actor: who; a move that only one person may make is most often left to that person.
    """

    forum: Forum
    chance: random.Random
    actor: str | None

    def item(self, *kinds: str) -> str | None:
        """An item, most often one that is paid."""
        wanted = f"kind in ({', '.join(map(repr, kinds))})" if kinds else "true"
        row = self._one_of(f"{wanted} and live" if self.chance.random() < 0.9 else wanted)
        return row and row["id"]

    def written(self, kind: str) -> str | None:
        """An item, most often one of the actor."""
        row = self._one_of(f"kind = '{kind}'")
        if row is not None:
            self._leave_to(row["author"])
        return row and row["id"]

    def answer(self) -> str | None:
        """A comment below a bounty, which most often the actor has promised."""
        bounty = self._one_of("kind = 'bounty' and live")
        if bounty is None:
            return None
        self._leave_to(bounty["author"])
        row = self._one_of(f"kind = 'comment' and live and root_id = '{bounty['id']}'")
        return row and row["id"]

    def title(self) -> str:
        """A title that nothing else has, with a word that others have as well."""
        return f"Some {self.chance.choice(WORDS)} {self.chance.randrange(10**6)}"

    def person(self) -> str:
        """Somebody, perhaps the actor himself."""
        return self.chance.choice(PEOPLE)

    def territory(self) -> Territory | None:
        """A territory."""
        with self.forum.flow.store.reading() as tx:
            return find_territory(tx, self.chance.choice(TERRITORIES))

    def own_territory(self) -> Territory | None:
        """A territory, most often one of the actor."""
        found = self.territory()
        if found is not None:
            self._leave_to(found.owner)
        return found

    def _leave_to(self, actor: str | None) -> None:
        if self.chance.random() < 0.8:
            self.actor = actor

    def _one_of(self, wanted: str) -> Mapping[str, Any] | None:
        query = f"select id, author from forum_items where {wanted} order by id"
        with self.forum.flow.store.reading() as tx:
            rows = tx.execute(query).fetchall()
        return self.chance.choice(rows) if rows else None


T = TypeVar("T")
Move = Callable[[Scene], PaidAction | None]


def _on(find: Callable[[Scene], T | None], make: Callable[[Scene, T], PaidAction | None]) -> Move:
    """What is done to something, if there is such a thing."""

    def move(scene: Scene) -> PaidAction | None:
        found = find(scene)
        return None if found is None else make(scene, found)

    return move


def _on_item(make: Callable[[Scene, str], PaidAction], *kinds: str) -> Move:
    return _on(lambda scene: scene.item(*kinds), make)


def _on_own(make: Callable[[Scene, str], PaidAction], kind: str) -> Move:
    return _on(lambda scene: scene.written(kind), make)


def _edited(scene: Scene, item: str) -> UpdatePost:
    boost_sats = scene.chance.choice((0, 0, 10_000))
    return UpdatePost(item_id=item, post=Discussion(title=scene.title(), boost_sats=boost_sats))


def _terms(scene: Scene, name: str) -> dict[str, Any]:
    return {"name": name, "description": scene.title(), "base_cost_sats": 10, "rewards_percent": 30}


def _rewards(scene: Scene) -> RewardsPayout | None:
    parts = scene.forum.flow.balance_of(POOL).amount // 4
    winners = scene.chance.sample(PEOPLE, 2)
    rewards = {who: scene.chance.randrange(1, parts) for who in winners} if parts > 1 else None
    return RewardsPayout(day="2030-01-01", rewards_msats=rewards) if rewards else None


def _revenue(scene: Scene, found: Territory) -> TerritoryRevenue | None:
    earned = scene.forum.flow.balance_of(territory(found.name)).amount
    if earned <= 1_000:
        return None
    return TerritoryRevenue(
        name=found.name, owner=found.owner, day="2030-01-01", amount_msats=earned
    )


MOVES: Mapping[str, Move] = {
    "discussion": lambda s: Discussion(title=s.title()),
    "link": lambda s: Link(title=s.title(), url=f"https://example.com/{s.chance.randrange(5)}"),
    "poll": lambda s: Poll(title=s.title(), options=("green", "black")),
    "bounty": lambda s: Bounty(title=s.title(), bounty_sats=1000),
    "comment": _on_item(lambda s, item: Comment(parent_id=item, text=s.title())),
    "answer": _on_item(lambda s, item: Comment(parent_id=item, text=s.title()), "comment"),
    "zap": _on_item(lambda s, item: Zap(item_id=item, amount_sats=s.chance.randrange(1, 2000))),
    "downzap": _on_item(
        lambda s, item: Downzap(item_id=item, amount_sats=s.chance.randrange(1, 99))
    ),
    "boost": _on_item(lambda s, item: Boost(item_id=item, amount_sats=10_000)),
    "vote": _on_item(
        lambda s, item: PollVote(item_id=item, option=s.chance.choice((1, 2))), "poll"
    ),
}
"""What people do most."""

RARE_MOVES: Mapping[str, Move] = {
    "job": lambda s: Job(title=s.title(), text=s.title(), company="Cups", url="a@b.c", remote=True),
    "bio": lambda s: Bio(text=s.title()),
    "edit": _on_own(_edited, "discussion"),
    "comment edit": _on_own(lambda s, i: UpdateComment(item_id=i, text=s.title()), "comment"),
    "deletion": _on_own(lambda _, item: DeleteItem(item_id=item), "comment"),
    "bounty payment": _on(Scene.answer, lambda _, item: BountyPayment(item_id=item)),
    "gift": lambda s: Gift(to=s.person(), amount_sats=s.chance.randrange(1, 500)),
    "donation": lambda s: Donate(amount_sats=s.chance.randrange(1, 500)),
    "credits": lambda s: BuyCredits(amount_sats=s.chance.randrange(1, 50_000)),
    "territory": lambda s: TerritoryCreate(**_terms(s, s.chance.choice(TERRITORIES))),
    "post there": _on(Scene.territory, lambda s, t: Discussion(title=s.title(), territory=t.name)),
    "link there": _on(
        Scene.territory,
        lambda s, t: Link(title=s.title(), territory=t.name, url="https://example.com/9"),
    ),
    "terms": _on(
        Scene.own_territory,
        lambda s, t: TerritoryUpdate(
            **_terms(s, t.name),
            billing=s.chance.choice(("monthly", "yearly")),
            seen_version=t.version,
        ),
    ),
    "transfer": _on(
        Scene.own_territory,
        lambda s, t: TerritoryTransfer(name=t.name, seen_version=t.version, to=s.person()),
    ),
    "bill": _on(
        Scene.own_territory, lambda _, t: TerritoryBilling(name=t.name, seen_version=t.version)
    ),
    "revival": _on(
        Scene.territory,
        lambda s, t: TerritoryUnarchive(**_terms(s, t.name), seen_version=t.version),
    ),
}
"""What they do now and then."""

OWN_MOVES: Mapping[str, Move] = {"rewards": _rewards, "revenue": _on(Scene.territory, _revenue)}
"""What the forum does by itself."""
