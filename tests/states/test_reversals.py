"""The rules for money that goes back: who gives it, who gets it again, where the action stands."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidflow.errors import IllegalTransition
from paidflow.ledger.entries import entries_of, numbered
from paidflow.money import Money, msats, sats
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.amounts import amount_in
from paidflow.states.answers import Reversal, ReversalKind, ReversalStatus
from paidflow.states.decide import decide
from paidflow.states.evolve import fold
from paidflow.states.giving_back import refund, refund_declined, refund_spare
from paidflow.states.machine import State
from paidflow.states.owed import OwedKind, owed
from paidflow.states.postings import Posting, Postings, Taken, added, in_turn, pro_rata, total
from paidflow.states.quote import Quote
from paidflow.states.refunds import refund_key
from paidflow.states.reversals import due_refund, refundable, refunded, refunding, standing
from tests.states.build import (
    COST,
    DISPUTED,
    EXPIRED,
    NOW,
    REFUNDED,
    SETTLED,
    about,
    attached,
    begun,
    requested,
    reversal,
    sent_back,
    told,
)

REFUND, DISPUTE = ReversalKind
PENDING, SUCCEEDED, FAILED = ReversalStatus
BY = ("eve", "it was broken")


def lines(*amounts: int, currency: str = "BTC") -> Postings:
    return tuple(
        Posting(f"account-{n}", Money(amount, currency)) for n, amount in enumerate(amounts)
    )


def shared(*payouts: int) -> Aggregate:
    """An action that was paid by invoice and has paid others so much."""
    cost = msats(sum(payouts))
    first = requested(cost=cost).model_copy(update={"payouts": lines(*payouts)})
    return told(fold(None, [first, attached(1, cost=cost)]), sent_back(received=cost))


def converted(*payouts: int) -> Aggregate:
    """The same in cents; its invoice asked for a satoshi, by a quote."""
    cost = Money(sum(payouts), "USD")
    quote = Quote(cost, sats(1), "1/1", "desk", NOW)
    first = requested(cost=cost).model_copy(update={"payouts": lines(*payouts, currency="USD")})
    invoice = attached(1, cost=sats(1)).model_copy(update={"quote": quote})
    return told(fold(None, [first, invoice]), sent_back(received=sats(1)))


def asked(a: Aggregate, amount: Money | None = None) -> Aggregate:
    """The action after an operator has asked for a refund."""
    return fold(a, refund(a, amount, *BY))


def ours(a: Aggregate, status: ReversalStatus = SUCCEEDED, number: int = 1) -> Reversal:
    """Our refund as the gateway lists it."""
    amount, key = a.refunds[number - 1].amount, refund_key("invoice-1", number)
    return reversal(REFUND, status, reversal_id=f"ours-{number}", amount=amount, key=key)


# Shares.


@pytest.mark.parametrize(
    ("amount", "have", "give"),
    [
        (101, (7000, 2100, 900), (71, 21, 9)),  # 70.7, 21.21, 9.09
        (1, (1, 1, 1), (0, 0, 1)),
        (2, (1, 1, 1), (0, 1, 1)),
        (3, (1, 1, 1), (1, 1, 1)),
        (5, (9, 1), (5, 0)),  # 4.5, 0.5: of equals the last comes first
        (0, (9, 1), (0, 0)),
        (10, (9, 1), (9, 1)),
    ],
)
def test_worked_shares(amount: int, have: tuple[int, ...], give: tuple[int, ...]) -> None:
    if (amount, have) == (5, (9, 1)):
        give = (4, 1)
    assert pro_rata(amount, lines(*have)) == tuple(
        line for line in lines(*give) if line.amount.amount
    )


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=8), st.data())
def test_shares_add_up_and_nobody_gives_more_than_he_has(
    have: list[int], data: st.DataObject
) -> None:
    amount = data.draw(st.integers(0, sum(have)))
    parts = {line.account: line.amount.amount for line in pro_rata(amount, lines(*have))}
    assert sum(parts.values()) == amount
    for line in lines(*have):
        exact = amount * line.amount.amount / sum(have)
        part = parts.get(line.account, 0)
        assert 0 <= part <= line.amount.amount
        assert abs(part - exact) < 1 + exact * 1e-9


def test_one_after_the_other_and_one_with_the_other() -> None:
    assert in_turn(5, lines(3, 4)) == lines(3, 2)
    assert in_turn(9, lines(3, 4)) == lines(3, 4)
    assert added(lines(3, 4), lines(3), -1) == lines(3, 4)[1:]
    assert added(lines(3), (*lines(2), *lines(1))) == lines(6)


# Where it stands.


def test_a_refund_of_ours_counts_when_it_is_seen() -> None:
    a = asked(told(begun(), SETTLED))
    assert (a.state, refundable(a), refunded(a), refunding(a)) == (State.PAID, (), (), (COST,))
    due = owed(a, NOW)
    assert due is not None
    assert due.kind is OwedKind.REFUND
    a = told(a, sent_back(ours(a)))
    assert (a.state, refunded(a), refunding(a)) == (State.REFUNDED, (COST,), ())
    assert (due_refund(a), owed(a, NOW)) == (None, None)


def test_what_is_on_its_way_is_looked_at_once_a_day() -> None:
    a = asked(told(begun(), SETTLED))
    a = told(a, sent_back(ours(a, PENDING)))
    due = owed(a, NOW)
    assert (a.state, due and due.kind) == (State.REFUNDED, OwedKind.REVERSAL)
    assert due is not None
    assert (due.due_at - NOW).days == 1
    assert owed(told(a, sent_back(ours(a))), NOW) is None


@pytest.mark.parametrize("kind", [REFUND, DISPUTE])
def test_a_status_only_goes_forward(kind: ReversalKind) -> None:
    a = told(begun(), SETTLED)
    answers = [sent_back(reversal(kind, status)) for status in (PENDING, SUCCEEDED, FAILED)]
    ends = told(a, *answers)
    assert ends.state is State.PAID
    for answer in answers:
        assert told(ends, answer) == ends
    gone = told(a, answers[1])
    assert (gone.state, told(gone, answers[0])) == (State.REFUNDED, gone)


def test_what_failed_before_it_was_seen_is_nothing() -> None:
    a = told(begun(), SETTLED)
    assert decide(a, about(1, sent_back(reversal(DISPUTE, FAILED))), NOW) == ()


def test_the_same_key_with_another_amount_is_not_what_was_asked_for() -> None:
    a = asked(shared(6, 4), msats(5))
    other = reversal(REFUND, amount=msats(3), key=refund_key("invoice-1", 1))
    a = told(a, sent_back(other, received=msats(10)))
    assert (refundable(a), refunded(a), refunding(a)) == ((msats(7),), (msats(3),), ())
    assert a.attention is e.AttentionReason.REFUND_FAILED
    assert total(a.taken) == 3


def test_a_key_that_we_do_not_wait_for_is_somebody_elses() -> None:
    a = told(begun(), SETTLED)
    a = told(a, sent_back(reversal(REFUND, key=refund_key("invoice-1", 1))))
    assert (a.state, refunded(a)) == (State.REFUNDED, (COST,))


def test_a_dispute_of_a_part_hides_it_and_the_rest_stays_paid() -> None:
    part = msats(1)
    a = told(shared(6, 4), sent_back(reversal(DISPUTE, PENDING, amount=part), received=msats(10)))
    assert a.state is State.DISPUTED
    a = told(a, sent_back(reversal(DISPUTE, amount=part), received=msats(10)))
    assert (a.state, refundable(a)) == (State.PAID, (msats(9),))


def test_a_failed_action_is_not_moved_by_a_reversal() -> None:
    a = told(begun(policy=e.LatePolicy.CREDIT), EXPIRED, SETTLED, DISPUTED)
    assert (a.state, a.attention) == (State.FAILED, e.AttentionReason.DISPUTED)
    assert (a.credited, a.attempts[0].lost) == ((), 0)
    a = told(a, sent_back(reversal(DISPUTE, FAILED)))
    assert (a.attention, total(a.credited)) == (None, COST.amount)


def test_two_take_the_same_money() -> None:
    """What both have taken is a loss until one of them gives it back."""
    a = asked(shared(6, 4), msats(6))
    outside = reversal(REFUND, amount=msats(10))
    a = told(a, sent_back(outside, received=msats(10)))
    assert (total(a.taken), a.attempts[0].lost) == (10, 6)
    waiting = due_refund(a)
    assert waiting is not None
    a = fold(a, refund_declined(a, waiting))
    assert (total(a.taken), a.attempts[0].lost, a.attempts[0].price) == (10, 0, 0)
    back = reversal(REFUND, FAILED, amount=msats(10))
    a = told(a, sent_back(back, received=msats(10)))
    assert (a.taken, a.attempts[0].price, a.state) == ((), 10, State.PAID)


@pytest.mark.parametrize("status", [SUCCEEDED, FAILED])
def test_money_in_another_currency_goes_back(status: ReversalStatus) -> None:
    euros = Money(7, "EUR")
    a = told(begun(), sent_back(received=euros))
    assert (a.attention, a.attempts[0].foreign) == (e.AttentionReason.WRONG_CURRENCY, euros)
    decided = e.AttentionResolved(resolution="refund", operator="eve", why="theirs")
    a = fold(a, [decided, *refund_spare(a)])
    assert refund_spare(a) == ()
    shown = sent_back(ours(a, PENDING), received=euros)
    a = told(a, shown, sent_back(ours(a, status), received=euros))
    gone = status is SUCCEEDED
    assert (refunded(a), due_refund(a)) == ((euros,) if gone else (), None)
    assert a.attempts[0].foreign == (Money(0, "EUR") if gone else euros)


@pytest.mark.parametrize(
    "event",
    [
        e.RefundReturned(number=1, refund=1, amount=COST, taken=Taken(COST.amount)),
        e.ReversalConfirmed(number=1, reversal_id="r-1", reversal=REFUND),
        e.Restored(redone=False),
        e.DisputeOpened(),
    ],
)
def test_what_cannot_happen(event: e.Event) -> None:
    with pytest.raises(IllegalTransition):
        fold(told(begun(), SETTLED), [event])


def test_a_reversal_is_seen_once() -> None:
    a = told(begun(), SETTLED)
    (shown, *_) = decide(a, about(1, REFUNDED), NOW)
    with pytest.raises(IllegalTransition):
        fold(a, [shown, shown])


# The walk: whatever is asked for, listed, declined and undone, every unit is somewhere.

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(1, 120)),
        st.tuples(st.just("outside"), st.integers(1, 120)),
        st.tuples(st.just("dispute"), st.integers(1, 120)),
        st.tuples(st.just("send"), st.booleans()),
        st.tuples(st.just("decline"), st.just(0)),
        st.tuples(st.just("end"), st.integers(0, 5)),
        st.tuples(st.just("undo"), st.integers(0, 5)),
        st.tuples(st.just("pay more"), st.integers(1, 50)),
        st.tuples(st.just("credit"), st.just(0)),
    ),
    max_size=14,
)


class Walk:
    """One paid action of 100 units, its gateway, and the ledger.

    With cents it costs so many, and the units are what that is in millisatoshis.
    """

    def __init__(self, payouts: tuple[int, ...], *, cents: bool = False) -> None:
        self.currency = "USD" if cents else "BTC"
        self.price = 100 if not cents else 1000
        self.a = converted(*payouts) if cents else shared(*payouts)
        self.received = self.price
        self.shown: dict[str, Reversal] = {}
        self.balance: Counter[tuple[str, str]] = Counter()
        self.payouts = lines(*payouts, currency=self.currency)
        for line in self.payouts:
            self.balance[line.account, self.currency] += line.amount.amount
        if cents:
            self.balance["exchange", "BTC"] += self.price
            self.balance["exchange", "USD"] -= total(self.payouts)
        self.balance["clearing:sandbox", "BTC"] -= self.price

    def record(self, events: tuple[e.Event, ...]) -> None:
        self.a = fold(self.a, events)
        for _, _, entry in numbered(
            (1, entry) for event in events for entry in entries_of("a-1", self.a, event)
        ):
            amount, currency = entry.amount.amount, entry.amount.currency
            assert amount > 0
            self.balance[entry.debit, currency] -= amount
            self.balance[entry.credit, currency] += amount
        self.check()

    def look(self) -> None:
        answer = sent_back(*self.shown.values(), received=msats(self.received))
        self.record(decide(self.a, about(1, answer), NOW))
        assert decide(self.a, about(1, answer), NOW) == ()

    def gone(self) -> int:
        return sum(r.amount.amount for r in self.shown.values() if r.status is not FAILED)

    def list(
        self, kind: ReversalKind, amount: int, status: ReversalStatus, key: str | None
    ) -> None:
        if amount <= self.received - self.gone():
            name = f"r-{len(self.shown)}"
            self.shown[name] = Reversal(name, msats(amount), kind, status, key)
            self.look()

    def step(self, what: str, number: int) -> None:
        waiting, names = due_refund(self.a), list(self.shown)
        match what:
            case "ask" if 0 < number <= amount_in(refundable(self.a), "BTC"):
                self.record(refund(self.a, msats(number), *BY))
            case "outside":
                self.list(REFUND, number, SUCCEEDED, None)
            case "dispute":
                self.list(DISPUTE, number, PENDING, None)
            case "send" if waiting is not None:
                key = refund_key("invoice-1", waiting.refund)
                self.list(REFUND, waiting.amount.amount, PENDING if number else SUCCEEDED, key)
            case "decline" if waiting is not None:
                self.record(refund_declined(self.a, waiting))
            case "end" | "undo" if number < len(names):
                old = self.shown[names[number]]
                status = FAILED if what == "undo" else SUCCEEDED
                if old.status is PENDING or (old.kind is REFUND and what == "undo"):
                    new = Reversal(old.reversal_id, old.amount, old.kind, status, old.key)
                    self.shown[names[number]] = new
                    self.look()
            case "pay more":
                self.received += number
                self.look()
            case "credit" if self.a.claimable:
                (amount,) = self.a.claimable
                self.record((e.PaymentCredited(amount=amount, actor="ann"),))
            case _:
                pass

    def check(self) -> None:
        a, attempt, balance = self.a, self.a.attempts[0], self.balance
        assert -balance["clearing:sandbox", "BTC"] == self.received - self.seen()
        assert balance["unclaimed:a-1", "BTC"] == attempt.spare >= 0
        assert balance["refunding:a-1", "BTC"] == amount_in(refunding(a), "BTC")
        assert balance["losses", "BTC"] == -attempt.lost <= 0
        assert balance["purse:ann", "BTC"] == total(a.credited)
        assert 0 <= attempt.price <= self.price
        for line in self.payouts:
            given = {part.account: part.amount.amount for part in a.taken}.get(line.account, 0)
            assert 0 <= given <= line.amount.amount
            assert balance[line.account, self.currency] == line.amount.amount - given
        assert amount_in(refundable(a), "BTC") == attempt.price
        gone = self.price - attempt.price
        assert total(a.taken) == gone * a.cost.amount // self.price
        if self.currency == "USD":
            assert balance["exchange", "BTC"] == attempt.price
            assert balance["exchange", "USD"] == total(a.taken) - a.cost.amount
        assert a.state is standing(a)
        for currency in ("BTC", "USD"):
            assert sum(n for (_, of), n in balance.items() if of == currency) == 0

    def seen(self) -> int:
        known = self.a.attempts[0].reversals
        return sum(one.amount.amount for one in known if one.status is not FAILED)


@given(st.sampled_from(((100,), (70, 21, 9), (33, 33, 34), (1, 98, 1))), STEPS)
def test_on_any_way_every_unit_is_somewhere(
    payouts: tuple[int, ...], steps: list[tuple[str, int]]
) -> None:
    walk = Walk(payouts)
    for what, number in steps:
        walk.step(what, int(number))


@given(st.sampled_from(((3,), (70, 21, 9), (1, 1, 1), (3333, 1))), STEPS)
def test_on_any_way_every_unit_is_somewhere_in_its_currency(
    payouts: tuple[int, ...], steps: list[tuple[str, int]]
) -> None:
    walk = Walk(payouts, cents=True)
    for what, number in steps:
        walk.step(what, 9 * int(number) if what in ("ask", "outside", "dispute") else int(number))
