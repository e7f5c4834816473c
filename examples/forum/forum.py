"""The forum: its flow, its bank, its views, and its worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from paidflow import Folding, PaidFlow, Reader, Worker
from paidflow.clock import Clock
from paidflow.forum import (
    ACTIONS,
    ForumSettings,
    Items,
    Notifications,
    Polls,
    Profiles,
    Rewards,
    Territories,
    Threads,
    WalletHistory,
    projections,
    tasks,
)
from paidflow.payments.sandbox import SandboxGateway

SETTINGS = ForumSettings(post_cost_sats=10, comment_cost_sats=5, title_characters_min=3)
PEOPLE = ("ann", "bob", "carol", "dave")
SECRET = "a secret only for this demo"


@dataclass(frozen=True)
class Forum:
    """What pages read and write.

    Args:
        flow: takes the actions.
        bank: the sandbox that is paid at.
        folding: keeps the views up to date.
    """

    flow: PaidFlow
    bank: SandboxGateway
    folding: Folding

    @classmethod
    def open(cls, folder: Path, *, url: str | None = None, clock: Clock | None = None) -> Self:
        """Open the forum of a folder.

        Args:
            folder: where its files are.
            url: another database than SQLite in that folder.
            clock: another time than the database's.
        """
        bank = SandboxGateway(folder / "bank.db", sandbox=True, clock=clock)
        flow = PaidFlow.open(
            url or f"sqlite:///{folder / 'forum.db'}",
            actions=ACTIONS,
            gateways={"sandbox": bank},
            secret=SECRET,
            create=True,
            clock=clock,
            settings=[SETTINGS],
        )
        return cls(flow, bank, Folding(flow, projections(SETTINGS)))

    def worker(self) -> Worker:
        """Does what is owed, and folds."""
        return Worker(self.flow, folding=self.folding, tasks=tasks(), poll_s=0.1)

    def close(self) -> None:
        """Close everything."""
        self.flow.close()
        self.bank.close()

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
