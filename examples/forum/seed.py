"""What the forum begins with, written by its own actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from examples.forum.forum import PEOPLE, Forum
from paidflow import PaidAction, Receipt, State, sats
from paidflow.clock import Clock
from paidflow.forum import (
    Bounty,
    Comment,
    Discussion,
    Downzap,
    Link,
    Poll,
    PollVote,
    TerritoryCreate,
    Zap,
)


def seeded(
    folder: Path,
    *,
    url: str | None = None,
    clock: Clock | None = None,
    settings: Mapping[str, str] | None = None,
) -> Forum:
    """The forum of a folder, filled the first time it is opened.

    Args:
        folder: where its files are.
        url: another database than SQLite in that folder.
        clock: another time than the database's.
        settings: the environment, which says where it is paid.
    """
    forum = Forum.open(folder, url=url, clock=clock, settings=settings)
    if not forum.items.recent(viewer=None):
        seed(forum, PEOPLE)
    return forum


def seed(forum: Forum, people: Iterable[str]) -> None:
    """Write some items, all paid but one.

    Args:
        forum: an empty one.
        people: who has credits afterwards.
    """
    for name in people:
        forum.flow.grant(name, sats(500_000), key=f"welcome of {name}")

    def did(action: PaidAction, actor: str) -> Receipt:
        served = forum.flow.registry.kind(action.kind)  # some gateways serve it in another way
        receipt = forum.flow.perform(served.model_validate(action.model_dump()), actor=actor)
        assert receipt.state is State.PAID, receipt.state
        return receipt

    for name, owner, about in (
        ("tea", "carol", "Leaves, water, patience"),
        ("maps", "dave", "Where things are, and how to draw them"),
    ):
        did(TerritoryCreate(name=name, description=about, base_cost_sats=10), owner)
    tea = did(Discussion(title="Which tea for a long night?", territory="tea"), "ann")
    text = "Start at the coast, it is the only line that nobody argues about."
    maps = did(
        Discussion(title="How I draw a map from memory", text=text, territory="maps"), "dave"
    )
    did(Link(title="The event log of a payment, explained", url="https://log.example/paid"), "bob")
    poll = did(
        Poll(title="When should an invoice expire?", options=("10 minutes", "1 hour", "never")),
        "carol",
    )
    bounty = did(Bounty(title="Find the bug in my compass", bounty_sats=5_000), "dave")
    green = did(Comment(parent_id=tea.action_id, text="Green, and not too hot."), "bob")
    did(Comment(parent_id=green.action_id, text="70 degrees, and two minutes."), "carol")
    did(Comment(parent_id=tea.action_id, text="Black. It is a long night."), "dave")
    did(Comment(parent_id=maps.action_id, text="And where do you end?"), "ann")
    did(Comment(parent_id=bounty.action_id, text="Is there iron in the table?"), "bob")
    for item, actor, amount in (
        (tea, "bob", 210),
        (tea, "carol", 21),
        (maps, "ann", 1_000),
        (green, "ann", 42),
        (bounty, "carol", 10),
    ):
        did(Zap(item_id=item.action_id, amount_sats=amount), actor)
    did(Downzap(item_id=bounty.action_id, amount_sats=5), "ann")
    for voter, option in (("ann", 1), ("bob", 2)):
        did(PollVote(item_id=poll.action_id, option=option), voter)
    forum.worker().run_until_idle()
