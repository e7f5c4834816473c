"""What a person is told: what others did, what was to be remembered, and what was not paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from paidflow.automatic_retry import AutomaticRetry, parameters
from paidflow.money import Money, msats
from paidflow.states.events import FailureReason
from paidflow.store.queries import named
from paidflow.store.records import as_time
from paidflow.views.cursor import LATEST, Cursor, cursor_of, limited
from paidflow.views.reader import Reader
from paidflow.views.sql import read_sql

UNREAD_MAX = 100

_SQL = named(read_sql("notifications"))
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Notification:
    """One line of what a person is told.

    Args:
        kind: ``reply``, ``mention``, ``item-mention``, ``reminder``, ``zap``, ``bounty``,
            ``forward``; what one got otherwise, ``gift``, ``reward``, ``revenue``, ``streak``; of a
            territory ``territory-transfer`` (it is given to one), ``territory-revive`` (somebody
            else has revived it), ``territory-grace`` and ``territory-stopped`` (it is not paid);
            for a failed payment the kind of the action.
        item_id: the item that it is about, if it is about one.
        territory: the territory, if it is about one.
        at: when it happened last, UTC.
        times: how many are in this line, such as zaps.
        amount: what they brought; for a failed payment what it costs.
        unread: whether it is newer than what was read last.
        failed: the failed action, which its actor can try again.
        reason: why it failed.
        cursor: where the page after this line begins.
    """

    kind: str
    item_id: str | None
    territory: str | None
    at: datetime
    times: int
    amount: Money
    unread: bool
    failed: str | None
    reason: FailureReason | None
    cursor: str


class Notifications:
    """Reads what people are told.

    Args:
        reader: what keeps the rule of who sees what.
        automatic: what is tried again by itself; nobody is told about that before it is given up.
    """

    def __init__(self, reader: Reader, automatic: AutomaticRetry | None = None) -> None:
        self._reader = reader
        self._automatic = automatic

    def page(self, actor: str, *, before: str | None = None, limit: int = 20) -> list[Notification]:
        """What a person is told, the newest first.

        Args:
            actor: who.
            before: the cursor of the last line of the page before.
            limit: how many lines at most.

        Raises:
            InvalidArguments: when the cursor is none of this list.
        """
        place = Cursor.parse(before, LATEST)
        rows = self._reader.select(
            _SQL["all"],
            viewer=actor,
            place=place.place,
            id=place.id,
            limit=limited(limit),
            now=self._reader.now(),
            beginning=_BEGINNING,
            **parameters(self._automatic, self._reader.now()),
        )
        return [
            Notification(
                kind=row["kind"],
                item_id=row["item_id"],
                territory=row["territory"],
                at=as_time(row["at"]) or _BEGINNING,
                times=row["times"],
                amount=msats(row["amount_msats"]),
                unread=bool(row["unread"]),
                failed=row["action_id"],
                reason=FailureReason(row["reason"]) if row["reason"] else None,
                cursor=cursor_of(row["at"], row["id"]),
            )
            for row in rows
        ]

    def unread(self, actor: str) -> int:
        """How many lines are new; at most 100 are counted."""
        return sum(line.unread for line in self.page(actor, limit=UNREAD_MAX))

    def mark_read(self, actor: str) -> None:
        """Take all lines so far as read."""
        self._reader.mark_read(actor)
