"""The two boundaries where a process can die: a gateway call and a transaction.

Both announce themselves here by name, ``flow.step.before`` and ``flow.step.after``. Tests listen;
production does not. The same place knows whether a transaction is open in the calling context.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Generic, TypeVar

from paidflow.errors import NetworkInTransaction, TransactionOpen

T = TypeVar("T")

_flow: ContextVar[str] = ContextVar("paidflow_flow", default="embedder")
_open_transactions: ContextVar[int] = ContextVar("paidflow_open_transactions", default=0)
_observer: Callable[[str], None] | None = None


def observe(observer: Callable[[str], None] | None) -> None:
    """Call ``observer`` with the name of every boundary that is reached; ``None`` stops it."""
    global _observer
    _observer = observer


class _Inside(Generic[T]):
    """A context variable that has another value inside the block."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[T], value: T) -> None:
        self._variable = variable
        self._value = value

    def __enter__(self) -> None:
        self._token = self._variable.set(self._value)

    def __exit__(self, *raised: object) -> None:
        self._variable.reset(self._token)


def flow(name: str) -> AbstractContextManager[None]:
    """Name the flow that the boundaries inside belong to (``perform``, ``retry``, ``worker``)."""
    return _Inside(_flow, name)


def reach(step: str, edge: str) -> None:
    """Say that a boundary is reached.

    Args:
        step: what is done, for example ``open`` or ``request``.
        edge: ``before`` or ``after``.
    """
    if _observer is not None:
        _observer(f"{_flow.get()}.{step}.{edge}")


def transaction_open() -> AbstractContextManager[None]:
    """Mark the calling context: a database transaction is open in it."""
    return _Inside(_open_transactions, _open_transactions.get() + 1)


def in_transaction() -> bool:
    """Whether a transaction is open in the calling context."""
    return _open_transactions.get() > 0


def refuse_second(step: str) -> None:
    """Guard a transaction of its own, which would wait for the open one for ever.

    Raises:
        TransactionOpen: when a transaction is open in the calling context.
    """
    if in_transaction():
        raise TransactionOpen(step)


def refuse_in_transaction(step: str) -> None:
    """Guard a network call.

    Raises:
        NetworkInTransaction: when a transaction is open in the calling context.
    """
    if in_transaction():
        raise NetworkInTransaction(step)
