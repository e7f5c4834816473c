"""How many unpaid invoices an actor may have."""

from __future__ import annotations

from datetime import datetime, timedelta

from paidflow.clock import Clock
from paidflow.errors import TooManyOpenInvoices
from paidflow.store.contract import Transaction

REMEMBERED = timedelta(hours=1)
REMEMBERED_MAX = 10_000


class InvoiceLimit:
    """Refuses an actor who has too many, in two places.

    The step that adds an invoice is refused by the store when it is one too many, but then its
    gateway has opened it in vain. So actors who have opened half of what they may, or were refused,
    are counted before the gateway is asked. All others are not, because that takes a statement.

    Args:
        most: how many unpaid invoices an actor may have.
        clock: the time.
    """

    def __init__(self, most: int, clock: Clock) -> None:
        self.most = most
        self._clock = clock
        self._opened: dict[str, tuple[int, datetime]] = {}

    def check(self, tx: Transaction, actor: str | None) -> None:
        """Count the unpaid invoices of an actor.

        Raises:
            TooManyOpenInvoices: when there can be no more.
        """
        if actor is None:
            return
        row = tx.query("count_open_invoices", actor=actor).fetchone()
        if row is not None and row["total"] >= self.most:
            raise self.refused(actor)

    def check_early(self, tx: Transaction, actor: str | None) -> None:
        """Count them only if this actor may be near the limit.

        Raises:
            TooManyOpenInvoices: when there can be no more.
        """
        opened, since = self._opened.get(actor or "", (0, None))
        if since is None or opened * 2 < self.most:
            return
        if since + REMEMBERED > self._clock.now():
            self.check(tx, actor)
        else:
            del self._opened[actor or ""]

    def opened(self, actor: str | None) -> None:
        """Remember that an actor has one more."""
        if actor is None:
            return
        opened, since = self._opened.get(actor, (0, None))
        self._remember(actor, opened + 1, since)

    def refused(self, actor: str | None) -> TooManyOpenInvoices:
        """Remember that an actor was refused; returns what to raise."""
        if actor is not None:
            self._remember(actor, self.most, None)
        return TooManyOpenInvoices(f"{self.most} at most")

    def _remember(self, actor: str, opened: int, since: datetime | None) -> None:
        if len(self._opened) >= REMEMBERED_MAX:
            self._opened.clear()
        self._opened[actor] = (opened, since or self._clock.now())
