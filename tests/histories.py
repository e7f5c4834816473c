"""Random histories of a forum: several people, all acts, all outcomes; and the truth about them.

The truth is read from the log of events alone, by other means than those of the views.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from paidflow import PaidAction, PaidFlow, PaidflowError, Receipt, State, sats
from paidflow.forum import Boost, Bounty, Comment, Discussion, Downzap, Link, Poll, PollVote, Zap
from paidflow.states import codec
from paidflow.states.events import Paid
from paidflow.states.evolve import fold
from paidflow.testing.payer import invoice_of, pay, sync
from tests.forum import Forum

PEOPLE = ("ann", "bob", "carol", "dave")
VIEWERS = (*PEOPLE, "erin", None)
WORDS = ("tea", "coffee", "water")


class History:
    """Plays a random history.

    Args:
        forum: where.
        seed: the same seed plays the same history.
    """

    def __init__(self, forum: Forum, seed: int) -> None:
        self.forum = forum
        self.chance = random.Random(seed)
        self.receipts: list[Receipt] = []
        self.done: defaultdict[str, int] = defaultdict(int)
        """What has happened, and how often."""

    def play(self, steps: int) -> None:
        """Let people act, and their payments end in all ways that there are."""
        for actor in PEOPLE[:2]:
            self.forum.flow.grant(actor, sats(100_000), key=f"start {actor}")
        for _ in range(steps):
            self.forum.clock.tick(self.chance.choice((1, 30, 60, 300)))
            self.step()
        self.forum.worker.run_until_idle()

    def step(self) -> None:
        """One person does something, or something becomes of what was done before."""
        if self.receipts and self.chance.random() < 0.45:
            self.outcome(self.chance.choice(self.receipts[-6:]))
        else:
            self.act(self.chance.choice((*PEOPLE, None)))

    def act(self, actor: str | None) -> Receipt | None:
        """Somebody does something; not all of it is allowed."""
        kind = self.chance.choice(tuple(MOVES))
        action = MOVES[kind](self)
        if action is None:
            return None
        with suppress(PaidflowError):
            receipt = self.forum.flow.perform(action, actor=actor)
            self.receipts.append(receipt)
            self.done[f"{kind}:{receipt.state}"] += 1
            return receipt
        self.done[f"{kind}:refused"] += 1
        return None

    def outcome(self, receipt: Receipt) -> None:
        """What may become of a payment."""
        name = self.chance.choice(tuple(OUTCOMES))
        with suppress(PaidflowError, AssertionError):
            OUTCOMES[name](self, receipt)
            self.done[name] += 1

    def item(self, kinds: Sequence[str] = ()) -> str | None:
        """An item, most often one that is paid."""
        wanted = f"where kind in ({', '.join(map(repr, kinds))})" if kinds else "where true"
        if self.chance.random() < 0.9:
            wanted += " and live"
        with self.forum.flow.store.reading() as tx:
            rows = tx.execute(f"select id from forum_items {wanted} order by id").fetchall()
        return self.chance.choice(rows)["id"] if rows else None

    def title(self) -> str:
        return f"Some {self.chance.choice(WORDS)} {self.chance.randrange(10**6)}"

    # What may become of a payment.

    def _pays(self, receipt: Receipt) -> None:
        pay(self.forum.flow, self.forum.sandbox, receipt)

    def _expires(self, receipt: Receipt) -> None:
        assert self.forum.sandbox.expire(invoice_of(receipt))
        sync(self.forum.flow, receipt)

    def _tries_again(self, receipt: Receipt) -> None:
        retried = self.forum.flow.retry(receipt.action_id, proof=receipt.proof)
        self.receipts.append(retried.model_copy(update={"proof": receipt.proof}))

    def _pays_late(self, receipt: Receipt) -> None:
        pay(self.forum.flow, self.forum.sandbox, receipt, late=True)

    def _is_refunded(self, receipt: Receipt) -> None:
        self.forum.flow.refund(receipt.action_id, operator="op", why="a test")
        self.forum.worker.run_until_idle()

    def _cancels(self, receipt: Receipt) -> None:
        self.forum.flow.cancel(receipt.action_id, proof=receipt.proof)


def _on_item(make: Callable[[History, str], PaidAction], *kinds: str) -> Callable[..., Any]:
    def move(history: History) -> PaidAction | None:
        item = history.item(kinds)
        return None if item is None else make(history, item)

    return move


MOVES: Mapping[str, Callable[[History], PaidAction | None]] = {
    "discussion": lambda h: Discussion(title=h.title()),
    "link": lambda h: Link(title=h.title(), url=f"https://example.com/{h.chance.randrange(5)}"),
    "poll": lambda h: Poll(title=h.title(), options=("green", "black")),
    "bounty": lambda h: Bounty(title=h.title(), bounty_sats=1000),
    "comment": _on_item(lambda h, item: Comment(parent_id=item, text=h.title())),
    "answer": _on_item(lambda h, item: Comment(parent_id=item, text=h.title()), "comment"),
    "zap": _on_item(lambda h, item: Zap(item_id=item, amount_sats=h.chance.randrange(1, 2000))),
    "downzap": _on_item(
        lambda h, item: Downzap(item_id=item, amount_sats=h.chance.randrange(1, 99))
    ),
    "boost": _on_item(lambda h, item: Boost(item_id=item, amount_sats=10_000)),
    "vote": _on_item(
        lambda h, item: PollVote(item_id=item, option=h.chance.choice((1, 2))), "poll"
    ),
}
"""What people do."""

OUTCOMES: Mapping[str, Callable[[History, Receipt], None]] = {
    "pays": History._pays,  # pyright: ignore[reportPrivateUsage]
    "pays again": History._pays,  # pyright: ignore[reportPrivateUsage]
    "expires": History._expires,  # pyright: ignore[reportPrivateUsage]
    "tries again": History._tries_again,  # pyright: ignore[reportPrivateUsage]
    "pays late": History._pays_late,  # pyright: ignore[reportPrivateUsage]
    "is refunded": History._is_refunded,  # pyright: ignore[reportPrivateUsage]
    "cancels": History._cancels,  # pyright: ignore[reportPrivateUsage]
}


@dataclass(frozen=True)
class Truth:
    """What is true of every action, read from the log.

    Args:
        states: where each stands.
        actors: whose each is.
        items: the rows of the items, as they were written.
        acts: the rows of the acts.
        ballots: how many paid votes each poll has.
    """

    states: Mapping[str, State]
    actors: Mapping[str, str | None]
    items: Mapping[str, Mapping[str, Any]]
    acts: Sequence[Mapping[str, Any]]
    ballots: Mapping[str, int]

    def real(self, action_id: str) -> bool:
        """Whether everybody sees it."""
        return self.states.get(action_id[:36]) is State.PAID

    def seen(self, action_id: str, viewer: str | None) -> bool:
        """Whether a viewer sees it."""
        mine = viewer is not None and self.actors.get(action_id[:36]) == viewer
        return self.real(action_id) or mine

    def seen_items(self, viewer: str | None) -> list[str]:
        """The items that a viewer sees."""
        return [item_id for item_id in self.items if self.seen(item_id, viewer)]

    def above(self, item_id: str) -> list[str]:
        """The items above an item, its parent first."""
        found: list[str] = []
        while (parent := self.items[item_id]["parent_id"]) is not None:
            found.append(parent)
            item_id = parent
        return found

    def below(self, item_id: str) -> list[str]:
        """The comments below an item."""
        return [other for other in self.items if item_id in self.above(other)]

    def paid_by(self, act: str, item_id: str) -> dict[str | None, int]:
        """What each person has really paid for an act on an item, in millisatoshis."""
        sums: defaultdict[str | None, int] = defaultdict(int)
        for row in self.acts:
            if (row["act"], row["item_id"]) == (act, item_id) and self.real(row["id"]):
                sums[row["actor"]] += row["amount_msats"]
        return dict(sums)


def truth_of(flow: PaidFlow) -> Truth:
    """Read the log and the application's rows, and nothing that paidflow has made of them."""
    events: defaultdict[str, list[Any]] = defaultdict(list)
    with flow.store.reading() as tx:
        log = tx.execute(
            "select originator_id, topic, state from paidflow_log"
            " order by originator_id, originator_version"
        ).fetchall()
        items = tx.execute("select * from forum_items order by id").fetchall()
        acts = tx.execute("select * from forum_acts").fetchall()
        ballots = tx.execute("select id, item_id from forum_ballots").fetchall()
    for row in log:
        if row["topic"].startswith("paid-action."):
            event = codec.decode(row["topic"], bytes(row["state"]))
            events[row["originator_id"]].append(event)
    folded = {action_id: fold(None, found) for action_id, found in events.items()}
    return Truth(
        states={action_id: a.state for action_id, a in folded.items()},
        actors={action_id: a.actor for action_id, a in folded.items()},
        items={row["id"]: row for row in items},
        acts=acts,
        ballots=Counter(row["item_id"] for row in ballots if _was_paid(events[row["id"]])),
    )


def _was_paid(events: Iterable[Any]) -> bool:
    """Whether it was paid once: a vote that was paid stays, because nobody knows what it was."""
    return any(isinstance(event, Paid) for event in events)
