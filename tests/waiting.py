"""Waiting for what has to happen; how long it takes is never tested."""

from __future__ import annotations

import time
from collections.abc import Callable

LONG_S = 60.0
"""How long a test waits; far longer than it takes."""

PAUSE_S = 0.005


def wait_until(
    true: Callable[[], object],
    otherwise: str = "it did not happen",
    *,
    meanwhile: Callable[[], object] = lambda: None,
    limit_s: float = LONG_S,
) -> None:
    """Wait until something is true; a test fails that waits in vain.

    Args:
        true: asked again and again.
        otherwise: what the test says when it fails.
        meanwhile: done before it is asked again.
        limit_s: how long to wait.
    """
    give_up_at = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < give_up_at, otherwise
        meanwhile()
        time.sleep(PAUSE_S)
