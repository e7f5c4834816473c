"""Tells listeners of this process that something about an action was recorded.

One thread reads the end of the log for all of them. What it tells is only "look again", so a
listener that misses nothing is one that reads after it has begun to listen.
"""

from __future__ import annotations

import asyncio
import logging
import threading

from paidflow.flow.paid_flow import PaidFlow

POLL_S = 0.1
PAGE = 500
WAITING_MAX = 1_000
"""More changed actions than this a listener does not keep apart; it is told to read all again."""

REPLAY_MAX = 10_000
"""How far back in the log a listener can go on; who was away for longer reads all again."""

logger = logging.getLogger("paidflow.web")


class Listener:
    """Waits for changes of one action, of all actions of one actor, or of all there are.

    Args:
        action_id: the action.
        actor: the actor.
        everything: whether it waits for all of them; tell nobody which these were.
    """

    def __init__(
        self, *, action_id: str | None = None, actor: str | None = None, everything: bool = False
    ) -> None:
        self._action_id = action_id
        self._actor = actor
        self._everything = everything
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._waiting: dict[str, int] = {}
        self.overrun = False

    def concerns(self, action_id: str, actor: str | None) -> bool:
        """Whether a change of this action, of this actor, is one that it waits for."""
        mine = actor is not None and actor == self._actor
        return mine or action_id == self._action_id or self._everything

    def tell(self, position: int, action_id: str) -> None:
        """Note a change; may be called by any thread."""
        self._loop.call_soon_threadsafe(self._note, position, action_id)

    async def wait(self) -> dict[str, int]:
        """The actions that have changed since the last time, each with its last position."""
        await self._changed.wait()
        self._changed.clear()
        waiting, self._waiting = self._waiting, {}
        return waiting

    def _note(self, position: int, action_id: str) -> None:
        if len(self._waiting) == WAITING_MAX:
            self._waiting.clear()
            self.overrun = True
        self._waiting[action_id] = position
        self._changed.set()


class Changes:
    """Reads the end of the log while somebody listens.

    Args:
        flow: whose log it is.
    """

    def __init__(self, flow: PaidFlow) -> None:
        self._flow = flow
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._after: int | None = None
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to read; also after a stop."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="paidflow-changes", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the thread."""
        self._stopping.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()
        self._wanted.clear()

    def add(self, listener: Listener) -> int:
        """Let somebody listen.

        Returns:
            The position in the log after which it is told of everything.
        """
        now = self._flow.store.publish()
        with self._lock:
            if not self._listeners:
                self._after = now
            self._listeners.add(listener)
            self._wanted.set()
            return now

    def remove(self, listener: Listener) -> None:
        """Let somebody listen no more."""
        with self._lock:
            self._listeners.discard(listener)
            if not self._listeners and not self._stopping.is_set():
                self._wanted.clear()

    @property
    def listening(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def since(self, actor: str, after: int, until: int) -> dict[str, int] | None:
        """The actions of an actor that changed after a position, each with its last position.

        Returns:
            ``None`` when that is too long ago, or never was.
        """
        if not 0 <= after <= until or until - after > REPLAY_MAX:
            return None
        found = self._read(after, until, REPLAY_MAX)
        return {action_id: position for position, action_id, whose in found if whose == actor}

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            if self._stopping.is_set():
                return
            try:
                told = self._look()
            except Exception as error:
                if not self._flow.store.passing(error):
                    logger.exception("the log cannot be read; listeners have to poll")
                told = False
            if not told:
                self._flow.store.wait_for_events(POLL_S)

    def _look(self) -> bool:
        """Read a page; returns whether there may be more at once."""
        after, last = self._after, self._flow.store.publish()
        if after is None or last <= after:
            return False
        page = self._read(after, last, PAGE)
        with self._lock:
            self._after = page[-1][0] if len(page) == PAGE else last
            for position, action_id, actor in page:
                for listener in self._listeners:
                    if listener.concerns(action_id, actor):
                        listener.tell(position, action_id)
        return len(page) == PAGE

    def _read(self, after: int, until: int, limit: int) -> list[tuple[int, str, str | None]]:
        with self._flow.store.reading() as tx:
            found = tx.fetch("select_changes", after=after, until=until, limit=limit)
        return [(position, action_id, actor) for position, action_id, actor in found]
