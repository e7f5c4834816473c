"""Where a call works: on connections of its own, or inside a transaction of the caller."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any

from paidflow import checkpoints
from paidflow.errors import ApplicationRowsRefused, InvalidConfiguration, TransactionOpen
from paidflow.flow.planned import Planner
from paidflow.flow.services import Services
from paidflow.spans import span
from paidflow.store.contract import JoinedTransaction, Store
from paidflow.store.driver import DriverTransaction
from paidflow.store.foreign import Embedder, ForeignTransaction
from paidflow.store.joined import JoinedStore, conflicts

_DRIVERS = ("psycopg", "sqlite3")


class Joining:
    """Gives each call the services to work with.

    Args:
        store: where everything is kept.
        embedder: how the application works with its database; ``None`` is by a driver alone.
        services: for calls on connections of their own.
        planner: plans the steps.
    """

    def __init__(
        self, store: Store, embedder: Embedder | None, services: Services, planner: Planner
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._services = services
        self._planner = planner

    def __call__(self, name: str, tx: Any = None) -> AbstractContextManager[Services]:
        """The services for one call.

        Args:
            name: the name of the call, for the points where a process can die.
            tx: what the caller has passed; ``None`` for nothing.

        Raises:
            TransactionOpen: when the caller has a transaction open and does not pass it.
            Conflict: when others were in the way.
        """
        if tx is not None:
            return self._call_inside(name, tx)
        if self._embedder is not None and self._embedder.in_transaction():
            raise TransactionOpen(name)
        return _Alone(name, self._services)

    @contextmanager
    def _call_inside(self, name: str, tx: Any) -> Generator[Services]:
        checkpoints.refuse_second(name)
        with checkpoints.flow(name), span(name), self._inside(tx) as (store, _):
            yield self._services.inside(store, self._planner)

    def lock(self, payers: Sequence[str], tx: Any) -> None:
        """Lock the purses of several payers in order; see ``PaidFlow.lock``."""
        with self._inside(tx) as (store, joined), store.transaction("lock"):
            joined.lock_payers(payers)

    @contextmanager
    def _inside(self, tx: Any) -> Generator[tuple[JoinedStore, JoinedTransaction]]:
        foreign = self._foreign(tx)
        with conflicts(self._store):
            with checkpoints.transaction_open():
                joined = self._store.joined(foreign)
                self._flush(foreign)
            joined.one_payer = True
            yield JoinedStore(self._store, joined), joined

    def _foreign(self, tx: Any) -> ForeignTransaction:
        if isinstance(tx, ForeignTransaction):
            return tx
        if self._embedder is not None:
            return self._embedder.join(tx)
        if hasattr(tx, "cursor") and _module(tx) in _DRIVERS and not hasattr(tx, "__aenter__"):
            return DriverTransaction(tx)
        raise InvalidConfiguration(
            f"tx must be a connection of psycopg or sqlite3, not {type(tx).__name__}; for others"
            " open the flow with an embedder"
        )

    def _flush(self, foreign: ForeignTransaction) -> None:
        """What the application has noted is sent before anything of paidflow is."""
        try:
            foreign.flush()
        except Exception as error:
            if self._store.passing(error):
                raise
            raise ApplicationRowsRefused(type(error).__name__) from error


class _Alone:
    """A call on connections of its own; a class, because every call has one."""

    __slots__ = ("_flow", "_services", "_span")

    def __init__(self, name: str, services: Services) -> None:
        self._flow = checkpoints.flow(name)
        self._span = span(name)
        self._services = services

    def __enter__(self) -> Services:
        self._flow.__enter__()
        self._span.__enter__()
        return self._services

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._span.__exit__(kind, raised, trace)
        finally:
            self._flow.__exit__(None, None, None)


def _module(thing: object) -> str:
    modules = {kind.__module__.split(".")[0] for kind in type(thing).__mro__}
    return next((name for name in _DRIVERS if name in modules), "")
