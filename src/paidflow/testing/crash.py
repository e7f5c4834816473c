"""Death at a point that has a name, as far as one process can try it.

Every call to a gateway and every transaction announces itself, before and after, as
``flow.step.before`` and ``flow.step.after``. A ``Crash`` goes through all code, as nothing catches
it; what was not committed is lost with the connection.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from paidflow import checkpoints


class Crash(BaseException):
    """The process ends here; nobody catches it."""


@contextmanager
def points() -> Generator[list[str]]:
    """Write down the points that are reached inside the block, in order."""
    reached: list[str] = []
    checkpoints.observe(reached.append)
    try:
        yield reached
    finally:
        checkpoints.observe(None)


@contextmanager
def crash_at(point: str, *, nth: int = 1) -> Generator[None]:
    """Let the block die at a point; what comes after the block is another life.

    Args:
        point: its name, such as ``perform.request.after``.
        nth: the how-manieth time it is reached, from 1.

    Raises:
        AssertionError: when the point was not reached so often; it names those that were.
    """
    reached: list[str] = []

    def die(name: str) -> None:
        reached.append(name)
        if name == point and reached.count(point) == nth:
            raise Crash(point)

    checkpoints.observe(die)
    try:
        yield
    except Crash:
        return
    finally:
        checkpoints.observe(None)
    raise AssertionError(f"{point} was not reached; these were: {', '.join(reached)}")
