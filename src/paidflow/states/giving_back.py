"""How money is given back: what follows when somebody wants it to go back to the payer. Pure."""

from __future__ import annotations

from paidflow.errors import (
    IdempotencyMismatch,
    NegativeRefund,
    NotRefundable,
    RefundInOtherCurrency,
    RefundTooLarge,
    ZeroRefund,
)
from paidflow.money import Money
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.amounts import amount_in
from paidflow.states.attempt import Attempt
from paidflow.states.events import Events
from paidflow.states.evolve import fold
from paidflow.states.postings import Taken, in_turn, total
from paidflow.states.refunds import Refund
from paidflow.states.reversals import (
    ask_person,
    from_payees,
    from_price,
    is_refundable,
    purses_left,
    refundable,
    returned,
    step_reversed,
)


def refund(
    a: Aggregate, amount: Money | None, operator: str, why: str, key_hash: str | None = None
) -> Events:
    """What follows when an operator gives back what a paid action has cost, or a part of it.

    Purses that paid get theirs first, and at once; the rest is asked for at the gateway.

    Args:
        a: the action.
        amount: how much, in a currency in which it was paid; ``None`` for all that is left.
        operator: who decides.
        why: the reason.
        key_hash: stands for this refund in the action; the same one gives nothing a second time.

    Returns:
        What follows; nothing if it was decided before under this key.

    Raises:
        IdempotencyMismatch: when another amount was decided under this key.
        NotRefundable: when it was not paid, or what was paid has left for somebody outside.
        ZeroRefund: when the amount is zero.
        NegativeRefund: when it is less.
        RefundInOtherCurrency: when it was paid in others.
        RefundTooLarge: when less is left.
    """
    if key_hash is not None and _decided_before(a, amount, key_hash):
        return ()
    if not is_refundable(a):
        raise NotRefundable(state=a.state)
    wanted = refundable(a) if amount is None else (_checked(a, amount),)
    if not wanted:
        raise RefundTooLarge("nothing is left")
    events: Events = ()
    for part in wanted:
        decided = e.RefundDecided(
            amount=part, operator=operator, why=why, key_hash=key_hash, whole=amount is None
        )
        events += (decided,)
        events += _give_back(fold(a, events), part)
    return events + step_reversed(fold(a, events))


def _decided_before(a: Aggregate, amount: Money | None, key_hash: str) -> bool:
    for earlier in a.refund_decisions:
        if earlier.key_hash == key_hash:
            if amount != (None if earlier.whole else earlier.amount):
                raise IdempotencyMismatch
            return True
    return False


def _give_back(a: Aggregate, wanted: Money) -> Events:
    events: Events = ()
    rest = wanted.amount
    purses = in_turn(rest, purses_left(a)) if wanted.currency == a.cost.currency else ()
    if purses:
        rest -= total(purses)
        events += (e.PursesRefunded(purses=purses, payees=from_payees(a, total(purses))),)
    for attempt in reversed(a.attempts):
        part = min(rest, attempt.price) if attempt.amount.currency == wanted.currency else 0
        if part:
            now = fold(a, events)
            taken = from_price(now, part)
            events += (_requested(now, attempt, Money(part, wanted.currency), taken),)
            rest -= part
    return events


def _checked(a: Aggregate, wanted: Money) -> Money:
    by_invoice = () if a.invoiced is None else (a.invoiced.currency,)
    by_purse = (a.cost.currency,) if a.purses or not by_invoice else ()
    if wanted.currency not in by_invoice + by_purse:
        raise RefundInOtherCurrency(f"it was paid in {' and '.join(by_invoice + by_purse)}")
    if wanted.amount < 0:
        raise NegativeRefund
    left = Money(amount_in(refundable(a), wanted.currency), wanted.currency)
    if left.amount == 0 or wanted > left:
        raise RefundTooLarge(f"{left} are left" if left.amount else "nothing is left")
    if wanted.amount == 0:
        raise ZeroRefund
    return wanted


def refund_spare(a: Aggregate) -> Events:
    """What follows when money that nobody owns goes back to whoever has paid it."""
    events: Events = ()
    for attempt in a.attempts:
        parts = [Money(attempt.spare, attempt.amount.currency)]
        parts += [attempt.foreign] if attempt.foreign is not None else []
        for amount in parts:
            if amount.amount > 0:
                taken = Taken(unassigned=amount.amount)
                events += (_requested(fold(a, events), attempt, amount, taken),)
    return events


def refund_declined(a: Aggregate, refund: Refund) -> Events:
    """What follows when the gateway refuses a refund: everybody keeps what was reserved."""
    back: Events = (returned(a, refund),)
    back += ask_person(a, back)
    return back + step_reversed(fold(a, back))


def _requested(a: Aggregate, attempt: Attempt, amount: Money, taken: Taken) -> e.RefundRequested:
    number = len(a.refunds) + 1
    return e.RefundRequested(number=attempt.number, refund=number, amount=amount, taken=taken)
