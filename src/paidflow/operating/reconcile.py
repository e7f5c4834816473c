"""Compares the log with what the gateways show now, and records what is new.

A worker does the same sooner or later for whatever is unfinished. This does it now for all of it,
and looks also at what the log takes for settled or closed, where nobody would ask again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from paidflow.errors import GatewayUnavailable
from paidflow.flow.paid_flow import PaidFlow
from paidflow.operating.compare_payments import compare_payments
from paidflow.operating.compared import PAGE, Compared, Standing
from paidflow.payments.contract import (
    Cancelled,
    Expired,
    Held,
    Lookup,
    Open,
    Pending,
    Reversal,
    ReversalStatus,
    Settled,
    Unreachable,
)
from paidflow.states.attempt import Attempt, Fact
from paidflow.store.paging import paged

__all__ = ["Compared", "Standing", "reconcile"]


def reconcile(flow: PaidFlow, *, since: datetime, record: bool = True) -> Iterator[Compared]:
    """Ask about the invoices and payments of everything unfinished, and of what has moved lately.

    What the gateway shows is recorded and acted upon as after any message. What still differs
    then is for a person: money that the log has and the gateway does not, or the other way round.

    Args:
        flow: whose log.
        since: finished actions are looked at that have moved since.
        record: whether to record what is new; otherwise it is only told.
    """
    yield from _compare_invoices(flow, since, record)
    yield from compare_payments(flow, since=since, record=record)


def _compare_invoices(flow: PaidFlow, since: datetime, record: bool) -> Iterator[Compared]:
    first = {"action_id": "", "number": 0}
    for row in paged(flow.store, "select_invoices", after=first, limit=PAGE, since=since):
        yield _compare(flow, row["action_id"], row["number"], record)


def _compare(flow: PaidFlow, action_id: str, number: int, record: bool) -> Compared:
    attempt = _attempt(flow, action_id, number)
    invoice_id = attempt.invoice_id or ""
    shown = flow.gateways.lookup(attempt.gateway, invoice_id).lookup
    standing = _standing(attempt, shown)
    if standing is Standing.DIFFERS and record:
        standing = _record(flow, attempt.gateway, invoice_id, action_id, number)
    log = attempt.fact.name.lower()
    if attempt.fact is Fact.SETTLED:
        log = f"{log} {attempt.received} of {attempt.amount.currency}"
    return Compared(action_id, number, attempt.gateway, invoice_id, log, _told(shown), standing)


def _record(flow: PaidFlow, gateway: str, invoice_id: str, action_id: str, number: int) -> Standing:
    try:
        flow.sync(gateway, invoice_id)
    except GatewayUnavailable:
        return Standing.UNANSWERED
    shown = flow.gateways.lookup(gateway, invoice_id).lookup
    now = _standing(_attempt(flow, action_id, number), shown)
    return Standing.MENDED if now is Standing.AGREES else now


def _attempt(flow: PaidFlow, action_id: str, number: int) -> Attempt:
    loaded = flow.steps.load(action_id)
    if loaded is None:
        raise AssertionError("an action does not vanish")
    return loaded.aggregate.attempts[number - 1]


def _standing(attempt: Attempt, shown: Lookup) -> Standing:
    if isinstance(shown, Unreachable):
        return Standing.UNANSWERED
    match attempt.fact:
        case Fact.OPEN:
            agrees = isinstance(shown, Open | Pending)
        case Fact.HELD:
            agrees = isinstance(shown, Held)
        case Fact.SETTLED:
            agrees = isinstance(shown, Settled) and _same_money(attempt, shown)
        case _:
            assumed = attempt.only_assumed and isinstance(shown, Open | Pending)
            agrees = isinstance(shown, Cancelled | Expired) or assumed
    return Standing.AGREES if agrees else Standing.DIFFERS


def _same_money(attempt: Attempt, shown: Settled) -> bool:
    """Another currency is a matter for a person, who was asked when it was recorded."""
    other = shown.amount.currency != attempt.amount.currency
    same = other or shown.amount.amount == attempt.received
    return same and all(_known(attempt, reversal) for reversal in shown.reversals)


def _known(attempt: Attempt, reversal: Reversal) -> bool:
    """Whether the log has a reversal as it is; one that failed before it was seen moved nothing."""
    known = attempt.reversal(reversal.reversal_id)
    if known is None:
        return reversal.status is ReversalStatus.FAILED
    return known.status is reversal.status


def _told(shown: Lookup) -> str:
    name = type(shown).__name__.lower()
    return f"{name} {shown.amount}" if isinstance(shown, Held | Settled) else name
