"""Ids and nonces are passed in, so that a test can repeat a run exactly."""

from __future__ import annotations

import os
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


_VERSION_7 = 7 << 76 | 2 << 62
_RANDOM = (1 << 76) - 1 & ~(3 << 62)


class RandomIds:
    """Time-ordered UUIDs (RFC 9562, version 7), which keep database indexes compact.

    Args:
        clock: where the first 48 bits come from.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def new_id(self) -> str:
        milliseconds = int(self._clock.now().timestamp() * 1000) & (2**48 - 1)
        random = int.from_bytes(os.urandom(10))
        bits = milliseconds << 80 | _VERSION_7 | random & _RANDOM
        digits = f"{bits:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def new_nonce(self) -> str:
        return secrets.token_hex(16)
