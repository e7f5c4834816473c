"""Deliveries: tells others what happened, from the log, at least once, in order for each action.

Any number of processes may run the same deliveries. A subscriber that does not answer keeps nobody
else waiting, because each has a thread of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Event as Flag
from typing import Literal

from paidflow import checkpoints
from paidflow.errors import InvalidArguments, PaidflowError
from paidflow.flow.paid_flow import PaidFlow
from paidflow.outgoing.back_off import BackOff
from paidflow.outgoing.queue import Queue
from paidflow.outgoing.sender import Sender
from paidflow.outgoing.subscriber import Subscriber, check_subscribers
from paidflow.outgoing.undelivered import Undelivered, to_undelivered
from paidflow.store.records import as_time

logger = logging.getLogger("paidflow.outgoing")

ROUNDS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Subscription:
    """How a subscriber stands; a metric.

    Args:
        name: the subscriber.
        position: up to where the log was read for it.
        behind: how many positions there are after that; some may hold nothing.
        waiting: how many events are queued for it, those that were given up among them.
        given_up: how many events were given up.
        failures: how often in a row it has not acknowledged.
        resume_at: until when it is left alone.
        gone_at: since when it wants to hear nothing.
    """

    name: str
    position: int
    behind: int
    waiting: int
    given_up: int
    failures: int
    resume_at: datetime | None
    gone_at: datetime | None


class Deliveries:
    """Sends events to subscribers.

    Args:
        flow: whose log.
        subscribers: whom to tell; each name once.
        start: where a subscriber that is new begins: at the ``end`` of the log, or at its
            ``beginning``.
        back_off: when to try again, and when to give up.
        page: how many positions of the log are read at once, 1 to 100,000.
        together: how many actions are sent to one subscriber at the same moment, 1 to 100.
        lease_s: how long nobody else sends what one process has taken; longer than two timeouts.
        poll_s: how long to rest when there is nothing to do.

    Raises:
        InvalidConfiguration: when two subscribers have the same name.
    """

    def __init__(
        self,
        flow: PaidFlow,
        subscribers: Sequence[Subscriber],
        *,
        start: Literal["beginning", "end"] = "end",
        back_off: BackOff | None = None,
        page: int = 1000,
        together: int = 4,
        lease_s: float = 120.0,
        poll_s: float = 1.0,
    ) -> None:
        check_subscribers(subscribers)
        self._store = flow.store
        self._clock = flow.clock
        self._gateways = flow.gateways
        self._poll_s = poll_s
        back_off = back_off or BackOff()
        self._senders = [
            Sender(
                subscriber,
                Queue(flow.store, flow.clock, flow.ids, subscriber, back_off),
                flow.clock,
                back_off,
                page=min(max(page, 1), 100_000),
                together=min(max(together, 1), 100),
                lease_s=lease_s,
            )
            for subscriber in subscribers
        ]
        with checkpoints.flow("deliveries"):
            for sender in self._senders:
                sender.queue.create(0 if start == "beginning" else self._store.publish())

    def run_once(self) -> int:
        """Send what is due to every subscriber, to all of them at the same time.

        Returns:
            How many messages were tried and positions of the log were read.

        Raises:
            RestoredCopy: when the database is a copy that nobody has adopted.
        """
        self._gateways.refuse_copy()
        if not self._senders:
            return 0
        with ThreadPoolExecutor(len(self._senders)) as pool:
            return sum(pool.map(partial(Sender.run_once, stop=Flag()), self._senders))

    def run_until_idle(self) -> int:
        """Send until there is nothing to send now; for tests and scripts.

        Returns:
            How many messages were tried and positions of the log were read.
        """
        done = 0
        for _ in range(ROUNDS_MAX):
            now = self.run_once()
            if not now:
                return done
            done += now
        raise AssertionError("the deliveries do not come to rest")

    def run(self, stop: Flag) -> None:
        """Send until ``stop`` is set, each subscriber in a thread of its own.

        Args:
            stop: ends the work after the messages that are on their way.

        Raises:
            RestoredCopy: when the database is a copy that nobody has adopted.
        """
        self._gateways.refuse_copy()
        if not self._senders:
            stop.wait()
            return
        with ThreadPoolExecutor(len(self._senders)) as pool:
            list(pool.map(partial(self._run, stop=stop), self._senders))

    def _run(self, sender: Sender, stop: Flag) -> None:
        while not stop.is_set():
            try:
                done = sender.run_once(stop)
            except Exception as error:
                retryable = isinstance(error, PaidflowError) and error.retryable
                if not retryable and not self._store.passing(error):
                    stop.set()
                    raise
                logger.warning("the database is away: %s", type(error).__name__)
                done = 0
            if not done:
                stop.wait(self._poll_s)

    def subscriptions(self) -> list[Subscription]:
        """How every subscriber stands, also those of other programs; a metric."""
        with self._store.reading() as tx:
            rows = tx.query("select_subscribers").fetchall()
        return [
            Subscription(
                name=row["name"],
                position=row["position"],
                behind=max(row["behind"], 0),
                waiting=row["waiting"],
                given_up=row["given_up"],
                failures=row["failures"],
                resume_at=as_time(row["resume_at"]),
                gone_at=as_time(row["gone_at"]),
            )
            for row in rows
        ]

    def undelivered(self, *, limit: int = 50) -> list[Undelivered]:
        """The events that were not acknowledged; those that were given up come first."""
        with self._store.reading() as tx:
            rows = tx.query("select_undelivered", limit=limit).fetchall()
        return [to_undelivered(row) for row in rows]

    def requeue(self, name: str, action_id: str | None = None) -> int:
        """Send again what was given up, for one action or for all; what waits behind follows.

        Returns:
            How many events had been given up.
        """
        where = {"subscriber": name, "now": self._clock.now()}
        with self._store.transaction("requeue") as tx:
            if action_id is None:
                return tx.query("requeue_all", **where).rowcount
            return tx.query("requeue_action", action_id=action_id, **where).rowcount

    def drop(self, name: str, action_id: str) -> int:
        """Never send what was given up for an action; what waits behind it follows.

        Returns:
            How many events will not be sent.
        """
        with self._store.transaction("drop_given_up") as tx:
            dropped = tx.query("drop_given_up", subscriber=name, action_id=action_id).rowcount
        if dropped:
            logger.warning("%s is not told %d events of action %s", name, dropped, action_id)
        return dropped

    def resume(self, name: str) -> None:
        """Send again to a subscriber that is left alone, or that wanted to hear nothing.

        Raises:
            InvalidArguments: when there is no such subscriber.
        """
        with self._store.transaction("resume_subscriber") as tx:
            if tx.query("resume_subscriber", subscriber=name).rowcount != 1:
                raise InvalidArguments(f"there is no subscriber {name}")

    def forget(self, name: str) -> int:
        """Remove a subscriber that is no longer in use, with what was not delivered to it.

        Returns:
            How many events will not be sent.
        """
        with self._store.transaction("forget_subscriber") as tx:
            undelivered = tx.query("delete_deliveries", subscriber=name).rowcount
            tx.query("delete_subscriber", subscriber=name)
        return undelivered
