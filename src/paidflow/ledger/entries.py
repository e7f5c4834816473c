"""Ledger entries: which accounts an event moves money between. A pure function of the event.

One entry debits one account and credits another by the same amount, so every entry is balanced by
its shape. The database refuses an entry of zero or less, and a purse below zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from paidflow.ledger.accounts import (
    EXCHANGE,
    FEES,
    LOSSES,
    advanced,
    clearing,
    is_spendable,
    purse,
    refunding,
    reserved,
    unclaimed,
)
from paidflow.money import Money
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.postings import Posting, Postings, Taken, total
from paidflow.states.reversals import paid_out


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of money.

    Args:
        debit: the account that gives.
        credit: the account that gets.
        amount: more than zero.
        recovers: whether it takes what is there, and the owner of ``debit`` owes the rest.
    """

    debit: str
    credit: str
    amount: Money
    recovers: bool = False

    @property
    def takes(self) -> bool:
        """Whether it takes from an account that must not be overdrawn."""
        return is_spendable(self.debit) and not self.recovers

    @property
    def gives(self) -> bool:
        """Whether it gives to an account that somebody spends from."""
        return is_spendable(self.credit)


def entries_of(action_id: str, a: Aggregate, event: e.Event) -> tuple[Entry, ...]:
    """The entries that an event of an action stands for.

    Args:
        action_id: the action.
        a: the action after the step that the event belongs to.
        event: what happened.
    """
    match event:
        case e.PaymentSeen(amount=amount) if amount.amount > 0:
            return (Entry(clearing(event.gateway), unclaimed(action_id), amount),)
        case e.PursesReserved(purses=purses):
            return tuple(_moved(purses, [Posting(reserved(action_id), m.amount) for m in purses]))
        case e.PayOutSettled():
            return tuple(_sent(action_id, a, event))
        case e.Paid() if a.mode is e.Mode.PAY_OUT:
            return tuple(_given_back(action_id, a))
        case e.Failed() if a.purses:
            given = [Posting(reserved(action_id), line.amount) for line in a.purses]
            return tuple(_moved(given, a.purses))
        case e.Paid(amount=amount) if a.cost.amount > 0:
            paid = _moved(_sources(action_id, a, event), _payouts(action_id, a))
            return (*_taken_over(action_id, a, amount), *paid)
        case e.ForwardLost(amount=amount):
            return (Entry(LOSSES, advanced(action_id), amount),)
        case e.PaymentCredited(amount=amount, actor=to) | e.PaymentClaimed(amount=amount, actor=to):
            return (Entry(unclaimed(action_id), purse(to), amount),)
        case e.PursesRefunded(purses=purses):
            via = [Posting(reserved(action_id), line.amount) for line in purses]
            return (*_recovered(event.payees, via), *_moved(via, purses))
        case e.ReversalEvent():
            return tuple(_reversal(action_id, a, event))
        case _:
            return ()


def _sent(action_id: str, a: Aggregate, event: e.PayOutSettled) -> Iterator[Entry]:
    """Where the money of a payment that has arrived comes from, and what it has cost.

    What it has cost above what it may is on us; all of it is, if it had failed for certain.
    """
    pay_out = a.pay_outs[event.number - 1]
    lost, withdrawn = pay_out.lost, a.mode is e.Mode.PAY_OUT
    covered = 0 if lost else total(a.purses) if withdrawn else pay_out.spent
    account = reserved(action_id) if withdrawn else advanced(action_id)
    for amount in (event.amount, event.fee):
        part = min(amount.amount, covered)
        over = amount.amount - part
        covered -= part
        if part:
            yield Entry(account, clearing(event.gateway), Money(part, amount.currency))
        if over:
            source = LOSSES if lost else FEES
            yield Entry(source, clearing(event.gateway), Money(over, amount.currency))


def _given_back(action_id: str, a: Aggregate) -> Iterator[Entry]:
    """What a payment has not cost of what it might have."""
    pay_out = a.pay_out
    if pay_out is None:
        raise AssertionError("nothing is paid out without a payment")
    left = total(a.purses) - pay_out.arrived - pay_out.fee
    if left > 0:
        (given,) = a.purses
        yield Entry(reserved(action_id), given.account, Money(left, given.amount.currency))


def numbered(entries: Iterable[tuple[int, Entry]]) -> Iterator[tuple[int, int, Entry]]:
    """Entries with their version, and with a line number before; one that recovers has two."""
    line = 1
    for version, entry in entries:
        yield line, version, entry
        line += 2 if entry.recovers else 1


