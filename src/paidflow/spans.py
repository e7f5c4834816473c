"""What takes time announces itself here, for those who measure: calls, transactions, gateways.

A listener gives a context manager for each span. Without a listener a span costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol


class Span(Protocol):
    """Something that takes time and is not over yet."""

    def note(self, **attributes: str) -> None:
        """Say more about it."""
        ...


Listener = Callable[[str, Mapping[str, str]], AbstractContextManager[Span]]
"""Takes the name of a span and what is known of it. An exception that ends the span passes."""

_listeners: tuple[Listener, ...] = ()


def listen(listener: Listener) -> Callable[[], None]:
    """Have every span announced from now on; returns what ends that."""
    global _listeners
    _listeners = (*_listeners, listener)

    def stop() -> None:
        global _listeners
        _listeners = tuple(one for one in _listeners if one is not listener)

    return stop


def span(name: str, **attributes: str) -> AbstractContextManager[Span]:
    """What is inside the block takes time.

    Args:
        name: what it is, such as ``perform`` or ``gateway.lookup``.
        attributes: ids and names; never a text of people, never a secret.
    """
    return _announced(name, attributes) if _listeners else _UNHEARD


class _Unheard:
    """The span that nobody listens to."""

    def __enter__(self) -> _Unheard:
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def note(self, **attributes: str) -> None:
        pass


_UNHEARD = _Unheard()


class _Heard:
    """One span for several listeners."""

    def __init__(self, spans: list[Span]) -> None:
        self._spans = spans

    def note(self, **attributes: str) -> None:
        for one in self._spans:
            one.note(**attributes)


@contextmanager
def _announced(name: str, attributes: Mapping[str, str]) -> Generator[Span]:
    with ExitStack() as stack:
        yield _Heard([stack.enter_context(one(name, attributes)) for one in _listeners])
