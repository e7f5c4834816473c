"""PaidFlow: what an application calls."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any, Self

from paidflow.actions.contract import HookTransaction, PaidAction
from paidflow.clock import Clock
from paidflow.errors import (
    InvalidArguments,
    InvalidConfiguration,
)
from paidflow.flow.aio import AIO_THREADS_MAX, AsyncPaidFlow
from paidflow.flow.gateway_calls import GatewayCalls
from paidflow.flow.gateways import Gateways
from paidflow.flow.home import Home
from paidflow.flow.identity import check_identity
from paidflow.flow.inbox import Inbox, WebhookLimits
from paidflow.flow.inbox_work import InboxWork
from paidflow.flow.invoice_limit import InvoiceLimit
from paidflow.flow.joining import Joining
from paidflow.flow.maintenance import Maintenance
from paidflow.flow.operator_calls import OperatorCalls
from paidflow.flow.owner_calls import OwnerCalls
from paidflow.flow.planned import Planner
from paidflow.flow.prepared import Prepared
from paidflow.flow.receipt import Receipt
from paidflow.flow.recorder import Recorder
from paidflow.flow.registry import Registry, check_text
from paidflow.flow.services import Limits, Services
from paidflow.flow.settling import Settling
from paidflow.flow.tools import Tools
from paidflow.flow.wallets import Wallets
from paidflow.ids import Ids, RandomIds
from paidflow.keyring import Keyring
from paidflow.payments.contract import Destination, Gateway
from paidflow.payments.quotes import Quotes
from paidflow.payments.wrapped import Wallet
from paidflow.states import codec
from paidflow.store.application_tables import check_tables, create_tables
from paidflow.store.contract import Store
from paidflow.store.embedded import EmbeddedStore
from paidflow.store.foreign import Embedder
from paidflow.store.opening import open_store

logger = logging.getLogger("paidflow.flow")


class PaidFlow(OwnerCalls, GatewayCalls, OperatorCalls):
    """Takes paid actions from request to money to real.

    Args:
        store: where everything is kept.
        actions: the classes of actions; every kind once.
        gateways: name -> gateway, the preferred one first.
        secret: at least 16 bytes, or several by key id, the current one first.
        create: whether to create the tables or bring them up to date.
        clock: the time; by default the database's.
        ids: where ids come from.
        open_invoices_max: how many unpaid invoices an actor may have.
        creation_s: how long a missing invoice is tried for.
        wallets: name -> wallet of somebody who can be paid directly; any mapping with ``get``.
        embedder: how the application works with its database, for ``tx`` and for hooks; by default
            with psycopg or sqlite3.
        aio_threads_max: how many calls of ``aio`` are at work at once, 1 to 100.
        quotes: where exchange rates come from, for costs in a currency that no gateway takes.
        settings: what hooks find with ``ctx.setting``; one object of each type.
        webhooks: what is kept of webhooks, and for how long.

    Raises:
        InvalidConfiguration: when something does not fit, with a sentence that says what.
    """

    def __init__(
        self,
        store: Store,
        *,
        actions: Iterable[type[PaidAction]],
        gateways: Mapping[str, Gateway],
        secret: str | bytes | Mapping[str, bytes] | Keyring,
        create: bool = False,
        clock: Clock | None = None,
        ids: Ids | None = None,
        open_invoices_max: int = 100,
        creation_s: int = 60,
        wallets: Mapping[str, Wallet] | None = None,
        embedder: Embedder | None = None,
        aio_threads_max: int = AIO_THREADS_MAX,
        quotes: Quotes | None = None,
        settings: Iterable[object] = (),
        webhooks: WebhookLimits | None = None,
    ) -> None:
        if quotes is not None and not isinstance(quotes, Quotes):  # pyright: ignore
            raise InvalidConfiguration("quotes has no method quote")
        codec.check_upcasters()
        self.store = store
        self.clock: Clock = clock or store
        ids = ids or RandomIds(self.clock)
        self.registry = Registry(actions, settings)
        if create:
            store.create()
            create_tables(store, self.registry.tables)
        self._maintenance = Maintenance(store)
        self.gateways = Gateways(gateways, self.clock, self._maintenance)
        self.gateways.check(self.registry)
        self.ids = ids
        self.keyring = Keyring.of(secret)
        planner = Planner(self.registry, self.clock, ids)
        work = store if embedder is None else EmbeddedStore(store, embedder)
        self._recorder = Recorder(work, planner)
        tools = Tools(
            store=work,
            gateways=self.gateways,
            registry=self.registry,
            recorder=self._recorder,
            keyring=self.keyring,
            clock=self.clock,
            ids=ids,
            quotes=quotes,
            wallets=Wallets({} if wallets is None else wallets),
        )
        limits = Limits(InvoiceLimit(open_invoices_max, self.clock), creation_s)
        services = Services.of(tools, limits)
        self.steps = services.steps
        self._reading = services.reading
        self._settling = Settling(tools, self.steps)
        self._inbox = Inbox(store, self.gateways, self.clock, webhooks or WebhookLimits())
        self._inbox_work = InboxWork(store, self.gateways, self._inbox, self._settling, self.clock)
        self._at = Joining(store, embedder, services, planner)
        self.aio = AsyncPaidFlow(self, aio_threads_max)
        check_tables(store, self.registry.tables)
        check_identity(store, self.gateways)
        self.home = Home(store, self.gateways)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        actions: Iterable[type[PaidAction]],
        gateways: Mapping[str, Gateway],
        secret: str | bytes | Mapping[str, bytes] | Keyring,
        create: bool | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
        open_invoices_max: int = 100,
        creation_s: int = 60,
        connections_max: int = 20,
        group_commit: bool = False,
        schema: str | None = None,
        prefix: str = "paidflow_",
        wallets: Mapping[str, Wallet] | None = None,
        embedder: Embedder | None = None,
        aio_threads_max: int = AIO_THREADS_MAX,
        quotes: Quotes | None = None,
        settings: Iterable[object] = (),
        webhooks: WebhookLimits | None = None,
    ) -> PaidFlow:
        """Open a flow on a database.

        Args:
            url: ``sqlite:///file.db``, ``sqlite:///:memory:`` or ``postgresql://...``.
            actions: see the class.
            gateways: see the class.
            secret: see the class.
            create: see the class; by default on SQLite only, as ``paidflow migrate`` does it
                elsewhere.
            clock: see the class.
            ids: see the class.
            open_invoices_max: see the class.
            creation_s: see the class.
            connections_max: how many connections to PostgreSQL it may open.
            group_commit: whether threads that write at the same moment share a transaction, on
                PostgreSQL; see docs/performance.md.
            schema: the schema of PostgreSQL that paidflow's tables are in.
            prefix: what the names of paidflow's tables begin with.
            wallets: see the class.
            embedder: see the class.
            aio_threads_max: see the class.
            quotes: see the class.
            settings: see the class.
            webhooks: see the class.

        Raises:
            InvalidConfiguration: when the URL is not understood or something does not fit.
        """
        store = open_store(
            url,
            connections_max=connections_max,
            group_commit=group_commit,
            schema=schema,
            prefix=prefix,
        )
        if create is None:
            create = url.startswith("sqlite:")
        try:
            return cls(
                store,
                actions=actions,
                gateways=gateways,
                secret=secret,
                create=create,
                clock=clock,
                ids=ids,
                open_invoices_max=open_invoices_max,
                creation_s=creation_s,
                wallets=wallets,
                embedder=embedder,
                aio_threads_max=aio_threads_max,
                quotes=quotes,
                settings=settings,
                webhooks=webhooks,
            )
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Close the store's connections, once the calls of ``aio`` are done."""
        self.aio.stop()
        try:
            self._inbox.refusals.flush(self.clock.now)
        finally:
            self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Generator[HookTransaction]:
        """A transaction for the application's own tables; it commits at the end of the block."""
        with self._at("embedder"), self.store.transaction("own") as tx:
            yield tx

    def prepare(
        self,
        action: PaidAction,
        *,
        actor: str | None = None,
        idempotency_key: str | None = None,
        proof: str | None = None,
    ) -> Prepared:
        """Validate and price an action and open its invoice; nothing is stored.

        Args:
            action: the action with its arguments.
            actor: who does it; ``None`` for a logged-out person.
            idempotency_key: the same key gives the same receipt.
            proof: that of an earlier action, for hooks that ask ``ctx.proves``; it is kept nowhere.
        """
        _check_actor(actor)
        with self._at("perform") as services:
            return services.requesting.prepare(action, actor, idempotency_key, proof=proof)

    def decode(
        self, destination: str, *, currency: str = "BTC", gateway: str | None = None
    ) -> Destination:
        """Read an invoice or an address that somebody wants to be paid to.

        It asks nobody and waits for nothing, so ``flow.aio`` has no coroutine of it.

        Args:
            destination: as the receiver gave it.
            currency: in which it would be paid.
            gateway: the name of the gateway that would pay; ``None`` for any.

        Raises:
            InvalidDestination: when it cannot be paid from here.
            NoFunding: when no gateway pays out.
        """
        return self.steps.pay_outs.decode(destination, currency, gateway)[1]

    def discard(self, prepared: Prepared) -> None:
        """Close the invoice of a prepared action that was not stored, such as after a rollback."""
        with self._at("discard") as services:
            if prepared.opening is not None:
                services.steps.drop_orphan(prepared.action_id, prepared.opening)

    def perform(
        self,
        action: PaidAction | Prepared,
        *,
        actor: str | None = None,
        idempotency_key: str | None = None,
        proof: str | None = None,
        tx: Any = None,
    ) -> Receipt:
        """Request an action: do it now if that is safe, and ask for the money.

        Args:
            action: the action with its arguments, or what ``prepare`` returned.
            actor: who does it; ``None`` for a logged-out person.
            idempotency_key: the same key gives the same receipt; scoped to actor and kind.
            proof: that of an earlier action, for hooks that ask ``ctx.proves``; it is kept nowhere.
            tx: the caller's open transaction to do it in, with what ``prepare`` returned.

        Returns:
            Where the action stands, what to pay, and the proof for later; provisional with ``tx``.

        Raises:
            InsufficientFunds: when there is not enough in the purse, or not any more.
            TransactionOpen: when the caller has a transaction open and does not pass it.
            ApplicationRowsRefused: when rows of the caller are in the way of anything else.
            SecondPayer: when the caller's transaction is that of another payer.
            Conflict: when others were in the way; with ``tx``, nothing else is rolled back.
        """
        with self._at("perform", tx) as services:
            if isinstance(action, Prepared):
                return services.requesting.commit(action)
            if tx is not None:
                raise InvalidArguments("inside a transaction pass what prepare returned before it")
            _check_actor(actor)
            return services.requesting.perform(action, actor, idempotency_key, proof=proof)

    def lock(self, actors: Iterable[str], *, tx: Any) -> None:
        """Lock the purses of several payers in order, before any of them acts in a transaction.

        Args:
            actors: all payers whose actions the transaction will contain.
            tx: the caller's open transaction.

        Raises:
            SecondPayer: when somebody else has acted in it before.
        """
        actors = list(actors)
        for actor in actors:
            check_text("an actor", actor)
        self._at.lock(actors, tx)


def _check_actor(actor: str | None) -> None:
    if actor is not None:
        check_text("an actor", actor)
