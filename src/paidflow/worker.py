"""Does what is owed: any number of workers, in any number of processes, at any time.

A lease saves work and nothing more. A worker that sleeps past its lease and wakes does no harm,
because every step compares and sets the version of the action.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import FrameType
from typing import Protocol

from paidflow import checkpoints
from paidflow.correlation import about
from paidflow.errors import PaidflowError
from paidflow.flow.following import Following
from paidflow.flow.gateway_watch import GatewayWatch
from paidflow.flow.leases import Lease, Leases
from paidflow.flow.loaded import Loaded
from paidflow.flow.paid_flow import PaidFlow
from paidflow.flow.sweeping import Sweeping
from paidflow.spans import span
from paidflow.states import events as e
from paidflow.states.machine import State
from paidflow.states.owed import OwedKind, holds_money, owed
from paidflow.store.records import Status, row_to_status
from paidflow.tasks import PeriodicTask, Tasks

logger = logging.getLogger("paidflow.worker")

BACK_OFF_S_MAX = 300
HELD_BACK_OFF_S_MAX = 60
"""What holds somebody's money is not left alone for long, so that it is done in time."""

ROUNDS_MAX = 10_000
_OVERDUE = {
    State.FORWARDING: e.AttentionReason.FORWARD_OVERDUE,
    State.CAPTURING: e.AttentionReason.CAPTURE_OVERDUE,
}

_WAITING = frozenset({OwedKind.PAYMENT, OwedKind.HOLD, OwedKind.WATCH, OwedKind.REVERSAL})
ALARM = timedelta(hours=1)
"""After this time a person is told that an invoice does not close, or a refund does not show."""

FORWARD_ALARM = timedelta(minutes=10)
"""After this time a person is told that a payment to a receiver is stuck."""


class Folds(Protocol):
    """What keeps views up to date, such as ``paidflow.views.folding.Folding``."""

    def run_once(self) -> int:
        """Do a piece of work; returns how much was done."""
        ...


