"""What every side of the benchmarks is able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from benchmarks.gateway import NoopGateway, backlog_invoice
from benchmarks.threads import in_threads

ACTORS = 1_000
"""How many people take part; they take turns."""

COPIED_ACTORS = 99_991
"""How many people the copied payments belong to; a prime, so that each has some of all sorts."""

FOLDED_ACTORS = 997
"""How many people the payments of a log that is folded belong to: a view adds up what many share.

It is a prime too, and as many as take part elsewhere.
"""

PURSE = 10**12
"""What a person who pays from credits has, in minor units: enough for any run."""


CONNECTIONS_MAX = 20
"""How large every pool is at most: what paidflow takes if nobody says anything."""

PAGE_ROWS = 50
"""How many rows of the view are read at once."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What is in a side's tables.

    Args:
        paid: payments that are paid.
        visible: rows of the view that everybody sees.
        zaps: rows that refer to an item.
    """

    paid: int
    visible: int
    zaps: int = 0

    def __add__(self, more: Counts) -> Counts:
        return Counts(self.paid + more.paid, self.visible + more.visible, self.zaps + more.zaps)


class Side(ABC):
    """One way to do the job, on a database of its own.

    Args:
        dsn: the database.
        threads: how many threads will use it at once.
    """

    loads: ClassVar[frozenset[str]] = frozenset({"lifecycle", "settle"})
    """What it can be measured with."""

    def __init__(self, dsn: str, threads: int) -> None:
        self.dsn = dsn
        self.threads = threads
        self.gateway = NoopGateway()

    @abstractmethod
    def create(self, *, items: int, purses: int) -> None:
        """Create the tables, so many items to refer to, and so many actors with a full purse."""

    @abstractmethod
    def perform(self, n: int) -> str:
        """Open the invoice and store payment and view row; returns the id of the invoice."""

    @abstractmethod
    def settle(self, invoice_id: str) -> None:
        """Look at the invoice; it is paid: mark the payment, show the view row."""

    @abstractmethod
    def counts(self) -> Counts:
        """What is in the tables now."""

    @abstractmethod
    def close(self) -> None:
        """Close all connections."""

    def zap(self, n: int, item: int) -> None:
        """A lifecycle whose settlement also inserts a row that refers to an item."""
        raise NotImplementedError

    def pay_out(self, n: int, author: int) -> None:
        """A lifecycle whose money goes to the purse of an author."""
        raise NotImplementedError

    def perform_from_credits(self, n: int) -> None:
        """Debit the purse of an actor, and store a paid payment and a visible view row."""
        raise NotImplementedError

    def fill_backlog(self, count: int, *, items: int) -> None:
        """Store so many payments as ``perform`` leaves them, with the invoices of the backlog.

        Args:
            count: how many.
            items: how many items they refer to once they are paid; 0 for a plain view row.
        """
        raise NotImplementedError

    def settle_backlog(self, first: int, last: int) -> None:
        """Settle the invoices from the first to before the last; one by one, by all threads."""
        in_threads(
            lambda n: self.settle(backlog_invoice(n)),
            self.threads,
            first=first,
            count=last - first,
        )

    def fill_log(self, *, events: int, rows: int, actors: int) -> None:
        """Store payments of so many people until there are so many events and rows of the view.

        Some are unpaid.
        """
        raise NotImplementedError

    def rows_to_read(self, count: int) -> list[str]:
        """The ids of rows of the view after which a page can be read, always the same ones."""
        raise NotImplementedError

    def read_page(self, after: str, *, ruled: bool) -> int:
        """Read the rows of the view that come after one, under the visibility rule or without.

        Returns:
            How many there were, at most ``PAGE_ROWS``.
        """
        raise NotImplementedError

    def fold(self, view: str) -> None:
        """Fold the whole log into a new view."""
        raise NotImplementedError

    def rebuild(self, view: str) -> None:
        """Build a new version of a view from the whole log, and make it the live one."""
        raise NotImplementedError

    def folded(self, view: str) -> int:
        """How many events are in a view."""
        raise NotImplementedError

    def scan(self) -> int:
        """Read the events that ``fold`` folds, and do nothing with them; returns how many."""
        raise NotImplementedError

    def events_to_fold(self) -> int:
        """How many of them there are."""
        raise NotImplementedError

    def catch_up(self) -> None:  # noqa: B027 - most sides have nothing left to do
        """Return when everything is done that follows from the calls so far."""


def actor(n: int) -> str:
    """Whose turn it is."""
    return f"actor-{n % ACTORS}"
