"""PaidFlow: what an application calls."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Self

from paidflow import checkpoints
from paidflow.actions.contract import HookTransaction, PaidAction
from paidflow.clock import Clock
from paidflow.errors import (
    IdentityMismatch,
    InvalidArguments,
    MissingTables,
)
from paidflow.flow.commands import Commands, Resolution
from paidflow.flow.gateways import Gateways
from paidflow.flow.planned import Planner
from paidflow.flow.reading import Reading
from paidflow.flow.receipt import HistoryEntry, Receipt
from paidflow.flow.recorder import Recorder
from paidflow.flow.registry import Registry, check_text
from paidflow.flow.requesting import Prepared, Requesting, balance
from paidflow.flow.settling import Settling
from paidflow.flow.steps import Steps
from paidflow.flow.tools import Tools
from paidflow.ids import Ids, RandomIds
from paidflow.keyring import Keyring
from paidflow.ledger.entries import ISSUED, Entry, purse
from paidflow.money import Money
from paidflow.payments.contract import Gateway
from paidflow.states import codec
from paidflow.store.contract import Store
from paidflow.store.opening import open_store

logger = logging.getLogger("paidflow.flow")


class PaidFlow:
    """Takes paid actions from request to money to real.

    Args:
        store: where everything is kept.
        actions: the classes of actions; every kind once.
        gateways: name -> gateway, the preferred one first.
        secret: at least 16 bytes, or several by key id, the current one first.
        clock: the time; by default the database's.
        ids: where ids come from.
        open_invoices_max: how many unpaid invoices an actor may have.
        creation_s: how long a missing invoice is tried for.

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
        clock: Clock | None = None,
        ids: Ids | None = None,
        open_invoices_max: int = 100,
        creation_s: int = 60,
    ) -> None:
        codec.check_upcasters()
        self.store = store
        self.clock: Clock = clock or store
        ids = ids or RandomIds(self.clock)
        self.registry = Registry(actions)
        self.gateways = Gateways(gateways)
        self.ids = ids
        self._recorder = Recorder(store, Planner(self.registry, self.clock, ids))
        tools = Tools(
            store=store,
            gateways=self.gateways,
            registry=self.registry,
            recorder=self._recorder,
            keyring=Keyring.of(secret),
            clock=self.clock,
            ids=ids,
        )
        self.steps = Steps(tools)
        self._settling = Settling(tools, self.steps)
        self._reading = Reading(tools)
        self._requesting = Requesting(
            tools, self.steps, self._reading, open_invoices_max, creation_s
        )
        self._commands = Commands(
            tools, self.steps, self._requesting, timedelta(seconds=creation_s)
        )
        self._check_identity()

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
    ) -> PaidFlow:
        """Open a flow on a database.

        Args:
            url: ``sqlite:///file.db``, ``sqlite:///:memory:`` or ``postgresql://...``.
            actions: see the class.
            gateways: see the class.
            secret: see the class.
            create: whether to create the tables; by default on SQLite only.
            clock: see the class.
            ids: see the class.
            open_invoices_max: see the class.
            creation_s: see the class.
            connections_max: how many connections to PostgreSQL it may open.
            group_commit: whether threads that write at the same moment share a transaction, on
                PostgreSQL; see docs/performance.md.

        Raises:
            InvalidConfiguration: when the URL is not understood or something does not fit.
        """
        store = open_store(url, connections_max=connections_max, group_commit=group_commit)
        if create is None:
            create = url.startswith("sqlite:")
        try:
            if create:
                store.create()
            return cls(
                store,
                actions=actions,
                gateways=gateways,
                secret=secret,
                clock=clock,
                ids=ids,
                open_invoices_max=open_invoices_max,
                creation_s=creation_s,
            )
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Close the store's connections."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Generator[HookTransaction]:
        """A transaction for the application's own tables; it commits at the end of the block."""
        with self.store.transaction("own") as tx:
            yield tx

    # Request, and what the owner may do afterwards.

    def prepare(
        self, action: PaidAction, *, actor: str | None = None, idempotency_key: str | None = None
    ) -> Prepared:
        """Validate and price an action and open its invoice; nothing is stored.

        Args:
            action: the action with its arguments.
            actor: who does it; ``None`` for a logged-out person.
            idempotency_key: the same key gives the same receipt.
        """
        _check_actor(actor)
        with checkpoints.flow("perform"):
            return self._requesting.prepare(action, actor, idempotency_key)

    def perform(
        self,
        action: PaidAction | Prepared,
        *,
        actor: str | None = None,
        idempotency_key: str | None = None,
    ) -> Receipt:
        """Request an action: do it now if that is safe, and ask for the money.

        Args:
            action: the action with its arguments, or what ``prepare`` returned.
            actor: who does it; ``None`` for a logged-out person.
            idempotency_key: the same key gives the same receipt; scoped to actor and kind.

        Returns:
            Where the action stands, what to pay, and the proof for later.
        """
        with checkpoints.flow("perform"):
            if isinstance(action, Prepared):
                return self._requesting.commit(action)
            _check_actor(actor)
            return self._requesting.perform(action, actor, idempotency_key)

    def retry(
        self, action_id: str, *, actor: str | None = None, proof: str | None = None
    ) -> Receipt:
        """Try again to get a failed action paid: from the purse, or with a new invoice.

        Returns:
            Where it stands; ``changed`` is false when somebody else retried it at this moment.

        Raises:
            ActionNotFound: when it is not the caller's.
            NotRetriable: when it did not fail.
            Conflict: when somebody else is doing it at this moment.
        """
        with checkpoints.flow("retry"):
            owned = self._reading.owned(action_id, actor, proof)
            loaded, changed = self._commands.retry(owned)
            return self._reading.receipt(loaded, changed=changed)

    def cancel(
        self, action_id: str, *, actor: str | None = None, proof: str | None = None
    ) -> Receipt:
        """Give up an action that is not paid yet.

        Returns:
            Where it stands; ``changed`` is false when it was cancelled already.

        Raises:
            ActionNotFound: when it is not the caller's.
            NotCancellable: when the money is already there.
            Conflict: when somebody else is changing it at this moment.
        """
        with checkpoints.flow("cancel"):
            owned = self._reading.owned(action_id, actor, proof)
            loaded, changed = self._commands.cancel(owned)
            return self._reading.receipt(loaded, changed=changed)

    def get(self, action_id: str, *, actor: str | None = None, proof: str | None = None) -> Receipt:
        """Where an action stands, for its owner."""
        return self._reading.receipt(self._reading.owned(action_id, actor, proof))

    def history(
        self, action_id: str, *, actor: str | None = None, proof: str | None = None
    ) -> list[HistoryEntry]:
        """What happened to an action, for its owner."""
        self._reading.owned(action_id, actor, proof)
        return self._reading.history(action_id)

    def claim(self, action_id: str, *, proof: str, actor: str) -> Receipt:
        """Bring money that is nobody's yet into a purse.

        Args:
            action_id: the action that received it.
            proof: shows that the caller requested the action.
            actor: whose purse gets it.

        Raises:
            ActionNotFound: when the proof is wrong.
            NothingToClaim: when there is no such money, or the action still needs it.
        """
        check_text("an actor", actor)
        with checkpoints.flow("claim"):
            owned = self._reading.owned(action_id, None, proof)
            return self._reading.receipt(self._commands.claim(owned, actor), changed=True)

    # What comes from gateways and workers.

    def sync(self, gateway: str, invoice_id: str) -> Receipt | None:
        """Look at an invoice: load, ask, decide, append. Any hint from a gateway ends here.

        Returns:
            Where its action stands; ``None`` when the invoice belongs to none.

        Raises:
            GatewayUnavailable: when the gateway gives no answer; ask again later.
        """
        with checkpoints.flow("sync"):
            loaded = self.steps.load_of_invoice(gateway, invoice_id)
            if loaded is None:
                return None
            loaded = self.steps.look_at(loaded, gateway, invoice_id)
            loaded, _ = self.steps.drive(loaded, hooks_too=False)
            return self._reading.receipt(loaded)

    def sync_many(self, gateway: str, invoice_ids: Sequence[str]) -> list[str]:
        """Look at many invoices at once: in effect the same as ``sync`` of each, but faster.

        Returns:
            The invoices about which the gateway gave no answer; ask again later.
        """
        with checkpoints.flow("sync"):
            return self._settling.settle(gateway, invoice_ids)

    # What an operator does.

    def grant(self, actor: str, amount: Money, *, key: str) -> None:
        """Give credits to an actor, once for each of the actor's keys.

        Args:
            actor: whose purse.
            amount: more than zero.
            key: the same key gives the same actor nothing a second time.
        """
        check_text("an actor", actor)
        check_text("the key of a grant", key)
        if type(amount) is not Money or amount.amount <= 0:
            raise InvalidArguments("a grant must be more than zero")
        entry = Entry(ISSUED, purse(actor), amount)
        with checkpoints.flow("grant"), self.store.transaction("grant") as tx:
            tx.post(
                entry,
                source=f"grant:{len(actor)}:{actor}:{key}",
                version=1,
                line=1,
                now=self.clock.now(),
            )

    def balance(self, actor: str, currency: str = "BTC") -> Money:
        """What is in an actor's purse."""
        with self.store.reading() as tx:
            return balance(tx, actor, currency)

    def resolve(self, action_id: str, resolution: Resolution, *, operator: str, why: str) -> None:
        """Decide what a person was asked to decide.

        Args:
            action_id: the action.
            resolution: ``retry`` runs the hook that raised again; ``accept`` makes the action real
                with late money; ``credit`` gives that money to the actor's purse; ``close`` takes
                the invoice for dead; ``dismiss`` leaves everything as it is.
            operator: who decides.
            why: the reason, for the log.

        Raises:
            NotResolvable: when the resolution does not fit.
        """
        with checkpoints.flow("resolve"):
            self._commands.resolve(action_id, resolution, operator, why)

    def erase(self, action_id: str) -> None:
        """Erase the texts of a finished action; the log and the money stay as they are.

        Raises:
            ActionNotFound: when there is none.
            NotAtRest: when it is not finished, or a hook still needs the texts.
            Conflict: when somebody else is changing it at this moment.
        """
        with checkpoints.flow("erase"):
            self._commands.erase(action_id)

    def _check_identity(self) -> None:
        """A log acts only on the gateway accounts that it belongs to."""
        if not self.store.ready():
            raise MissingTables
        for name in self.gateways:
            profile = self.gateways.profile(name)
            account = profile.account if profile else ""
            with self.store.transaction("identity") as tx:
                tx.query("insert_identity", gateway=name, account=account)
                row = tx.query("select_identity", gateway=name).fetchone()
            if row is None or row["account"] != account:
                raise IdentityMismatch(name)


def _check_actor(actor: str | None) -> None:
    if actor is not None:
        check_text("an actor", actor)
