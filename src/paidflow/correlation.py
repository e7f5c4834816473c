"""The id under which the application's own logs speak of what it is doing now."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from paidflow.errors import InvalidArguments

_current: ContextVar[str | None] = ContextVar("paidflow_correlation", default=None)

LENGTH_MAX = 200


@contextmanager
def correlated(correlation_id: str) -> Generator[None]:
    """Give events and log lines inside the block an id of the application, such as a request's.

    Args:
        correlation_id: 1 to 200 characters; it is kept in the log for ever.

    Raises:
        InvalidArguments: when it is empty, too long, or has a NUL in it.
    """
    if not 0 < len(correlation_id) <= LENGTH_MAX or "\0" in correlation_id:
        raise InvalidArguments(f"a correlation id has 1 to {LENGTH_MAX} characters and no NUL")
    before = _current.set(correlation_id)
    try:
        yield
    finally:
        _current.reset(before)


def current() -> str | None:
    """The id of what is being done now; ``None`` when nobody gave one."""
    return _current.get()


def about(action_id: str) -> dict[str, str | None]:
    """What a log line about an action carries besides its text, as ``extra``."""
    return {"action_id": action_id, "correlation_id": current()}
