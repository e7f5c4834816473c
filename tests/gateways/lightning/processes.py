"""Foreign programs on this machine: on free ports, and ended by whoever has started them."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
LIMIT_S = 120
"""How long something may take that takes a few seconds on a machine that has nothing else to do."""


_GIVEN: set[int] = set()


class NotYet(Exception):
    """A condition does not hold; why is in the text."""


def wait_for(condition: Callable[[], T], limit_s: float = LIMIT_S) -> T:
    """Wait until a condition raises no ``NotYet`` any more, and return what it returns."""
    give_up_at = time.monotonic() + limit_s
    while True:
        try:
            return condition()
        except NotYet as error:
            if time.monotonic() > give_up_at:
                raise AssertionError(f"in vain for {limit_s} s: {error}") from error
        time.sleep(0.05)


def free_port() -> int:
    """A port that nobody listens on now, and that is given to nobody else.

    It is below those that the system gives to connections (Linux, ``ip_local_port_range``).
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        if port not in _GIVEN and _is_free(port):
            _GIVEN.add(port)
            return port


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


class Program:
    """A program that runs as a child of this process.

    Args:
        command: with its arguments.
        log: the file that its output goes to.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = command
        self.log = log
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again."""
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, without a chance to put anything in order."""
        self._end(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal such as SIGSTOP."""
        assert self._child is not None, "it runs"
        self._child.send_signal(number)

    def check(self) -> None:
        """Fail when it has ended by itself."""
        if self._child is not None and (code := self._child.poll()) is not None:
            raise AssertionError(f"{self._command[0]} has ended ({code}): {self.tail()}")

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _end(self, number: signal.Signals) -> None:
        child, self._child = self._child, None
        if child is None or child.poll() is not None:
            return
        child.send_signal(number)
        try:
            child.wait(60)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
