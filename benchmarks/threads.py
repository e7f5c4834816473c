"""Calls a step from several threads at once."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable


def in_threads(
    step: Callable[[int], object],
    threads: int,
    *,
    count: int | None = None,
    seconds: float | None = None,
    first: int = 0,
) -> tuple[int, list[float], list[object]]:
    """Call a step with growing numbers until the count or the time is reached.

    Returns:
        How many calls were made, how long each took, and what they returned.
    """
    numbers = itertools.count(first)  # next() on it is atomic
    last = None if count is None else first + count
    deadline = None if seconds is None else time.perf_counter() + seconds
    calls: list[tuple[float, object]] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            while not raised:
                n, began = next(numbers), time.perf_counter()
                if (last is not None and n >= last) or (deadline and began >= deadline):
                    return
                returned = step(n)
                calls.append((time.perf_counter() - began, returned))
        except BaseException as error:
            raised.append(error)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if raised:
        raise raised[0]
    return len(calls), [took for took, _ in calls], [returned for _, returned in calls]
