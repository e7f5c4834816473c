"""Builds a new version of a view beside the live one, and switches to it.

A worker with the new version does the same by itself, a page at a time. This is for operators who
want to wait for it before the new program starts, and see how far it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from paidflow.errors import RebuildStopped
from paidflow.views.folding import WAIT_S, Folding, Lag

Progress = Callable[[int, int], None]
"""Told the position that was reached and the last one, after each page."""


def rebuild(folding: Folding, name: str, progress: Progress | None = None) -> None:
    """Build the version of a view that this program has, and make it the live one.

    The live version goes on meanwhile, and nobody sees the new one before it is whole. If this is
    broken off, the next call or a worker goes on where it stopped.

    Args:
        folding: with the new version of the projection.
        name: the view.
        progress: called with the position that was reached and the last one.

    Raises:
        RebuildStopped: when the new version could not fold an event; the live one stays.
        InvalidArguments: when there is no such view here.
    """
    version = folding.runner(name).projection.version
    while True:
        done = folding.fold_page(name)
        lag = _lag(folding, name, version)
        if progress is not None:
            progress(lag.position, lag.position + lag.positions)
        if lag.state == "live":
            return
        if lag.parked:
            raise RebuildStopped(f"{lag.parked} events of {name} are parked")
        if not done:
            time.sleep(WAIT_S)


def _lag(folding: Folding, name: str, version: int) -> Lag:
    for lag in folding.lag():
        if (lag.name, lag.version) == (name, version):
            return lag
    raise RebuildStopped(f"{name} has no version {version}, or it was replaced")
