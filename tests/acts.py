"""What the tests of acts do again and again, and a forum whose people have wallets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from paidflow import Context, Money, PaidAction, Receipt, State
from paidflow.forum import Comment, Discussion, ForumSettings, Forward
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_wallet import SandboxWallet
from paidflow.testing import ManualClock
from paidflow.testing.payer import pay
from tests.actions.support import add_territory
from tests.forum import Forum, open_forum
from tests.zaps import left


def post(
    forum: Forum, author: str | None = "bob", territory: str | None = None, **forwards: int
) -> str:
    """A paid post, which forwards so many per cent to people."""
    lines = tuple(Forward(actor=actor, percent=percent) for actor, percent in forwards.items())
    return forum.done(Discussion(title="Which tea?", territory=territory, forwards=lines), author)


def comment(forum: Forum, parent_id: str, author: str | None = "bob") -> str:
    """A paid comment."""
    return forum.done(Comment(parent_id=parent_id, text="Green tea."), author)


def rows(forum: Forum, sql: str, **params: Any) -> list[Mapping[str, Any]]:
    """Read something from the tables of the forum directly, with views that are up to date."""
    forum.folding.catch_up()
    with forum.flow.store.reading() as tx:
        return [dict(row) for row in tx.execute(sql, **params).fetchall()]


def totals(forum: Forum, item_id: str) -> Mapping[str, Any]:
    """The sums of an item; empty if nothing was ever added to them."""
    found = rows(forum, "select * from forum_item_totals where item_id = :id", id=item_id)
    return found[0] if found else {}


def acts(forum: Forum) -> list[tuple[str, str | None, int]]:
    """The acts that are stored, whether they are paid or not."""
    found = rows(forum, "select act, actor, amount_msats from forum_acts order by created_at, id")
    return [(row["act"], row["actor"], row["amount_msats"]) for row in found]


def gains(forum: Forum, action: PaidAction, actor: str | None, *accounts: str) -> tuple[int, ...]:
    """What accounts get when an action is paid, in millisatoshis."""
    before = left(forum.flow, *accounts)
    forum.done(action, actor)
    return tuple(now - was for now, was in zip(left(forum.flow, *accounts), before, strict=True))


def make_territory(forum: Forum, name: str = "tea", rewards_percent: int = 30) -> None:
    """A territory of dave that gives so much of its fees to the pool."""
    change = "update forum_territories set rewards_percent = :percent where name = :name"
    add_territory(forum, name)
    with forum.flow.transaction() as tx:
        tx.execute(change, percent=rewards_percent, name=name)


FREE = "dave"
"""Where people have wallets, this one writes for nothing."""


class FreeForOne:
    """A policy: one person writes for nothing."""

    def is_free(
        self, ctx: Context, *, kind: str, cost: Money, base_cost: Money, allowed: bool
    ) -> bool:
        return ctx.actor == FREE

    def take(self, ctx: Context) -> None:
        """Nothing is counted."""


class WalletsOf:
    """A policy: these people want everything in a wallet of theirs."""

    def __init__(self, people: Collection[str]) -> None:
        self._people = people

    def names(self, ctx: Context, actor: str, amount: Money) -> Sequence[str]:
        return (wallet_of(actor),) if actor in self._people else ()


def wallet_of(actor: str) -> str:
    """What the wallet of a person is called."""
    return f"wallet of {actor}"


@dataclass(frozen=True)
class DirectForum:
    """A forum, and what its people have received in wallets of their own.

    Args:
        forum: the forum.
        banks: whose wallets are where, by person.
        wallets: the wallets, by person.
    """

    forum: Forum
    banks: Mapping[str, SandboxGateway]
    wallets: Mapping[str, SandboxWallet]

    def got(self, actor: str) -> int:
        """What somebody has received in his wallet, in millisatoshis."""
        return self.banks[actor].total_received().amount

    def paid(self, action: PaidAction, actor: str | None = "ann") -> Receipt:
        """An action that is paid by invoice, and everything that follows from that."""
        receipt = self.forum.pending(action, actor)
        pay(self.forum.flow, self.forum.sandbox, receipt)
        self.forum.work()
        done = self.forum.flow.get(receipt.action_id, actor=actor, proof=receipt.proof)
        assert done.state is State.PAID
        return done


@contextmanager
def open_direct_forum(
    url: str, folder: Path, clock: ManualClock, **limits: int
) -> Iterator[DirectForum]:
    """Open a forum in which some people have wallets; the way to them costs a satoshi."""
    people = ("bob", "carol", FREE)
    banks = {
        actor: SandboxGateway(folder / f"{actor}.db", sandbox=True, clock=clock, account=actor)
        for actor in people
    }
    bank = SandboxGateway(
        folder / "bank.db", sandbox=True, clock=clock, receivers=list(banks.values())
    )
    bank.route_fee = 1_000
    wallets = {actor: SandboxWallet(bank) for actor, bank in banks.items()}
    named = {wallet_of(actor): wallet for actor, wallet in wallets.items()}
    settings = replace(ForumSettings(freebies=FreeForOne(), wallets=WalletsOf(people)), **limits)
    with open_forum(url, bank, clock, settings, named) as forum:
        yield DirectForum(forum, banks, wallets)
