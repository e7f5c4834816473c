"""What a person can decide about an action that asks for one, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from paidflow.errors import InvalidArguments, NotResolvable, RefundUnsupported
from paidflow.flow.gateways import Gateways
from paidflow.money import Money
from paidflow.payments.contract import Held, InFlight, PayFailure, PaymentAnswer
from paidflow.states import events as e
from paidflow.states import giving_back
from paidflow.states.aggregate import Aggregate
from paidflow.states.events import ABOUT_HOOKS
from paidflow.states.late import credited, payment_of
from paidflow.states.machine import FINAL, State
from paidflow.states.pay_out import PayOut

Resolution = Literal[
    "retry",
    "accept",
    "credit",
    "refund",
    "close",
    "outgoing_arrived",
    "outgoing_failed",
    "dismiss",
]
OUTGOING = frozenset({"outgoing_arrived", "outgoing_failed"})
"""What decides how a payment to somebody else has ended."""


def possible_resolutions(a: Aggregate, gateways: Gateways) -> list[Resolution]:
    """What a person can decide about an action now.

    Args:
        a: the action.
        gateways: the gateways, which can do some of it or cannot.
    """
    if a.attention is None:
        return []
    return [one for one in get_args(Resolution) if _fits(a, one, gateways)]


def _fits(a: Aggregate, resolution: Resolution, gateways: Gateways) -> bool:
    try:
        check_refunds(gateways, a, resolved(a, resolution, "", ""))
    except (NotResolvable, RefundUnsupported):
        return False
    return True


def check_refunds(gateways: Gateways, a: Aggregate, events: Sequence[e.Event]) -> None:
    """Refuse to ask a gateway for a refund that it cannot make."""
    for event in events:
        if isinstance(event, e.RefundRequested):
            gateway = a.attempts[event.number - 1].gateway
            if not gateways.can_refund(gateway):
                raise RefundUnsupported(gateway)


def refuse_in_flight(a: Aggregate, answer: PaymentAnswer) -> None:
    """While a payment with a payer's locked money is on its way, nobody can know how it ends."""
    if isinstance(answer.lookup, InFlight) and a.mode is not e.Mode.PAY_OUT:
        raise NotResolvable("the gateway shows that the money is on its way")


def refuse_if_held(gateways: Gateways, a: Aggregate) -> None:
    """Money that a receiver was paid with is not taken for gone while it can be captured."""
    attempt = a.current
    if not a.advanced or attempt is None or attempt.invoice_id is None:
        return
    answer = gateways.lookup(attempt.gateway, attempt.invoice_id)
    if isinstance(answer.lookup, Held):
        raise NotResolvable("the gateway shows that the money is still locked")


def resolved(
    a: Aggregate, resolution: str, operator: str, why: str, fee: Money | None = None
) -> list[e.Event]:
    """What follows from a decision.

    Args:
        a: the action.
        resolution: what is decided.
        operator: who decides.
        why: the reason.
        fee: what a payment that has arrived has cost; ``None`` if nobody knows.

    Raises:
        NotResolvable: when it does not fit.
        InvalidArguments: when the fee is one that the payment cannot have cost.
    """
    decided = e.AttentionResolved(resolution=resolution, operator=operator, why=why)
    match resolution:
        case "retry" if a.attention in ABOUT_HOOKS:
            return [decided]
        case "dismiss" if a.state in FINAL or a.attention not in ABOUT_HOOKS:
            return [decided]
        case "outgoing_arrived" if a.state is State.FORWARDING:
            return [decided, _arrived(_in_doubt(a), fee)]
        case "outgoing_failed" if a.state is State.FORWARDING:
            return [decided, e.PayOutFailed(number=_in_doubt(a).number, reason=PayFailure.OTHER)]
        case "accept" if payment_of(a) is not None and a.state is State.FAILED:
            return [decided]
        case "credit" if a.claimable and a.actor is not None:
            return [decided, *credited(a, a.actor)]
        case "refund" if back := giving_back.refund_spare(a):
            return [decided, *back]
        case "close" if a.state is State.FORWARDING:
            raise NotResolvable("somebody may be paid with the money of this invoice")
        case "close" if a.current is not None and not a.current.dead:
            closed = e.AttemptClosed(number=a.current.number, closure=e.Closure.ASSUMED)
            return [decided, closed]
        case _:
            raise NotResolvable(resolution)


def _in_doubt(a: Aggregate) -> PayOut:
    """The payment whose end the gateway cannot tell any more."""
    if a.pay_out is None or a.pay_out.over:
        raise NotResolvable("it is known how the payment has ended")
    return a.pay_out


def _arrived(pay_out: PayOut, fee: Money | None) -> e.Event:
    """It has cost what is known, otherwise all that it may."""
    most = pay_out.fee_max
    cost = most if fee is None else fee
    if cost.currency != most.currency or not 0 <= cost.amount <= most.amount:
        raise InvalidArguments(f"a payment that may cost {most} has not cost {cost}")
    return e.PayOutSettled(
        number=pay_out.number, gateway=pay_out.gateway, amount=pay_out.amount, fee=cost
    )
