"""The forum: its flow, its gateway, its views, and its worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from examples.forum.gateways import Payments, payments
from examples.forum.own_wallets import Attached, OwnWallets, create
from paidflow import Context, Folding, PaidFlow, Reader, Worker
from paidflow.clock import Clock
from paidflow.forum import (
    EarnedRewards,
    ForumSettings,
    Items,
    Notifications,
    Polls,
    Profiles,
    Rewards,
    Statistics,
    Territories,
    Threads,
    WalletHistory,
    projections,
    tasks,
)
from paidflow.payments.sandbox import SandboxGateway

PEOPLE = ("ann", "bob", "carol", "dave")
LISTS = ("hot", "recent", "top")
WRITTEN = ("discussion", "link", "poll", "bounty", "job")


class Members:
    """Knows who has an account, so that nothing is given to nobody."""

    def knows(self, ctx: Context, actor: str) -> bool:
        return actor in PEOPLE


SETTINGS = ForumSettings(
    post_cost_sats=10,
    comment_cost_sats=5,
    title_characters_min=3,
    people=Members(),
    rewards=EarnedRewards(),
    wallets=Attached(),
)


@dataclass(frozen=True)
class Forum:
    """What pages read and write.

    Args:
        flow: takes the actions.
        folding: keeps the views up to date.
        payments: where it is paid.
    """

    flow: PaidFlow
    folding: Folding
    payments: Payments

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        url: str | None = None,
        clock: Clock | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> Self:
        """Open the forum of a folder.

        Args:
            folder: where its files are; each gateway has a log of its own there.
            url: another database than SQLite in that folder.
            clock: another time than the database's.
            settings: what ``examples.forum.gateways`` reads.
        """
        paid = payments(settings or {}, folder, clock, PEOPLE)
        flow = PaidFlow.open(
            url or f"sqlite:///{folder / f'{paid.name}.db'}",
            actions=paid.actions,
            gateways={paid.name: paid.gateway},
            secret=paid.secret,
            quotes=paid.quotes,
            wallets=paid.own.wallets if paid.own else None,
            create=True,
            clock=clock,
            settings=[SETTINGS],
        )
        create(flow)
        return cls(flow, Folding(flow, projections(SETTINGS)), paid)

    @property
    def bank(self) -> SandboxGateway | None:
        """The sandbox, if that is where it is paid."""
        gateway = self.payments.gateway
        return gateway if isinstance(gateway, SandboxGateway) else None

    @property
    def own_wallets(self) -> OwnWallets | None:
        """The wallets that people can attach, if it is paid at the sandbox."""
        return self.payments.own

    def worker(self) -> Worker:
        """Does what is owed, and folds."""
        return Worker(self.flow, folding=self.folding, tasks=tasks(), poll_s=0.1)

    def close(self) -> None:
        """Close everything."""
        self.flow.close()
        self.payments.close()

    # What people read.

    @property
    def reader(self) -> Reader:
        """Keeps the rule of who sees what."""
        return Reader(self.flow)

    @property
    def items(self) -> Items:
        """Lists of items."""
        return Items(self.reader)

    @property
    def threads(self) -> Threads:
        """Comment trees."""
        return Threads(self.reader)

    @property
    def polls(self) -> Polls:
        """Polls."""
        return Polls(self.reader)

    @property
    def notifications(self) -> Notifications:
        """What people are told."""
        return Notifications(self.reader)

    @property
    def profiles(self) -> Profiles:
        """What is known about people."""
        return Profiles(self.reader)

    @property
    def wallet(self) -> WalletHistory:
        """Statements."""
        return WalletHistory(self.flow, self.reader)

    @property
    def territories(self) -> Territories:
        """Parts of the forum."""
        return Territories(self.flow, self.reader)

    @property
    def rewards(self) -> Rewards:
        """The pool."""
        return Rewards(self.flow, self.reader)

    @property
    def statistics(self) -> Statistics:
        """What happened on each day."""
        return Statistics(self.reader)
