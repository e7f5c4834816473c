"""Folds the events of an attempt into it and into its action. Pure."""

from __future__ import annotations

from paidflow.errors import IllegalTransition
from paidflow.money import Money
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate, copied
from paidflow.states.attempt import Attempt, Fact
from paidflow.states.evolve_reversal import decide_again, tell_reversal


def tell_attempt(a: Aggregate, event: e.AttemptEvent) -> None:
    """Fold in an event about one attempt; only while the copy of the action is being made."""
    if isinstance(event, e.AttemptStarted | e.InvoiceAttached):
        _refuse_second_invoice(a, event)
        if event.number > len(a.attempts):
            _refuse_conversion(a, event)
            started = Attempt(
                event.number, event.gateway, event.hold, event.amount, event.key_id, event.quote
            )
            started.receiver = event.receiver
            started.pay_out = len(a.pay_outs) if event.receiver else 0
            a.attempts = (*a.attempts, started)
    if not 1 <= event.number <= len(a.attempts):
        raise IllegalTransition(f"{event.name} of attempt {event.number}, which does not exist")
    attempt = copied(a.attempts[event.number - 1])
    match event:
        case e.InvoiceAttached():
            attempt.invoice_id = event.invoice_id
            attempt.expires_at = event.expires_at
            attempt.assumed_closed_at = event.assumed_closed_at
            attempt.fact = Fact.OPEN
        case e.HoldSeen():
            attempt.fact = max(attempt.fact, Fact.HELD)
            attempt.held = _in_currency(event.amount, attempt)
            attempt.hold_deadline = event.deadline
        case e.PaymentSeen():
            amount = _in_currency(event.amount, attempt)
            attempt.fact = Fact.SETTLED
            attempt.received += amount
            attempt.spare += amount
            if event.amount.currency != attempt.amount.currency:
                attempt.foreign = event.amount
            attempt.late_hold = False
        case e.AttemptClosed():
            attempt.fact = max(attempt.fact, Fact.CLOSED)
            attempt.closure = event.closure
            attempt.late_hold = False
            attempt.receiver_failed |= event.closure is e.Closure.WRAP_REFUSED
        case e.LateHoldSeen():
            attempt.late_hold = True
        case e.ReversalEvent():
            tell_reversal(a, attempt, event)
        case _:
            pass
    a.attempts = (*a.attempts[: event.number - 1], attempt, *a.attempts[event.number :])
    if isinstance(event, e.ReversalEvent):
        decide_again(a, event)


def _refuse_second_invoice(a: Aggregate, event: e.AttemptStarted | e.InvoiceAttached) -> None:
    """At most one invoice can be paid at any time, and every attempt has one at most."""
    last = a.current
    if last is not None and last.invoice_id is not None and not last.dead:
        raise IllegalTransition(f"{event.name} while attempt {last.number} is not dead")
    starts = isinstance(event, e.AttemptStarted)
    if event.number <= len(a.attempts) and (starts or a.attempts[event.number - 1].dead):
        raise IllegalTransition(f"{event.name} of attempt {event.number}, which was there before")


def _refuse_conversion(a: Aggregate, event: e.AttemptStarted | e.InvoiceAttached) -> None:
    """Money changes its currency only by a quote, and for exactly what is left of the cost."""
    quote = event.quote
    if quote is None and event.amount.currency != a.cost.currency:
        raise IllegalTransition(f"{event.name} in {event.amount.currency} without a quote")
    if quote is not None and (quote.cost, quote.amount) != (a.remainder, event.amount):
        raise IllegalTransition(f"{event.name} with a quote for something else")


def _in_currency(amount: Money, attempt: Attempt) -> int:
    """Minor units that came in the attempt's currency; any other is for a person to judge."""
    return amount.amount if amount.currency == attempt.amount.currency else 0
