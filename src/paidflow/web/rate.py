"""How often somebody may ask for something; the counting is done by the library ``limits``."""

from __future__ import annotations

from dataclasses import dataclass, field

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, Storage
from limits.strategies import MovingWindowRateLimiter

from paidflow.errors import InvalidConfiguration
from paidflow.web.problems import Stopped, problem


@dataclass(frozen=True)
class Rate:
    """How many actions one caller may request, in a moving window.

    Args:
        allowed: such as ``30/minute``.
        storage: where it is counted; one of ``limits.storage`` that several processes share, or by
            default the memory of this process.

    Raises:
        InvalidConfiguration: when ``allowed`` cannot be read.
    """

    allowed: str = "60/minute"
    storage: Storage = field(default_factory=MemoryStorage)

    def __post_init__(self) -> None:
        _read(self.allowed)

    def count(self, caller: str) -> None:
        """Count one request of a caller.

        Raises:
            Stopped: when it is one too many.
        """
        limiter = MovingWindowRateLimiter(self.storage)
        if not limiter.hit(_read(self.allowed), "paidflow", caller):
            title = "These are too many requests in a short time."
            raise Stopped(problem(429, "too_many_requests", title, retryable=True))


def _read(allowed: str) -> RateLimitItem:
    try:
        return parse(allowed)
    except ValueError:
        raise InvalidConfiguration(f"{allowed!r} is no rate; write it as 30/minute") from None
