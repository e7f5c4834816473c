"""Sends one subscriber what it wants to know. Nothing is sent inside a transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Flag

from paidflow import checkpoints
from paidflow.clock import Clock
from paidflow.outgoing.back_off import BackOff
from paidflow.outgoing.outcome import Acknowledged, NotAcknowledged, Outcome
from paidflow.outgoing.queue import Delivery, Queue, Standing
from paidflow.outgoing.subscriber import Subscriber

logger = logging.getLogger("paidflow.outgoing")


class Sender:
    """Sends one subscriber what is due.

    Args:
        subscriber: to whom.
        queue: what there is to send.
        clock: the time.
        back_off: when to try again.
        page: how many positions of the log are read at once.
        together: how many actions are sent at the same moment; each in order.
        lease_s: how long nobody else sends what this one has taken.
    """

    def __init__(
        self,
        subscriber: Subscriber,
        queue: Queue,
        clock: Clock,
        back_off: BackOff,
        *,
        page: int,
        together: int,
        lease_s: float,
    ) -> None:
        self.subscriber = subscriber
        self.queue = queue
        self._clock = clock
        self._back_off = back_off
        self._page = page
        self._together = together
        self._lease_s = lease_s

    def run_once(self, stop: Flag) -> int:
        """Send what is due; read on in the log when that was not much.

        Args:
            stop: looked at before each message; ends the work when it is set.

        Returns:
            How many messages were tried and positions were read.
        """
        with checkpoints.flow("deliveries"):
            standing = self.queue.standing()
            if standing is None or not self._may_send(standing):
                return 0
            actions = 10 * self._together
            if standing.failures >= self._back_off.failures_max:
                actions = 1  # one message shows whether it is back
            token, due = self.queue.lease(actions, self._lease_s)
            groups: dict[str, list[Delivery]] = {}
            for delivery in due:
                groups.setdefault(delivery.message.action_id, []).append(delivery)
            done = self._send_groups(list(groups.values()), stop)
            if due:
                self.queue.release(token)
            if len(groups) < actions:
                done += self.queue.read_on(standing.position, self._page)
            return done

    def _may_send(self, standing: Standing) -> bool:
        if standing.gone_at is not None:
            return False
        return standing.resume_at is None or standing.resume_at <= self._clock.now()

    def _send_groups(self, groups: Sequence[Sequence[Delivery]], stop: Flag) -> int:
        give_up_at = time.monotonic() + self._lease_s / 2
        left_alone = Flag()

        def ends() -> bool:
            return stop.is_set() or left_alone.is_set() or time.monotonic() > give_up_at

        def send(group: Sequence[Delivery]) -> int:
            with checkpoints.flow("deliveries"):
                return self._send_in_order(group, ends, left_alone)

        if len(groups) < 2 or self._together < 2:
            return sum(map(send, groups))
        with ThreadPoolExecutor(self._together) as pool:
            return sum(pool.map(send, groups))

    def _send_in_order(
        self, group: Sequence[Delivery], ends: Callable[[], bool], left_alone: Flag
    ) -> int:
        """Send the events of one action until one does not arrive; returns how many were tried."""
        tried = 0
        for delivery in group:
            if ends():
                break
            tried += 1
            outcome = self._send(delivery)
            if isinstance(outcome, Acknowledged):
                self.queue.acknowledged(delivery)
                continue
            logger.warning(
                "%s did not acknowledge %s: %s",
                self.subscriber.name,
                delivery.message.id,
                outcome.reason,
            )
            if self.queue.not_acknowledged(delivery, outcome):
                left_alone.set()
            break
        return tried

    def _send(self, delivery: Delivery) -> Outcome:
        checkpoints.refuse_in_transaction("send")
        checkpoints.reach("send", "before")
        try:
            outcome = self.subscriber.deliver(delivery.message, self._clock.now())
        except Exception as error:
            # Only the type: the text of a foreign error may hold what must not be logged.
            outcome = NotAcknowledged(type(error).__name__)
        checkpoints.reach("send", "after")
        return outcome
