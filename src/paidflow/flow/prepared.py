"""A new action before it is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from paidflow.actions.contract import PaidAction
from paidflow.flow.charging import Charge
from paidflow.flow.funding import Plan
from paidflow.flow.invoices import Opening
from paidflow.flow.pay_outs import Planned
from paidflow.money import Money
from paidflow.payments.contract import Opened
from paidflow.states import events as e
from paidflow.states.part import Part
from paidflow.states.postings import Postings
from paidflow.states.receivers import Receiver
from paidflow.store.records import NewAttempt, Request


@dataclass(frozen=True, slots=True)
class Prepared:
    """An action that was validated and priced, and whose invoice is open if it needs one.

    Args:
        action: the action.
        actor: who does it.
        action_id: the id that it will have.
        cost: what it costs.
        plan: in which order paying and doing happen, and what purses give.
        written: the arguments as JSON, and their hash.
        request: the idempotency key.
        charge: which gateway is asked for how much, if purses give first.
        opening: the invoice, or what came instead of one.
        payouts: who gets the cost when it is paid.
        parts: the actions that it carries.
        receivers: who of them may be paid directly.
        text: what the payer reads.
        planned: the payment to somebody else that it is there for.
        replay_of: the action that this key already stands for.
    """

    action: PaidAction
    actor: str | None
    action_id: str
    cost: Money
    plan: Plan
    written: tuple[str, str]
    request: Request | None = None
    charge: Charge | None = None
    opening: Opening | None = None
    payouts: Postings = ()
    parts: tuple[Part, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    text: str = ""
    planned: Planned | None = None
    replay_of: str | None = None

    @property
    def by_invoice(self) -> bool:
        """Whether an invoice asks for all of it, or for the rest."""
        return self.plan.mode in (e.Mode.OPTIMISTIC, e.Mode.PESSIMISTIC)


def requested(p: Prepared) -> e.Requested:
    """The first event of the action."""
    return e.Requested(
        kind=p.action.kind,
        kind_version=p.action.version,
        actor=p.actor,
        mode=p.plan.mode,
        cost=p.cost,
        late_policy=p.action.late_payment,
        arguments_hash=p.written[1],
        performed=p.plan.mode is not e.Mode.PESSIMISTIC,
        payouts=p.payouts,
        parts=p.parts,
        receivers=p.receivers,
    )


def attempts(p: Prepared) -> Iterator[NewAttempt]:
    """The row of its attempt, if its invoice is open."""
    if p.opening is None:
        return
    o = p.opening
    if isinstance(o.outcome, Opened):
        invoice = o.outcome.invoice
        yield NewAttempt(
            o.number,
            o.gateway,
            o.nonce,
            invoice.invoice_id,
            invoice.payment_request,
        )
