"""Steps that threads of one process write at the same moment share one transaction.

The first of them leads: it writes what has come together while the transaction before it was on
its way. Nobody waits for company. If a group fails, nothing of it is stored, and each of its
members writes alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from paidflow.store.records import Write

MEMBERS_MAX = 32


class _Member:
    """Somebody who waits for the group, or for its turn to lead."""

    def __init__(self, writes: Sequence[Write]) -> None:
        self.writes = writes
        self.turn = threading.Lock()
        self.turn.acquire()
        self.written = False
        self.alone = False
        self.lost: Exception | None = None


class GroupCommit:
    """Collects the steps of several threads.

    Args:
        write: writes steps in one transaction; returns the error of a connection that broke.
        leaders: how many groups may be on their way at once.
    """

    def __init__(
        self, write: Callable[[Sequence[Write]], Exception | None], leaders: int = 1
    ) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._waiting: list[_Member] = []
        self._free = leaders

    def write(self, writes: Sequence[Write]) -> Exception | None:
        """Write steps with whoever else is writing now.

        Returns:
            The error of a connection that broke, so that nobody knows what became of the steps.

        Raises:
            Exception: what the store says about these very steps; nothing of them is stored.
        """
        member = _Member(writes)
        with self._lock:
            leads = self._free > 0
            if leads:
                self._free -= 1
            else:
                self._waiting.append(member)
        if not leads:
            member.turn.acquire()
        if not (member.written or member.alone):
            self._lead(member)
        return self._write(writes) if member.alone else member.lost

    def _lead(self, leader: _Member) -> None:
        with self._lock:
            group = [leader, *self._waiting[: MEMBERS_MAX - 1]]
            del self._waiting[: MEMBERS_MAX - 1]
        lost: Exception | None = None
        written = False
        try:
            lost = self._write([write for member in group for write in member.writes])
            written = True
        except Exception:
            if len(group) == 1:
                raise
        finally:
            self._hand_over()
            for member in group:
                member.written, member.alone, member.lost = written, not written, lost
                if member is not leader:
                    member.turn.release()

    def _hand_over(self) -> None:
        """The first who waits leads now."""
        with self._lock:
            if self._waiting:
                self._waiting.pop(0).turn.release()
            else:
                self._free += 1
