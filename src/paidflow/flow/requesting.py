"""Requests a new action: validate, price, choose the funding, open the invoice, then commit.

The invoice is opened before any transaction; if the commit does not come, nobody was shown it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from paidflow.actions.contract import CREDITS, INVOICE, Context, PaidAction
from paidflow.errors import (
    ClaimTaken,
    GatewayRefused,
    GatewayUnavailable,
    IdempotencyMismatch,
    InsufficientFunds,
    InvalidAmount,
    LoginRequired,
    NegativeCost,
    NoFunding,
    Refused,
    TooManyOpenInvoices,
    WeakIdempotencyKey,
)
from paidflow.flow.hooks import HookRaised
from paidflow.flow.invoices import Opening
from paidflow.flow.planned import Beside
from paidflow.flow.reading import Reading
from paidflow.flow.receipt import Receipt
from paidflow.flow.registry import check_text, fingerprint
from paidflow.flow.steps import Steps
from paidflow.flow.tools import Tools
from paidflow.ledger.entries import purse
from paidflow.money import Money
from paidflow.payments.contract import Declined, Opened
from paidflow.states import events as e
from paidflow.store.contract import NewAttempt, Request, Transaction
from paidflow.store.transaction import DuplicateRequest

ANONYMOUS_KEY_CHARACTERS_MIN = 22


@dataclass(frozen=True, slots=True)
class Prepared:
    """An action that was validated and priced, and whose invoice is open if it needs one.

    Args:
        action: the action.
        actor: who does it.
        action_id: the id that it will have.
        cost: what it costs.
        mode: in which order paying and doing happen.
        written: the arguments as JSON, and their hash.
        request: the idempotency key.
        opening: the invoice, or what came instead of one.
        replay_of: the action that this key already stands for.
    """

    action: PaidAction
    actor: str | None
    action_id: str
    cost: Money
    mode: e.Mode
    written: tuple[str, str]
    request: Request | None = None
    opening: Opening | None = None
    replay_of: str | None = None


class Requesting:
    """Prepares and commits new actions.

    Args:
        tools: what it works with.
        steps: to open invoices with.
        reading: to answer with.
        open_invoices_max: how many unpaid invoices an actor may have.
        creation_s: how long a missing invoice is tried for.
    """

    def __init__(
        self, tools: Tools, steps: Steps, reading: Reading, open_invoices_max: int, creation_s: int
    ) -> None:
        self._t = tools
        self._steps = steps
        self._reading = reading
        self._open_invoices_max = open_invoices_max
        self._creation = timedelta(seconds=creation_s)

    def perform(
        self, action: PaidAction, actor: str | None, idempotency_key: str | None
    ) -> Receipt:
        """Prepare and commit; falls through to an invoice only when the purse has not enough."""
        try:
            return self._perform(action, actor, idempotency_key)
        except (InsufficientFunds, Refused, TooManyOpenInvoices):
            # Perhaps because of what this very request has done, sent twice at the same moment.
            written = fingerprint(action)
            earlier = self._replay(_request(action, actor, idempotency_key, written))
            if earlier is None:
                raise
            return earlier

    def _perform(
        self, action: PaidAction, actor: str | None, idempotency_key: str | None
    ) -> Receipt:
        for credits_too in (True, False):
            prepared = self.prepare(action, actor, idempotency_key, credits_too=credits_too)
            try:
                return self.commit(prepared)
            except InsufficientFunds:
                if prepared.mode is not e.Mode.CREDITS or INVOICE not in action.funding:
                    raise
        raise AssertionError("without credits nothing can be insufficient")

    def prepare(
        self,
        action: PaidAction,
        actor: str | None,
        idempotency_key: str | None,
        *,
        credits_too: bool = True,
    ) -> Prepared:
        """Everything that comes before the commit; stores nothing."""
        self._t.registry.known(action)
        if actor is None and not action.anonymous:
            raise LoginRequired(action.kind)
        written = fingerprint(action)  # refuses what cannot be stored, before anything is asked for
        request = _request(action, actor, idempotency_key, written)
        action_id = self._t.ids.new_id()
        with self._t.store.reading() as tx:
            earlier = _earlier(tx, request)
            if earlier is not None:
                cost = Money(0, "BTC")
                return Prepared(
                    action, actor, earlier, cost, e.Mode.FREE, written, replay_of=earlier
                )
            ctx = Context(action_id, actor, self._t.clock.now(), None, False, tx)
            cost = action.cost(ctx)
            if not isinstance(cost, Money):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidAmount(f"{action.kind} costs {type(cost).__name__}, not Money")
            if cost.amount < 0:
                raise NegativeCost(action.kind)
            action.validate_request(ctx)
            mode = _mode(tx, action, actor, cost, credits_too)
            if mode not in (e.Mode.OPTIMISTIC, e.Mode.PESSIMISTIC):
                return Prepared(action, actor, action_id, cost, mode, written, request)
            self.refuse_too_many(tx, actor)
            text = action.describe(ctx)
        hold = mode is e.Mode.PESSIMISTIC
        gateway = self._t.gateways.choose(cost.currency, hold=hold, wanted=action.gateway)
        opening = self._steps.invoices.open(action_id, 1, gateway, cost, hold, text)
        if isinstance(opening.outcome, Declined):
            raise GatewayRefused(opening.outcome.reason)
        if hold and not isinstance(opening.outcome, Opened):
            raise GatewayUnavailable(gateway)
        return Prepared(action, actor, action_id, cost, mode, written, request, opening)

    def refuse_too_many(self, tx: Transaction, actor: str | None) -> None:
        """Check the number of unpaid invoices of an actor.

        Raises:
            TooManyOpenInvoices: when there are too many.
        """
        if actor is None:
            return
        row = tx.query("count_open_invoices", actor=actor).fetchone()
        if row is not None and row["total"] >= self._open_invoices_max:
            raise TooManyOpenInvoices(f"{self._open_invoices_max} at most")

    def commit(self, prepared: Prepared) -> Receipt:
        """Store a prepared action and do its work, in one transaction."""
        if prepared.replay_of is not None:
            return self._reading.receipt_of(prepared.replay_of, with_proof=True)
        arguments, arguments_hash = prepared.written
        attempts = tuple(self._attempts(prepared))
        beside = Beside(
            action=prepared.action,
            arguments=arguments,
            request=prepared.request,
            attempts=attempts,
        )
        events = list(self._events(prepared, arguments_hash))
        try:
            done = self._t.recorder.record(prepared.action_id, None, events, "request", beside)
        except HookRaised as raised:
            self._drop_orphan(prepared)
            raise raised.error from None
        except (DuplicateRequest, ClaimTaken):
            self._drop_orphan(prepared)
            # The claim may be taken by this very request, sent twice at the same moment.
            earlier = self._replay(prepared.request)
            if earlier is None:
                raise
            return earlier
        payment_request = attempts[0].payment_request if attempts else None
        return self._reading.receipt(
            done, changed=True, with_proof=True, payment_request=payment_request
        )

    def _drop_orphan(self, prepared: Prepared) -> None:
        """Nothing was stored, so nobody will be shown the invoice."""
        if prepared.opening is not None:
            self._steps.drop_orphan(prepared.action_id, prepared.opening)

    def _replay(self, request: Request | None) -> Receipt | None:
        with self._t.store.reading() as tx:
            earlier = _earlier(tx, request)
        return None if earlier is None else self._reading.receipt_of(earlier, with_proof=True)

    def _attempts(self, p: Prepared) -> Iterator[NewAttempt]:
        if p.opening is None:
            return
        o = p.opening
        if isinstance(o.outcome, Opened):
            invoice = o.outcome.invoice
            yield NewAttempt(
                o.number, o.gateway, o.nonce, invoice.invoice_id, invoice.payment_request
            )

    def _events(self, p: Prepared, arguments_hash: str) -> Iterator[e.Event]:
        yield e.Requested(
            kind=p.action.kind,
            kind_version=p.action.version,
            actor=p.actor,
            mode=p.mode,
            cost=p.cost,
            late_policy=p.action.late_payment,
            arguments_hash=arguments_hash,
            performed=p.mode is not e.Mode.PESSIMISTIC,
        )
        if p.opening is None:
            source = "free" if p.mode is e.Mode.FREE else "credits"
            owed = p.action.has_own("after_paid")
            yield e.Paid(source=source, amount=p.cost, late=False, after_paid_owed=owed)
        elif isinstance(p.opening.outcome, Opened):
            yield self._steps.invoices.attached(p.opening, p.opening.outcome.invoice)
        else:
            yield e.InvoiceAwaited(until=self._t.clock.now() + self._creation)


def _request(
    action: PaidAction, actor: str | None, key: str | None, written: tuple[str, str]
) -> Request | None:
    if key is None:
        return None
    check_text("an idempotency key", key)
    if actor is None and len(key) < ANONYMOUS_KEY_CHARACTERS_MIN:
        raise WeakIdempotencyKey
    # An empty actor is refused by PaidFlow, so this cannot be somebody's name.
    return Request(
        actor=actor or "",
        kind=action.kind,
        key_hash=hashlib.sha256(key.encode()).hexdigest(),
        fingerprint=written[1],
    )


def _earlier(tx: Transaction, request: Request | None) -> str | None:
    if request is None:
        return None
    found = tx.query(
        "select_request", actor=request.actor, kind=request.kind, key_hash=request.key_hash
    ).fetchone()
    if found is None:
        return None
    if found["fingerprint"] != request.fingerprint:
        raise IdempotencyMismatch
    return found["action_id"]


def _mode(
    tx: Transaction, action: PaidAction, actor: str | None, cost: Money, credits_too: bool
) -> e.Mode:
    if actor is None:
        return e.Mode.PESSIMISTIC if cost.amount else e.Mode.FREE
    if cost.amount == 0:
        return e.Mode.FREE
    for source in action.funding:
        if source == CREDITS and credits_too and balance(tx, actor, cost.currency) >= cost:
            return e.Mode.CREDITS
        if source == INVOICE:
            return e.Mode.OPTIMISTIC if action.optimistic else e.Mode.PESSIMISTIC
    if CREDITS in action.funding:
        raise InsufficientFunds(action.kind)
    raise NoFunding(action.kind)


def balance(tx: Transaction, actor: str, currency: str) -> Money:
    """What is in an actor's purse."""
    row = tx.query("select_balance", account=purse(actor), currency=currency).fetchone()
    return Money(row["balance"] if row else 0, currency)
