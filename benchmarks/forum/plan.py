"""Who does what and when in a forum of a certain size; the same in every run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from benchmarks.cases import Size
from benchmarks.forum.ids import ACTION, id_of
from paidflow import PaidAction
from paidflow.forum import Boost, Comment, Discussion, Downzap, Zap

BEGAN = datetime(2030, 1, 1, tzinfo=UTC)
PAUSE_S = 601
"""Whoever comes again later than the spam window pays the usual price."""

ACTIONS: tuple[type[PaidAction], ...] = (Boost, Comment, Discussion, Downzap, Zap)
"""What people do."""

PURSE_SATS = 10**9
HOT_ACTORS = 997
ITEMS_PER_ACTOR = 50
COMMENTS_PER_POST = 9
UNPAID_EVERY = 20
UNPAID_POST_EVERY = 200
BOOST_EVERY = 500
DOWNZAP_EVERY = 10
ZAP_SATS_MAX = 1_000
BOOST_SATS = 10_000
_WORDS = ("tea", "coffee", "roses", "cats", "chess", "rain", "bread", "trains", "maps", "stars")


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a forum is.

    Args:
        items: posts and comments.
        acts: zaps, downzaps and boosts for each of them.
        tree: how many paid comments are below the first post.
        actors: how many people take turns; a prime, so that each does some of everything.
    """

    items: int
    acts: int
    tree: int
    actors: int

    @property
    def steps(self) -> int:
        """How many actions it has."""
        return self.items * (1 + self.acts)

    @property
    def tick_s(self) -> int:
        """How many seconds are between two actions."""
        return -(-PAUSE_S // self.actors)


def shape_of(size: Size) -> Shape:
    """The forum of a run."""
    return Shape(size.items, size.acts, size.tree, _prime(max(31, size.items // ITEMS_PER_ACTOR)))


def hot_shape_of(size: Size) -> Shape:
    """The forum of a run in which everybody acts on one item."""
    return Shape(items=1, acts=size.hot_acts, tree=0, actors=HOT_ACTORS)


def _prime(least: int) -> int:
    while any(least % divisor == 0 for divisor in range(2, int(least**0.5) + 1)):
        least += 1
    return least


@dataclass(frozen=True, slots=True)
class Written:
    """An item that others can answer.

    Args:
        id: its id.
        author: who wrote it.
        root_id: the post that it is under, or its own id.
        ancestors: the ids of the items above it, its parent first.
    """

    id: str
    author: str
    root_id: str
    ancestors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One action.

    Args:
        number: which one, from 0.
        at: when.
        actor: who does it.
        action: what.
        paid: whether it is paid from credits, or waits for its payment.
        target: the item that it answers or is done to.
    """

    number: int
    at: datetime
    actor: str
    action: PaidAction
    paid: bool = True
    target: Written | None = None

    @property
    def action_id(self) -> str:
        """The id that the action has."""
        return id_of(self.number, self.at, ACTION)


@dataclass(slots=True)
class Plan:
    """The actions of a forum one after the other.

    Args:
        shape: how large it is.
    """

    shape: Shape
    _items: list[Written] = field(default_factory=list[Written])
    _large: list[Written] = field(default_factory=list[Written])
    _thread: list[Written] = field(default_factory=list[Written])

    def steps(self) -> Iterator[Step]:
        """All of them, each item followed by acts on items that are there already."""
        for number in range(self.shape.steps):
            place, rest = divmod(number, 1 + self.shape.acts)
            yield self._act(number) if rest else self._item(number, place)

    def _item(self, number: int, place: int) -> Step:
        # Comments, and now and then a post.
        unpaid = place % UNPAID_EVERY == UNPAID_EVERY - 1 or place % UNPAID_POST_EVERY == 30
        actor = f"guest-{place}" if unpaid else self._actor(number)
        item_id = id_of(number, self._at(number), ACTION)
        words = f"{_WORDS[place % 10]} and {_WORDS[_mixed(number) % 10]}"
        parent = self._parent(number, place)
        if parent is None:
            action: PaidAction = Discussion(title=f"{place}: {words}", text=f"About {words}.")
            written = Written(item_id, actor, item_id)
        else:
            action = Comment(parent_id=parent.id, text=f"{place}: I like {words}.")
            written = Written(item_id, actor, parent.root_id, (parent.id, *parent.ancestors))
        if not unpaid:
            self._append(written)
        return Step(number, self._at(number), actor, action, not unpaid, parent)

    def _parent(self, number: int, place: int) -> Written | None:
        """What an item answers; ``None`` for a post."""
        if place % (1 + COMMENTS_PER_POST) == 0:
            return None
        is_large = len(self._large) <= self.shape.tree and place % 2 == 0
        thread = self._large if is_large else self._thread
        return thread[_mixed(number) % len(thread)]

    def _append(self, written: Written) -> None:
        self._items.append(written)
        if not self._large:
            self._large = [written]
        if not written.ancestors:
            self._thread = [written]
        elif written.root_id == self._large[0].id:
            self._large.append(written)
        else:
            self._thread.append(written)

    def _act(self, number: int) -> Step:
        actor, mixed = self._actor(number), _mixed(number)
        # Newer items get more.
        place = len(self._items) - 1 - len(self._items) * (mixed % 2**16) ** 2 // 2**32
        target = self._items[place]
        if target.author == actor:
            actor = self._actor(number + 1)
        amount = 1 + mixed % ZAP_SATS_MAX
        if number % BOOST_EVERY == 1:
            action: PaidAction = Boost(item_id=target.id, amount_sats=BOOST_SATS)
        elif number % DOWNZAP_EVERY == 1:
            action = Downzap(item_id=target.id, amount_sats=amount)
        else:
            action = Zap(item_id=target.id, amount_sats=amount)
        return Step(number, self._at(number), actor, action, target=target)

    def _at(self, number: int) -> datetime:
        return BEGAN + timedelta(seconds=(number + 1) * self.shape.tick_s)

    def _actor(self, number: int) -> str:
        return f"actor-{number % self.shape.actors}"


def _mixed(number: int) -> int:
    """A number that looks like chance."""
    mixed = (number + 1) * 0x9E3779B97F4A7C15 % 2**64
    return (mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9 % 2**64 >> 24
