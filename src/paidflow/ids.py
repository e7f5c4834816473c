"""Ids and nonces are passed in, so that a test can repeat a run exactly."""

from __future__ import annotations

import secrets
from typing import Protocol

from paidflow.clock import Clock


class Ids(Protocol):
    """Where new ids come from."""

    def new_id(self) -> str:
        """A new id for an action, an event, a command or an entry."""
        ...

    def new_nonce(self) -> str:
        """128 secret random bits in hexadecimal."""
        ...


class RandomIds:
    """Time-ordered UUIDs (RFC 9562, version 7), which keep database indexes compact.

    Args:
        clock: where the first 48 bits come from.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def new_id(self) -> str:
        milliseconds = int(self._clock.now().timestamp() * 1000) & (2**48 - 1)
        random = secrets.token_hex(10)
        variant = "89ab"[int(random[3], 16) & 3]
        time = f"{milliseconds:012x}"
        return f"{time[:8]}-{time[8:]}-7{random[:3]}-{variant}{random[4:7]}-{random[7:19]}"

    def new_nonce(self) -> str:
        return secrets.token_hex(16)