def _reversal(action_id: str, a: Aggregate, event: e.ReversalEvent) -> Iterable[Entry]:
    """Money that goes back is reserved first if we ask for it, and leaves when it is seen."""
    match event:
        case e.RefundRequested(amount=amount, taken=taken):
            return _taken(action_id, a, taken, Posting(refunding(action_id), amount))
        case e.RefundReturned(amount=amount, taken=taken):
            return _returned(action_id, a, taken, Posting(refunding(action_id), amount))
        case e.ReversalSeen(amount=amount, refund=None, taken=taken):
            return _taken(action_id, a, taken, Posting(clearing(event.gateway), amount))
        case e.ReversalSeen(amount=amount):
            return (Entry(refunding(action_id), clearing(event.gateway), amount),)
        case e.ReversalUndone(amount=amount, taken=taken):
            return _returned(action_id, a, taken, Posting(clearing(event.gateway), amount))
        case _:
            return ()


def _taken(action_id: str, a: Aggregate, taken: Taken, to: Posting) -> Iterator[Entry]:
    payees = _in_other_currency(a, taken, to.amount)
    yield from _recovered(payees, [Posting(EXCHANGE, line.amount) for line in payees])
    yield from _recovered(_givers(action_id, a, taken, to.amount), [to])


def _returned(action_id: str, a: Aggregate, taken: Taken, source: Posting) -> Iterator[Entry]:
    yield from _moved([source], _givers(action_id, a, taken, source.amount))
    payees = _in_other_currency(a, taken, source.amount)
    yield from _moved([Posting(EXCHANGE, line.amount) for line in payees], payees)


def _in_other_currency(a: Aggregate, taken: Taken, amount: Money) -> Postings:
    """What payees give by way of the exchange, because something else goes back to the payer."""
    return taken.payees if amount.currency != a.cost.currency else ()


def _givers(action_id: str, a: Aggregate, taken: Taken, amount: Money) -> Postings:
    """Who gives reversed money, or gets it when it comes back."""
    exchanged = (Posting(EXCHANGE, Money(taken.price, amount.currency)),)
    lines = (
        Posting(unclaimed(action_id), Money(taken.unassigned, amount.currency)),
        *(exchanged if amount.currency != a.cost.currency else taken.payees),
        *taken.credited,
        Posting(LOSSES, Money(taken.lost, amount.currency)),
    )
    if total(lines) != amount.amount:
        raise AssertionError("what goes back is what somebody gives")
    return lines


def _recovered(sources: Iterable[Posting], targets: Iterable[Posting]) -> Iterator[Entry]:
    """The same as ``_moved``, but nobody is asked for more than there is."""
    for entry in _moved(sources, targets):
        yield replace(entry, recovers=is_spendable(entry.debit))


def _sources(action_id: str, a: Aggregate, event: e.Paid) -> Iterator[Posting]:
    """Where the money of a paid action comes from."""
    if event.source == "credits" and a.actor is not None:
        yield Posting(purse(a.actor), event.amount)
        return
    for line in a.purses:
        yield Posting(reserved(action_id), line.amount)
    if event.source == "invoice" and event.amount.currency != a.cost.currency:
        yield Posting(EXCHANGE, a.remainder)
    elif event.source == "invoice":
        yield Posting(unclaimed(action_id), event.amount)


def _taken_over(action_id: str, a: Aggregate, amount: Money) -> Iterator[Entry]:
    """Money in another currency goes to the exchange, which pays the rest of the cost for it."""
    if amount.currency != a.cost.currency:
        yield Entry(unclaimed(action_id), EXCHANGE, amount)


def _payouts(action_id: str, a: Aggregate) -> Postings:
    account = LOSSES if a.lost or (a.passed_on and a.passed_on.lost) else advanced(action_id)
    return paid_out(a, passed_on_from=account)


def _moved(sources: Iterable[Posting], targets: Iterable[Posting]) -> Iterator[Entry]:
    """Entries that empty each source in turn into the targets, in their order."""
    waiting = iter(targets)
    target, room = "", 0
    for source in sources:
        left = source.amount.amount
        while left:
            if not room:
                line = next(waiting)
                target, room = line.account, line.amount.amount
                continue
            part = min(left, room)
            yield Entry(source.account, target, Money(part, source.amount.currency))
            left, room = left - part, room - part
