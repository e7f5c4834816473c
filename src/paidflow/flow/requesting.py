"""Requests a new action: validate, price, choose the funding, open the invoice, then commit.

The invoice is opened before any transaction; if the commit does not come, nobody was shown it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Literal

from paidflow.actions.contract import ACCOUNT, INVOICE, PaidAction
from paidflow.errors import (
    ClaimTaken,
    GatewayRefused,
    GatewayUnavailable,
    InsufficientFunds,
    LoginRequired,
    PaymentUsed,
    QuoteUnavailable,
    Refused,
    TooManyOpenInvoices,
)
from paidflow.flow.charging import Charge
from paidflow.flow.forwarding import Wrap
from paidflow.flow.funding import (
    Funding,
    Plan,
    PurseUse,
    plan_from_account,
    purses_for_transfer,
)
from paidflow.flow.hooks import HookRaised
from paidflow.flow.idempotency import earlier_action, request_of
from paidflow.flow.invoice_limit import InvoiceLimit
from paidflow.flow.invoices import Opening
from paidflow.flow.members import Member, members_of
from paidflow.flow.planned import Beside
from paidflow.flow.prepared import Prepared, attempts, requested
from paidflow.flow.pricing import price
from paidflow.flow.reading import Reading
from paidflow.flow.receipt import Receipt
from paidflow.flow.receivers import receivers_of
from paidflow.flow.registry import fingerprint
from paidflow.flow.steps import Steps
from paidflow.flow.told import told
from paidflow.flow.tools import Tools
from paidflow.money import Money
from paidflow.payments.contract import Declined, Opened
from paidflow.states import events as e
from paidflow.states.evolve import fold
from paidflow.states.postings import total
from paidflow.store.records import Request
from paidflow.store.transaction import DuplicateRequest

_PURSE_USES = (
    PurseUse.TRUSTED,
    # Spent at this very moment: what is left is looked into, and at last an invoice asks for all.
    PurseUse.LOOKED_INTO,
    PurseUse.LOOKED_INTO,
    PurseUse.LEFT_OUT,
)
LOOKS_MAX = 50
_PURSE_USES_ALONE = (
    PurseUse.TRUSTED,
    # What one purse has not any more another may have; whoever looks is told when none has.
    *[PurseUse.LOOKED_INTO] * LOOKS_MAX,
)


class Requesting:
    """Prepares and commits new actions.

    Args:
        tools: what it works with.
        steps: to open invoices with.
        reading: to answer with.
        limit: how many unpaid invoices an actor may have.
        creation_s: how long a missing invoice is tried for.
    """

    def __init__(
        self, tools: Tools, steps: Steps, reading: Reading, limit: InvoiceLimit, creation_s: int
    ) -> None:
        self._t = tools
        self._steps = steps
        self._reading = reading
        self._limit = limit
        self._creation = timedelta(seconds=creation_s)
        self._funding = Funding()

    def perform(
        self,
        action: PaidAction,
        actor: str | None,
        idempotency_key: str | None,
        *,
        proof: str | None = None,
    ) -> Receipt:
        """Prepare and commit; falls through to an invoice only when the purse has not enough."""
        try:
            return self._perform(action, actor, idempotency_key, proof)
        except (InsufficientFunds, Refused, TooManyOpenInvoices):
            # Perhaps because of what this very request has done, sent twice at the same moment.
            written = fingerprint(action)
            earlier = self._replay(request_of(action, actor, idempotency_key, written))
            if earlier is None:
                raise
            return earlier

    def _perform(
        self,
        action: PaidAction,
        actor: str | None,
        idempotency_key: str | None,
        proof: str | None,
    ) -> Receipt:
        self._t.registry.known(action)
        by_invoice = INVOICE in action.funding
        for purse_use in _PURSE_USES if by_invoice else _PURSE_USES_ALONE:
            prepared = self.prepare(action, actor, idempotency_key, purse_use, proof=proof)
            try:
                return self._commit(prepared)
            except HookRaised as raised:  # whatever it was, also that there is not enough
                raise raised.error from None
            except InsufficientFunds:
                self._funding.lacked(actor, prepared.cost.currency)
        if not by_invoice:
            raise InsufficientFunds(action.kind)
        raise AssertionError("without credits nothing can be insufficient")

    def prepare(
        self,
        action: PaidAction,
        actor: str | None,
        idempotency_key: str | None,
        purse_use: PurseUse = PurseUse.LOOKED_INTO,
        *,
        proof: str | None = None,
    ) -> Prepared:
        """Everything that comes before the commit; stores nothing."""
        action_id = self._t.ids.new_id()
        members = self._members(action, actor, action_id)
        written = fingerprint(action)  # refuses what cannot be stored, before anything is asked for
        request = request_of(action, actor, idempotency_key, written)
        with self._t.store.reading() as tx:
            earlier = earlier_action(tx, request)
            if earlier is not None:
                cost = Money(0, "BTC")
                free = Plan(e.Mode.FREE)
                return Prepared(action, actor, earlier, cost, free, written, replay_of=earlier)
            ctx = told(
                tx,
                self._t.registry,
                action_id=action_id,
                actor=actor,
                now=self._t.clock.now(),
                cost=None,
                proves=partial(self._proves, proof),
            )
            priced = price(members, ctx)
            ctx, cost, payouts = priced.context, priced.cost, priced.payouts
            if action.has_own("transfer"):
                plan = Plan(e.Mode.PAY_OUT, purses_for_transfer(tx, type(action), actor, cost))
                planned = self._steps.pay_outs.plan(action, ctx, 1, ctx.now + self._creation)
                return Prepared(
                    action, actor, action_id, cost, plan, written, request, planned=planned
                )
            if ACCOUNT in action.funding:
                plan = plan_from_account(tx, action, ctx, cost)
            else:
                plan = self._funding.plan(tx, type(action), actor, cost, payouts, purse_use)
            prepared = Prepared(
                action=action,
                actor=actor,
                action_id=action_id,
                cost=cost,
                plan=plan,
                written=written,
                request=request,
                payouts=payouts,
                parts=priced.parts,
            )
            if not prepared.by_invoice:
                return prepared
            self._limit.check_early(tx, actor)
            receivers = receivers_of(action, ctx, payouts)
            prepared = replace(prepared, receivers=receivers, text=action.describe(ctx))
        return self._open(prepared)

    def _proves(self, proof: str | None, action_id: str) -> bool:
        return proof is not None and self._t.keyring.proves(proof, action_id)

    def _open(self, prepared: Prepared) -> Prepared:
        """Open the invoice; if purses give first, only say which gateway will be asked."""
        hold = prepared.plan.mode is e.Mode.PESSIMISTIC
        rest = Money(prepared.cost.amount - total(prepared.plan.purses), prepared.cost.currency)
        charging, wanted = self._steps.invoices.charging, prepared.action.gateway
        try:
            charge = charging.charge(rest, hold=hold, wanted=wanted)
        except QuoteUnavailable:
            if hold:
                raise
            return prepared  # as if the gateway could not be reached
        if prepared.plan.purses:  # they give first, and the invoice asks for exactly the rest
            return replace(prepared, charge=charge)
        opening, wrap = self._opened(prepared, charge)
        if isinstance(opening.outcome, Declined):
            raise GatewayRefused(opening.outcome.reason)
        if isinstance(opening.outcome, Opened):
            passed_on = (wrap.planned(1), wrap.payment(1)) if wrap else None
            return replace(prepared, opening=opening, planned=passed_on)
        if hold:
            raise GatewayUnavailable(charge.gateway)
        return replace(prepared, opening=opening)

    def _opened(self, p: Prepared, charge: Charge) -> tuple[Opening, Wrap | None]:
        """The first invoice, wrapped if one of the receivers can be paid directly."""
        invoices = self._steps.invoices
        asked = fold(None, [requested(p)])
        for wrap in invoices.forwarding.offers(asked, p.text):
            opening = invoices.open_wrapped(p.action_id, 1, wrap, p.cost, p.text)
            if not isinstance(opening.outcome, Declined):
                return opening, wrap
        hold = p.plan.mode is e.Mode.PESSIMISTIC
        return invoices.open(p.action_id, 1, charge, hold, p.text), None

    def _members(self, action: PaidAction, actor: str | None, action_id: str) -> tuple[Member, ...]:
        self._t.registry.known(action)
        members = members_of(action, action_id)
        for member in members:
            self._t.registry.known(member.action)
            if actor is None and not member.action.anonymous:
                raise LoginRequired(member.action.kind)
        return members

    def commit(self, prepared: Prepared) -> Receipt:
        """Store a prepared action and do its work, in one transaction."""
        try:
            return self._commit(prepared)
        except HookRaised as raised:
            raise raised.error from None

    def _commit(self, prepared: Prepared) -> Receipt:
        if prepared.replay_of is not None:
            return self._reading.receipt_of(prepared.replay_of, with_proof=True)
        arguments = prepared.written[0]
        events = list(self._events(prepared))
        payments = (prepared.planned[1],) if prepared.planned else ()
        rows = Beside(attempts=tuple(attempts(prepared)), payments=payments)
        if prepared.charge is not None:
            started, rows = self._steps.invoices.starting(
                prepared.action_id, fold(None, events), prepared.text, prepared.charge
            )
            events.extend(started)
        beside = replace(
            rows,
            action=prepared.action,
            arguments=arguments,
            request=prepared.request,
            open_invoices_max=self._limit.most if prepared.by_invoice else None,
        )
        try:
            done = self._t.recorder.record(prepared.action_id, None, events, "request", beside)
        except (HookRaised, PaymentUsed):
            self._drop_orphan(prepared)
            raise
        except TooManyOpenInvoices:
            self._drop_orphan(prepared)
            raise self._limit.refused(prepared.actor) from None
        except (DuplicateRequest, ClaimTaken):
            self._drop_orphan(prepared)
            # The claim may be taken by this very request, sent twice at the same moment.
            earlier = self._replay(prepared.request)
            if earlier is None:
                raise
            return earlier
        self._remember(prepared)
        if prepared.plan.purses and prepared.plan.mode is not e.Mode.CREDITS:
            done, _ = self._steps.drive(done, hooks_too=False)
        payment_request = rows.attempts[0].payment_request if rows.attempts else None
        return self._reading.receipt(
            done, changed=True, with_proof=True, payment_request=payment_request
        )

    def _remember(self, prepared: Prepared) -> None:
        """Keep in mind what spares the next request a question to the database."""
        if prepared.by_invoice:
            self._limit.opened(prepared.actor)
        elif prepared.plan == Plan(e.Mode.CREDITS):
            self._funding.paid(prepared.actor, prepared.cost.currency)

    def _drop_orphan(self, prepared: Prepared) -> None:
        """Nothing was stored, so nobody will be shown the invoice."""
        if prepared.opening is not None:
            self._steps.drop_orphan(prepared.action_id, prepared.opening)

    def _replay(self, request: Request | None) -> Receipt | None:
        with self._t.store.reading() as tx:
            earlier = earlier_action(tx, request)
        return None if earlier is None else self._reading.receipt_of(earlier, with_proof=True)

    def _events(self, p: Prepared) -> Iterator[e.Event]:
        yield requested(p)
        if p.plan.purses:
            yield e.PursesReserved(purses=p.plan.purses)
        if p.planned is not None:
            yield p.planned[0]
        if p.plan.mode is e.Mode.PAY_OUT:
            return
        if not p.by_invoice:
            source = _SOURCES[p.plan.mode, bool(p.plan.purses)]
            kinds = (p.action.kind, *(part.kind for part in p.parts))
            owed = any(self._t.registry.has_hook(kind, "after_paid") for kind in kinds)
            yield e.Paid(source=source, amount=p.cost, late=False, after_paid_owed=owed)
        elif p.opening is not None and isinstance(p.opening.outcome, Opened):
            yield self._steps.invoices.attached(p.opening, p.opening.outcome.invoice)
        else:
            yield e.InvoiceAwaited(until=self._t.clock.now() + self._creation)


_SOURCES: dict[tuple[e.Mode, bool], Literal["free", "credits", "purses"]] = {
    (e.Mode.FREE, False): "free",
    (e.Mode.CREDITS, False): "credits",
    (e.Mode.CREDITS, True): "purses",
}