class Worker:
    """Reads the gateways' messages and does what actions owe.

    Args:
        flow: what to work on.
        folding: keeps views up to date, if there are any.
        tasks: what has to be done again and again.
        batch: how many actions are leased at once, 1 to 1,000.
        lease_s: how long nobody else tries them.
        poll_s: how long to rest when there is nothing to do.
        together: how many messages are settled in one transaction, 1 to 1,000.
    """

    def __init__(
        self,
        flow: PaidFlow,
        *,
        folding: Folds | None = None,
        tasks: Sequence[PeriodicTask] = (),
        batch: int = 20,
        lease_s: int = 60,
        poll_s: float = 1.0,
        together: int = 250,
    ) -> None:
        self._flow = flow
        self._folding = folding
        batch, lasts = min(max(batch, 1), 1000), timedelta(seconds=lease_s)
        self._leases = Leases(flow.store, flow.clock, flow.ids, batch, lasts)
        self._together = together
        self._poll_s = poll_s
        self._stopping = threading.Event()
        self._sweeping = Sweeping(flow.store, flow.clock)
        self._tasks = Tasks(flow, tasks)
        self._following = Following(flow, together, self._stopping)
        self._watching = GatewayWatch(flow)

    def stop(self) -> None:
        """Ask the worker to end after the action that it is working on."""
        self._stopping.set()

    def run_forever(self) -> None:
        """Work until ``stop`` is called or SIGTERM or SIGINT comes."""
        restore = self._catch_signals()
        try:
            while not self._stopping.is_set():
                try:
                    done = self.run_once()
                except Exception as error:
                    if not self._passing(error):
                        raise
                    logger.warning("the database is away: %s", type(error).__name__)
                    done = 0
                if not done:
                    self._stopping.wait(self._poll_s)
        finally:
            for number, handler in restore.items():
                signal.signal(number, handler)

    def run_once(self) -> int:
        """Read the messages that are there, do what is due now, and fold a page of each view.

        Periodic tasks come last, so they see what was folded.

        Returns:
            How many messages were read, actions were worked on, and positions were folded, and how
            much the tasks had to do.

        Raises:
            RestoredCopy: when the database is a copy that nobody has adopted.
        """
        self._flow.gateways.refuse_copy()
        with checkpoints.flow("worker"):
            done = 0
            for work in (self._following.run_once, self._look_at_webhooks, self._do_due):
                done += self._do_held() + work()
            self._sweeping.run_once()
            self._watching.run_once()
        done += self._folding.run_once() if self._folding is not None else 0
        return done + self._tasks.run_once()

    def run_until_idle(self) -> int:
        """Work until there is nothing to do now; for tests and scripts.

        Returns:
            How much was done in all.
        """
        done = 0
        for _ in range(ROUNDS_MAX):
            now = self.run_once()
            if not now:
                return done
            done += now
        raise AssertionError("the worker does not come to rest")

    def _do_held(self) -> int:
        """What holds somebody's money comes first, in the order of its deadlines."""
        done, tried = 0, set[str]()
        while not self._stopping.is_set() and self._leases.held_is_due():
            lease = self._leases.take_held()
            done += self._do(lease)
            if tried.issuperset(lease.action_ids):  # others have them, or nothing can be done
                break
            tried.update(lease.action_ids)
        return done

    def _look_at_webhooks(self) -> int:
        return self._flow.look_at_webhooks(self._together)

    def _do_due(self) -> int:
        return self._do(self._leases.take_due())

    def _do(self, lease: Lease) -> int:
        for action_id in lease.action_ids:
            if not self._stopping.is_set():
                with span("work", action_id=action_id):
                    self._work(action_id)
            self._leases.give_back(lease, action_id)
        return len(lease.action_ids)

    def _work(self, action_id: str) -> None:
        steps, in_vain = self._flow.steps, True
        try:
            loaded = steps.load(action_id)
            if loaded is None:
                return
            try:
                loaded, in_vain = steps.drive(loaded, hooks_too=True)
            except Exception as error:
                # One action that cannot be worked on must not keep the others from being.
                told = type(error).__name__
                logger.warning("action %s: %s", action_id, told, extra=about(action_id))
                loaded = steps.reload(loaded)
            status = self._status(action_id)
        except PaidflowError as error:  # unreadable for this program: again after the lease
            told = type(error).__name__
            logger.error("action %s: %s", action_id, told, extra=about(action_id))
            return
        if status is None:
            return
        self._end_watch(loaded, status)
        if in_vain:
            self._try_later(loaded, status)
            self._give_up_hold(loaded, status)
            self._alarm(loaded, status)

    def _status(self, action_id: str) -> Status | None:
        with self._flow.store.reading() as tx:
            row = tx.query("select_status", action_id=action_id).fetchone()
        return None if row is None else row_to_status(row)

    def _end_watch(self, loaded: Loaded, status: Status) -> None:
        """An invoice that only counted as closed is not looked at for ever."""
        a = loaded.aggregate
        due = owed(a, self._flow.clock.now())
        if status.owed != OwedKind.WATCH or (due is not None and due.kind is OwedKind.WATCH):
            return
        with self._flow.store.transaction("end_watch") as tx:
            tx.query(
                "end_watch",
                action_id=loaded.action_id,
                version=a.version,
                owed=due.kind if due else None,
                due_at=due.due_at if due else None,
            )

    def _try_later(self, loaded: Loaded, status: Status) -> None:
        now, a = self._flow.clock.now(), loaded.aggregate
        due = owed(a, now)
        if due is None or due.kind is OwedKind.PERSON:
            return
        most_s = HELD_BACK_OFF_S_MAX if holds_money(a) else BACK_OFF_S_MAX
        due_at = now + timedelta(seconds=min(2 ** min(status.tries, 10), most_s))
        if due.kind in _WAITING:
            due_at = due.due_at
        with self._flow.store.transaction("reschedule") as tx:
            unmoved = {"action_id": loaded.action_id, "version": a.version}
            tx.query("reschedule", due_at=due_at, now=now, **unmoved)

    def _give_up_hold(self, loaded: Loaded, status: Status) -> None:
        """Release a hold when the work could not be done within the gateway's patience."""
        a = loaded.aggregate
        if a.state is not State.HELD or a.current is None or a.current.dead:
            return
        profile = self._flow.gateways.profile(a.current.gateway)
        tried_at = status.first_tried_at
        if profile is None or tried_at is None:
            return
        if self._flow.clock.now() - tried_at < timedelta(seconds=profile.patience_s):
            return
        give_up = e.CancelRequested(reason=e.FailureReason.HELD_TOO_LONG)
        self._flow.steps.note(loaded, give_up, "give_up")

    def _alarm(self, loaded: Loaded, status: Status) -> None:
        """Tell a person about what should have ended an hour ago."""
        a = loaded.aggregate
        if a.attention is not None or status.state_since is None:
            return
        since = status.state_since
        if a.state is State.FORWARDING:
            alarm = ALARM if a.current is None else FORWARD_ALARM
            self._ask_person(loaded, since, e.AttentionReason.FORWARD_OVERDUE, alarm)
            return
        if a.current is None:
            return
        if status.owed == OwedKind.REFUND:
            since = status.first_tried_at
        elif a.state in (State.PENDING, State.PENDING_HELD):
            since = a.current.expires_at
        elif status.owed != OwedKind.CLOSE_OTHER and a.state not in (
            State.CANCELLING,
            State.CAPTURING,
        ):
            return
        reason = e.AttentionReason.CLOSE_OVERDUE
        if a.state is State.CAPTURING:
            reason = e.AttentionReason.CAPTURE_OVERDUE
        if status.owed == OwedKind.REFUND:
            reason = e.AttentionReason.REFUND_OVERDUE
        self._ask_person(loaded, since, reason, ALARM)

    def _ask_person(
        self,
        loaded: Loaded,
        since: datetime | None,
        reason: e.AttentionReason,
        alarm: timedelta,
    ) -> None:
        if since is not None and self._flow.clock.now() - since >= alarm:
            self._flow.steps.note(loaded, e.AttentionAsked(reason=reason), "alarm")

    def _passing(self, error: BaseException) -> bool:
        retryable = isinstance(error, PaidflowError) and error.retryable
        return retryable or self._flow.store.passing(error)

    def _catch_signals(self) -> dict[int, signal._HANDLER]:  # pyright: ignore
        if threading.current_thread() is not threading.main_thread():
            return {}

        def stop(number: int, frame: FrameType | None) -> None:
            self.stop()

        return {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
