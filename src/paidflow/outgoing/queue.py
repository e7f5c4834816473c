"""What has to be sent to one subscriber, in the database.

An event comes in when the position of the subscriber goes on, in the same transaction, so each
comes in once. It leaves when it is acknowledged. Of each action only the first event can be leased,
with those behind it: so they are sent in order, whoever sends them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from json import dumps
from typing import NamedTuple, cast

from paidflow.clock import Clock
from paidflow.ids import Ids
from paidflow.outgoing.back_off import BackOff
from paidflow.outgoing.message import Message
from paidflow.outgoing.outcome import Gone, NotAcknowledged
from paidflow.outgoing.subscriber import Subscriber
from paidflow.store.contract import Store, Transaction
from paidflow.store.records import as_time

ROWS_MAX = 1000
"""How many messages are taken at once, at most."""


class Standing(NamedTuple):
    """How far a subscriber is, and whether it answers."""

    position: int
    failures: int
    resume_at: datetime | None
    gone_at: datetime | None


class Delivery(NamedTuple):
    """A message to send, and how often it was tried in vain."""

    position: int
    tries: int
    message: Message


class Queue:
    """The queue of one subscriber.

    Args:
        store: where it is.
        clock: the time, for pauses and leases.
        ids: where the tokens of leases come from.
        subscriber: whose it is.
        back_off: when to try again.
    """

    def __init__(
        self, store: Store, clock: Clock, ids: Ids, subscriber: Subscriber, back_off: BackOff
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._name = subscriber.name
        self._topics = dumps(subscriber.topics)
        self._back_off = back_off

    def create(self, position: int) -> None:
        """Begin after this position of the log, unless the subscriber is known already."""
        with self._store.transaction("create_subscriber") as tx:
            tx.query("insert_subscriber", subscriber=self._name, position=position)

    def standing(self) -> Standing | None:
        """How far the subscriber is; ``None`` when it is not known."""
        with self._store.reading() as tx:
            row = tx.query("select_subscriber", subscriber=self._name).fetchone()
        if row is None:
            return None
        return Standing(
            row["position"], row["failures"], as_time(row["resume_at"]), as_time(row["gone_at"])
        )

    def read_on(self, after: int, positions: int) -> int:
        """Queue what the subscriber wants of the next positions of the log.

        Args:
            after: the position up to which it was read.
            positions: how many positions to read at most.

        Returns:
            How many were read; 0 also when somebody else has read them.
        """
        upto = min(self._store.publish(), after + positions)
        if upto <= after:
            return 0
        span = {"subscriber": self._name, "after": after, "upto": upto}
        with self._store.transaction("queue") as tx:
            if tx.query("read_on", **span).rowcount != 1:
                return 0
            tx.query("queue_deliveries", names=self._topics, now=self._clock.now(), **span)
        return upto - after

    def lease(self, actions: int, lease_s: float) -> tuple[str, list[Delivery]]:
        """Take what is due for so many actions, so that nobody else sends it meanwhile.

        Returns:
            A token to let go of it, and the deliveries in the order of the log.
        """
        now, token = self._clock.now(), self._ids.new_id()
        mine = {"subscriber": self._name, "token": token}
        with self._store.transaction("lease_deliveries") as tx:
            until = now + timedelta(seconds=lease_s)
            if not tx.query(
                "lease_deliveries", now=now, until=until, limit=actions, **mine
            ).rowcount:
                return token, []
            rows = tx.query("select_leased", limit=ROWS_MAX, **mine).fetchall()
        return token, [
            Delivery(
                row["position"],
                row["tries"],
                Message(
                    id=row["event_id"],
                    action_id=row["action_id"],
                    sequence=row["sequence"],
                    kind=row["kind"],
                    actor=row["actor"],
                    occurred_at=cast("datetime", as_time(row["recorded_at"])),
                    topic=row["topic"],
                    state=bytes(row["state"]),
                ),
            )
            for row in rows
        ]

    def release(self, token: str) -> None:
        """Let go of what was leased and is still there."""
        with self._store.transaction("release_deliveries") as tx:
            tx.query("release_deliveries", subscriber=self._name, token=token)

    def acknowledged(self, delivery: Delivery) -> None:
        """It arrived, whoever may hold a lease on it by now."""
        with self._store.transaction("acknowledge") as tx:
            tx.query("delete_delivery", subscriber=self._name, position=delivery.position)
            tx.query("forget_failures", subscriber=self._name)

    def not_acknowledged(self, delivery: Delivery, outcome: NotAcknowledged | Gone) -> bool:
        """Put it off, or give it up.

        Returns:
            Whether the subscriber as a whole is to be left alone now.
        """
        now, tries = self._clock.now(), delivery.tries + 1
        pause_s = self._back_off.pause_s(tries)
        if pause_s is not None and isinstance(outcome, NotAcknowledged):
            pause_s = max(pause_s, outcome.retry_after_s)
        with self._store.transaction("postpone") as tx:
            tx.query(
                "postpone_delivery",
                subscriber=self._name,
                position=delivery.position,
                tries=delivery.tries,
                reason=outcome.reason,
                next_try_at=None if pause_s is None else now + timedelta(seconds=pause_s),
                given_up_at=now if pause_s is None else None,
            )
            if isinstance(outcome, Gone):
                tx.query("mark_gone", subscriber=self._name, now=now)
                return True
            return self._fails(tx, now)

    def _fails(self, tx: Transaction, now: datetime) -> bool:
        row = tx.query("count_failure", subscriber=self._name).fetchone()
        silence_s = None if row is None else self._back_off.silence_s(row["failures"])
        if row is None or silence_s is None:
            return False
        tx.query(
            "pause_subscriber",
            subscriber=self._name,
            failures=row["failures"],
            resume_at=now + timedelta(seconds=silence_s),
        )
        return True
