"""What is learnt of an invoice from what a gateway answered. Pure."""

from __future__ import annotations

from datetime import datetime

from paidflow.money import Money
from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.attempt import Attempt, Fact
from paidflow.states.events import Events
from paidflow.states.evolve import fold
from paidflow.states.reversals import learn_reversals


def learn(a: Aggregate, answer: ans.Answer, now: datetime) -> Events:
    """The new facts in an answer. Facts only grow; what is already known gives nothing.

    An answer about another attempt than the current one is ignored, except money that settled.
    """
    attempt = a.attempt_of(answer.gateway, answer.invoice_id)
    if attempt is None:
        return ()
    lookup, number = answer.lookup, attempt.number
    if isinstance(lookup, ans.Settled):
        seen = _learn_settled(attempt, lookup.amount)
        if not lookup.reversals:
            return seen
        return seen + learn_reversals(fold(a, seen), number, lookup.reversals)
    if attempt.only_assumed:
        return _learn_assumed(attempt, lookup)
    if attempt is not a.current or attempt.dead:
        return ()
    match lookup:
        case ans.Held() if attempt.fact < Fact.HELD and attempt.hold:
            return (e.HoldSeen(number=number, amount=lookup.amount, deadline=lookup.deadline),)
        case ans.Cancelled():
            return (e.AttemptClosed(number=number, closure=e.Closure.CANCELLED),)
        case ans.Expired():
            return (e.AttemptClosed(number=number, closure=e.Closure.EXPIRED),)
        case ans.Open() | ans.NotFound() if _assumed_dead(attempt, now):
            return (e.AttemptClosed(number=number, closure=e.Closure.ASSUMED),)
        case _:
            return ()


def _learn_assumed(attempt: Attempt, lookup: ans.Lookup) -> Events:
    """An invoice that only counted as closed may still lock somebody's money."""
    match lookup:
        case ans.Held() if not attempt.late_hold:
            return (e.LateHoldSeen(number=attempt.number, amount=lookup.amount),)
        case ans.Cancelled() | ans.Expired():
            return (e.AttemptClosed(number=attempt.number, closure=e.Closure.CANCELLED),)
        case _:
            return ()


def _learn_settled(attempt: Attempt, amount: Money) -> Events:
    if amount.currency != attempt.amount.currency:
        if attempt.fact is Fact.SETTLED:
            return ()
        return (
            e.PaymentSeen(number=attempt.number, gateway=attempt.gateway, amount=amount),
            e.AttentionAsked(reason=e.AttentionReason.WRONG_CURRENCY),
        )
    if amount.amount <= attempt.received and attempt.fact is Fact.SETTLED:
        return ()
    new = Money(amount.amount - attempt.received, amount.currency)
    return (e.PaymentSeen(number=attempt.number, gateway=attempt.gateway, amount=new),)


def _assumed_dead(attempt: Attempt, now: datetime) -> bool:
    """Whether an invoice counts as closed by time; locked money outlives the invoice's expiry."""
    closed_at = attempt.assumed_closed_at
    return closed_at is not None and now >= closed_at and attempt.fact < Fact.HELD
