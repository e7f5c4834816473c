"""Money that goes back: what follows from the reversals that a gateway shows. Pure.

Who gives it: first what is nobody's yet, then those whom the action has paid, each in proportion to
what it got, then purses that were credited with what the action did not need. What nobody can be
asked for is a loss. It comes back the other way round.

What came in another currency than the cost goes back as it came. Its payees give their part in the
currency of the cost: of all that has gone back, at the rate at which it came, rounded down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce

from paidflow.ledger.accounts import LOSSES, purse, revenue
from paidflow.money import Money
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.amounts import Amounts
from paidflow.states.amounts import added as with_amount
from paidflow.states.answers import Reversal, ReversalKind, ReversalStatus
from paidflow.states.attempt import Attempt
from paidflow.states.events import Events
from paidflow.states.evolve import fold
from paidflow.states.machine import REAL, State
from paidflow.states.postings import Posting, Postings, Taken, added, in_turn, pro_rata, total
from paidflow.states.receivers import payouts_beside
from paidflow.states.refunds import Refund, RefundStatus, SeenReversal, refund_key


def payees(a: Aggregate) -> Postings:
    """Who can be asked for the price: one line for each account.

    What a receiver got directly has left for good, so giving it back is a loss.
    """
    return added((), paid_out(a, passed_on_from=LOSSES))


def paid_out(a: Aggregate, *, passed_on_from: str) -> Postings:
    """Who gets the cost when it is paid.

    Args:
        a: the action.
        passed_on_from: the account that a receiver was paid from directly, if one was.
    """
    out = a.passed_on
    if out is None:
        return a.payouts or (Posting(revenue(a.kind), a.cost),)
    (receiver,) = (t.receiver for t in a.attempts if t.receiver and t.pay_out == out.number)
    spent = Posting(passed_on_from, Money(out.spent, a.cost.currency))
    return payouts_beside(a.payouts, receiver, spent)


def due_refund(a: Aggregate) -> Refund | None:
    """The refund that the gateway has to be asked for."""
    waiting = (refund for refund in a.refunds if refund.status is RefundStatus.REQUESTED)
    return next(waiting, None)


def undecided(a: Aggregate) -> Iterator[tuple[Attempt, SeenReversal]]:
    """The reversals whose outcome only the gateway knows."""
    for attempt in a.attempts:
        for shown in attempt.reversals:
            if shown.status is ReversalStatus.PENDING:
                yield attempt, shown


def purses_left(a: Aggregate) -> Postings:
    """What purses have paid of a paid action, less what they got back."""
    given = a.purses
    if a.mode is e.Mode.CREDITS and not given and a.actor is not None:
        given = (Posting(purse(a.actor), a.cost),)
    return added(given, a.purses_refunded, -1)


def is_refundable(a: Aggregate) -> bool:
    """Whether somebody has paid for it; what was paid out to the actor is not given back."""
    return a.state in REAL and a.mode is not e.Mode.PAY_OUT


def refundable(a: Aggregate) -> Amounts:
    """What can still be given back of the price: to purses, and what gateways have received."""
    if not is_refundable(a):
        return ()
    by_invoice = (Money(attempt.price, attempt.amount.currency) for attempt in a.attempts)
    return _sum(*(line.amount for line in purses_left(a)), *by_invoice)


def refunded(a: Aggregate) -> Amounts:
    """What has gone back to the payer by refunds: to purses, and as the gateway shows it."""
    shown = (
        one.amount
        for attempt in a.attempts
        for one in attempt.reversals
        if one.kind is ReversalKind.REFUND and one.status is not ReversalStatus.FAILED
    )
    return _sum(*(line.amount for line in a.purses_refunded), *shown)


def refunding(a: Aggregate) -> Amounts:
    """What is reserved for refunds that the gateway does not show yet."""
    return _sum(*(one.amount for one in a.refunds if one.status is RefundStatus.REQUESTED))


def _sum(*money: Money) -> Amounts:
    return reduce(with_amount, money, ())


def standing(a: Aggregate) -> State:
    """Where an action that was paid stands, by what is known of its money."""
    if a.mode is e.Mode.FREE or not (a.purses_refunded or any(t.reversals for t in a.attempts)):
        return State.PAID
    if any(shown.kind is ReversalKind.DISPUTE for _, shown in undecided(a)):
        return State.DISPUTED
    if a.invoiced is not None:
        asked = (one for one in a.refunds if one.status is RefundStatus.REQUESTED)
        left = sum(t.price - t.lost for t in a.attempts)
        left += sum(one.taken.price for one in asked)
    else:
        left = total(purses_left(a))
    return State.PAID if left > 0 else State.REFUNDED


def step_reversed(a: Aggregate) -> Events:
    """The step that brings an action where its money says that it stands."""
    wanted = standing(a)
    if a.state not in REAL or wanted is a.state:
        return ()
    if wanted is State.PAID:
        return (e.Restored(redone=a.undone),)
    if a.state is State.PAID:
        kind = ReversalKind.DISPUTE if wanted is State.DISPUTED else ReversalKind.REFUND
        return (e.Reversed(reversal=kind, undo_owed=False),)
    return (e.DisputeOpened(),) if wanted is State.DISPUTED else (e.DisputeEnded(),)


def learn_reversals(a: Aggregate, number: int, shown: tuple[Reversal, ...]) -> Events:
    """The new facts in the reversals that a gateway lists of one attempt."""
    events: Events = ()
    for reversal in shown:
        facts = _learn(a, a.attempts[number - 1], reversal)
        events += facts
        a = fold(a, facts) if facts else a
    return events + ask_person(a, events)


def _learn(a: Aggregate, attempt: Attempt, reversal: Reversal) -> Events:
    known = attempt.reversal(reversal.reversal_id)
    if known is None:
        return _learn_new(a, attempt, reversal)
    number, reversal_id, kind = attempt.number, known.reversal_id, known.kind
    match reversal.status:
        case ReversalStatus.FAILED if known.status is not ReversalStatus.FAILED:
            undone = e.ReversalUndone(
                number=number,
                reversal_id=reversal_id,
                reversal=kind,
                gateway=attempt.gateway,
                amount=known.amount,
                refund=known.refund,
                taken=_given_back(a, attempt, known.amount, known.taken),
            )
            return (undone,)
        case ReversalStatus.SUCCEEDED if known.status is ReversalStatus.PENDING:
            return (e.ReversalConfirmed(number=number, reversal_id=reversal_id, reversal=kind),)
        case _:
            return ()


def _learn_new(a: Aggregate, attempt: Attempt, reversal: Reversal) -> Events:
    ours = _ours(a, attempt, reversal)
    failed = reversal.status is ReversalStatus.FAILED
    if ours is not None and (failed or reversal.amount != ours.amount):
        # Nothing of it happened, or not what was asked for: then the gateway is right.
        back: Events = (returned(a, ours),)
        return back + (() if failed else _learn_new(fold(a, back), attempt, reversal))
    if failed:
        return ()
    taken = Taken() if ours is not None else _taken_from(a, attempt, reversal.amount)
    return (
        e.ReversalSeen(
            number=attempt.number,
            reversal_id=reversal.reversal_id,
            reversal=reversal.kind,
            gateway=attempt.gateway,
            amount=reversal.amount,
            status=reversal.status,
            refund=ours.refund if ours is not None else None,
            taken=taken,
        ),
    )


def _ours(a: Aggregate, attempt: Attempt, reversal: Reversal) -> Refund | None:
    for refund in a.refunds:
        key = refund_key(attempt.invoice_id or "", refund.refund)
        waited = refund.status is RefundStatus.REQUESTED and refund.number == attempt.number
        if waited and reversal.kind is ReversalKind.REFUND and reversal.key == key:
            return refund
    return None


def ask_person(a: Aggregate, events: Events) -> Events:
    """A new dispute has to be answered at the gateway; a refund of ours that failed, decided."""
    if a.attention is not None:
        return ()
    for event in events:
        match event:
            case e.ReversalSeen(reversal=ReversalKind.DISPUTE, status=ReversalStatus.PENDING):
                return (e.AttentionAsked(reason=e.AttentionReason.DISPUTED),)
            case e.RefundReturned() | e.ReversalUndone(refund=int()):
                return (e.AttentionAsked(reason=e.AttentionReason.REFUND_FAILED),)
            case _:
                pass
    return ()


def _taken_from(a: Aggregate, attempt: Attempt, amount: Money) -> Taken:
    """From whom money is taken that somebody else has sent back."""
    if amount.currency != attempt.amount.currency:
        return Taken(unassigned=amount.amount)
    left = amount.amount
    unassigned = min(left, max(attempt.spare, 0))
    left -= unassigned
    price = min(left, attempt.price)
    left -= price
    same = tuple(line for line in a.credited if line.amount.currency == amount.currency)
    credited = in_turn(left, same)
    lost = left - total(credited)
    return replace(from_price(a, price), unassigned=unassigned, credited=credited, lost=lost)


def from_price(a: Aggregate, price: int) -> Taken:
    """Who gives so many minor units of what came by invoice and paid for the action."""
    return Taken(price=price, payees=from_payees(a, _share_of(a, price)))


def from_payees(a: Aggregate, amount: int) -> Postings:
    """What those give whom the action has paid, in minor units of the cost."""
    return pro_rata(amount, added(payees(a), a.taken, -1))


def _gone(a: Aggregate) -> int:
    """Minor units of the price that came by invoice and have gone back, or are about to."""
    return 0 if a.invoiced is None else a.invoiced.amount - sum(t.price for t in a.attempts)


def _share_of(a: Aggregate, more: int) -> int:
    """What payees give, in minor units of the cost, when so much more of the price goes back.

    It makes good what was rounded before, so all of them together have never given more than their
    part of what has gone back, rounded down.
    """
    if a.invoiced is None:
        return 0
    given = total(a.taken) - total(a.purses_refunded)
    return (_gone(a) + more) * a.remainder.amount // a.invoiced.amount - given


def _given_back(a: Aggregate, attempt: Attempt, amount: Money, taken: Taken) -> Taken:
    """Who gets money that has come back: losses are made good, then those from whom it was taken.

    What two reversals have taken of the same money is a loss until one of them comes back.
    """
    if amount.currency != attempt.amount.currency:
        return taken
    lost = min(amount.amount, attempt.lost)
    left = amount.amount - lost
    unassigned = min(left, taken.unassigned)
    credited = in_turn(left - unassigned, taken.credited)
    left -= unassigned + total(credited)
    paid = a.invoiced is not None and a.invoiced.currency == amount.currency
    price = min(left, _gone(a)) if paid else 0
    payees_get = pro_rata(-_share_of(a, -price), a.taken) if price else ()
    return Taken(unassigned + left - price, price, payees_get, credited, lost)


def returned(a: Aggregate, refund: Refund) -> e.RefundReturned:
    """A refund that does not happen: everybody keeps, or gets back, what was reserved."""
    attempt = a.attempts[refund.number - 1]
    taken = _given_back(a, attempt, refund.amount, refund.taken)
    return e.RefundReturned(
        number=refund.number, refund=refund.refund, amount=refund.amount, taken=taken
    )
