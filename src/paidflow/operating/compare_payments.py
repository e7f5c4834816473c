"""Compares the payments to others in the log with what the gateways show; see ``reconcile.py``.

A restored database may not know that it has sent one. Its gateway does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from paidflow.flow.paid_flow import PaidFlow
from paidflow.operating.compared import PAGE, Compared, Standing
from paidflow.payments.contract import (
    InFlight,
    NotFound,
    PaidOut,
    PayFailed,
    PaymentLookup,
    Unreachable,
)
from paidflow.states.pay_out import PayOut, PayOutFact
from paidflow.store.paging import paged


def compare_payments(flow: PaidFlow, *, since: datetime, record: bool) -> Iterator[Compared]:
    """Ask about the payments of everything unfinished, and of what has moved lately.

    Args:
        flow: whose log.
        since: finished actions are looked at that have moved since.
        record: whether to record what is new; otherwise it is only told.
    """
    first = {"action_id": "", "number": 0}
    for row in paged(flow.store, "select_payments", after=first, limit=PAGE, since=since):
        yield _compare(flow, row["action_id"], row["number"], record)


def _compare(flow: PaidFlow, action_id: str, number: int, record: bool) -> Compared:
    pay_out = _pay_out(flow, action_id, number)
    shown = flow.gateways.lookup_payment(pay_out.gateway, pay_out.payment_id).lookup
    standing = _standing(pay_out, shown)
    if standing is Standing.DIFFERS and record:
        flow.sync_payment(action_id, number)
        now = _standing(_pay_out(flow, action_id, number), shown)
        standing = Standing.MENDED if now is Standing.AGREES else now
    return Compared(
        action_id=action_id,
        number=number,
        gateway=pay_out.gateway,
        invoice_id=pay_out.payment_id,
        log=_known(pay_out),
        shown=_told(shown),
        standing=standing,
        outgoing=True,
    )


def _pay_out(flow: PaidFlow, action_id: str, number: int) -> PayOut:
    loaded = flow.steps.load(action_id)
    if loaded is None:
        raise AssertionError("an action does not vanish")
    return loaded.aggregate.pay_outs[number - 1]


def _standing(pay_out: PayOut, shown: PaymentLookup) -> Standing:
    match shown:
        case Unreachable():
            return Standing.UNANSWERED
        case PaidOut(amount=amount, fee=fee):
            known = (pay_out.arrived, pay_out.fee) == (amount.amount, fee.amount)
            agrees = pay_out.fact is PayOutFact.SETTLED and known
        case PayFailed():
            agrees = pay_out.fact is PayOutFact.FAILED
        case InFlight():
            agrees = pay_out.fact is PayOutFact.SEEN
        case NotFound():
            agrees = pay_out.never_sent or pay_out.fact is PayOutFact.REQUESTED
    return Standing.AGREES if agrees else Standing.DIFFERS


def _known(pay_out: PayOut) -> str:
    name = pay_out.fact.name.lower()
    if pay_out.fact is not PayOutFact.SETTLED:
        return f"{name}: {pay_out.failure}" if pay_out.failure else name
    return f"{name} {pay_out.arrived} + {pay_out.fee} of {pay_out.amount.currency}"


def _told(shown: PaymentLookup) -> str:
    name = type(shown).__name__.lower()
    return f"{name} {shown.amount} + {shown.fee}" if isinstance(shown, PaidOut) else name
