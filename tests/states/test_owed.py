"""What is owed: the schedule forgets no action, whichever way it came to where it stands."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from paidflow.errors import NotCancellable, NotRetriable
from paidflow.money import Money, sats
from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.amounts import amount_in
from paidflow.states.commands import cancel, cancel_declined, perform_raised, retry
from paidflow.states.decide import MARGIN, MARGIN_BLOCKS, advance, decide
from paidflow.states.events import Events
from paidflow.states.evolve import evolve, fold
from paidflow.states.giving_back import refund, refund_declined
from paidflow.states.late import accepts_late, refuse_late
from paidflow.states.learn import learn
from paidflow.states.machine import FINAL, State
from paidflow.states.owed import HAND_OVER, REVERSAL_SWEEP, SWEEP, Owed, OwedKind, owed
from paidflow.states.paying_out import SEND_MARGIN
from paidflow.states.refunds import refund_key
from paidflow.states.reversals import due_refund, refundable
from tests.states.build import (
    CANCELLED,
    COST,
    DEADLINE,
    DISPUTED,
    EXPIRED,
    HELD,
    LOOKUPS,
    NOW,
    OPEN,
    REFUNDED,
    SETTLED,
    UNTIL,
    about,
    attached,
    begun,
    cancelling,
    declined,
    forwarding,
    reopened,
    requested,
    retried,
    reversal,
    sent,
    sent_back,
    started,
    told,
    withdrawing,
)

SOON = NOW + HAND_OVER


def _asked(a: Aggregate, reason: e.AttentionReason) -> Aggregate:
    return fold(a, [e.AttentionAsked(reason=reason)])


def _settled(a: Aggregate) -> Aggregate:
    """The fact alone, as it is left behind when a hook has raised."""
    return fold(a, learn(a, about(1, SETTLED), NOW))


HOLD_MARGIN = DEADLINE.at - MARGIN
HOOK_FAILS = e.AttentionReason.HOOK_FAILS
NOT_REGISTERED = e.AttentionReason.NOT_REGISTERED

WON = sent_back(reversal(ans.ReversalKind.DISPUTE, ans.ReversalStatus.FAILED))
# The fact alone, as it is left behind when on_paid has raised.
_won = told(begun(), SETTLED, DISPUTED)
_won = fold(_won, learn(_won, about(1, WON), NOW))

CASES: dict[str, tuple[Aggregate, Owed | None]] = {
    "a payment": (
        begun(),
        Owed(OwedKind.PAYMENT, NOW + timedelta(minutes=10), NOW + timedelta(minutes=10)),
    ),
    "a hold": (
        begun(hold=True),
        Owed(OwedKind.HOLD, NOW + timedelta(minutes=10), NOW + timedelta(minutes=10)),
    ),
    "the work": (told(begun(hold=True), HELD), Owed(OwedKind.PERFORM, SOON, HOLD_MARGIN)),
    "the capture": (
        told(begun(hold=True), HELD, HELD),
        Owed(OwedKind.CAPTURE, SOON, HOLD_MARGIN),
    ),
    "the payment to a receiver": (forwarding(), Owed(OwedKind.FORWARD, SOON, UNTIL + SEND_MARGIN)),
    "the close": (cancelling(begun()), Owed(OwedKind.CLOSE, SOON)),
    "the release": (
        declined(told(begun(hold=True), HELD, HELD)),
        Owed(OwedKind.CLOSE, SOON, HOLD_MARGIN),
    ),
    "an invoice": (
        retried(told(begun(), EXPIRED)),
        Owed(OwedKind.INVOICE, SOON, UNTIL),
    ),
    "late money in a retry": (
        retried(_settled(told(begun(), EXPIRED))),
        Owed(OwedKind.LATE, SOON),
    ),
    "late money": (_settled(told(begun(), EXPIRED)), Owed(OwedKind.LATE, SOON)),
    "to be completed": (_settled(begun()), Owed(OwedKind.COMPLETE, SOON)),
    "to be completed by a person": (
        _asked(_settled(begun()), HOOK_FAILS),
        Owed(OwedKind.PERSON, NOW),
    ),
    "the work for money that is ours": (
        told(begun(hold=True), SETTLED),
        Owed(OwedKind.PERFORM, SOON),
    ),
    "the work that nobody knows": (
        _asked(told(begun(hold=True), SETTLED), NOT_REGISTERED),
        Owed(OwedKind.PERSON, NOW),
    ),
    # A hold must never wait for a person: it is released in time.
    "the hold of work that nobody knows": (
        _asked(told(begun(hold=True), HELD), NOT_REGISTERED),
        Owed(OwedKind.PERFORM, SOON, HOLD_MARGIN),
    ),
    "a payment to somebody else": (withdrawing(), Owed(OwedKind.PAY_OUT, SOON, UNTIL)),
    "what became of it": (
        sent(withdrawing()),
        Owed(OwedKind.FORWARD, SOON, UNTIL + SEND_MARGIN),
    ),
    "the rest of it": (
        fold(sent(withdrawing()), [e.PayOutFailed(number=1, reason=ans.PayFailure.REFUSED)]),
        Owed(OwedKind.COMPLETE, SOON),
    ),
    "an undo": (
        fold(begun(), [e.Failed(reason=e.FailureReason.EXPIRED, undo_owed=True)]),
        None,
    ),
    "after_paid": (told(begun(), SETTLED), Owed(OwedKind.AFTER_PAID, NOW)),
    "a newer invoice": (
        told(reopened(told(begun(), EXPIRED)), SETTLED, number=1),
        Owed(OwedKind.CLOSE_OTHER, SOON),
    ),
    "a person": (
        told(begun(policy=e.LatePolicy.PERSON), EXPIRED, SETTLED),
        Owed(OwedKind.PERSON, NOW),
    ),
    "a look at an invoice that only counts as closed": (
        told(fold(None, [requested(), attached(1, assumed_closed_at=NOW)]), OPEN),
        Owed(OwedKind.WATCH, NOW + SWEEP, NOW + timedelta(days=1)),
    ),
    "a refund": (
        fold(told(begun(), SETTLED), refund(told(begun(), SETTLED), None, "eve", "broken")),
        Owed(OwedKind.REFUND, SOON),
    ),
    "late money that goes back": (
        told(begun(policy=e.LatePolicy.REFUND), EXPIRED, SETTLED),
        Owed(OwedKind.REFUND, SOON),
    ),
    "the outcome of a dispute": (
        told(begun(), SETTLED, DISPUTED),
        Owed(OwedKind.REVERSAL, NOW + REVERSAL_SWEEP),
    ),
    "what on_reversed has not taken back": (
        fold(
            told(begun(), SETTLED),
            [
                *learn(told(begun(), SETTLED), about(1, REFUNDED), NOW),
                e.Reversed(reversal=ans.ReversalKind.REFUND, undo_owed=True),
            ],
        ),
        Owed(OwedKind.UNDO, SOON),
    ),
    "to be completed when the money is here again": (_won, Owed(OwedKind.COMPLETE, SOON)),
    "nothing": (told(begun(), EXPIRED), None),
    "nothing more": (
        fold(told(begun(), SETTLED), [e.HookDone(hook=e.Hook.AFTER_PAID)]),
        None,
    ),
}
# An invoice that failed to close by itself is dead first; then only the undo is left.
_undo = fold(begun(), [e.AttemptClosed(number=1, closure=e.Closure.EXPIRED)])
_undo = fold(_undo, [e.Failed(reason=e.FailureReason.EXPIRED, undo_owed=True)])
CASES["an undo"] = (_undo, Owed(OwedKind.UNDO, SOON))


@pytest.mark.parametrize("name", CASES)
def test_what_is_owed(name: str) -> None:
    a, expected = CASES[name]
    assert owed(a, NOW) == expected


def test_every_kind_has_a_case() -> None:
    assert {due.kind for _, due in CASES.values() if due} == set(OwedKind)


def test_an_unpaid_invoice_is_swept_now_and_then_and_right_after_it_expires() -> None:
    expires_at = NOW + timedelta(hours=1)
    invoice = attached(1).model_copy(update={"expires_at": expires_at})
    a = fold(None, [requested(), invoice])
    assert _due(a, NOW) == NOW + SWEEP
    assert _due(a, expires_at - timedelta(minutes=3)) == expires_at + timedelta(seconds=1)
    assert _due(a, expires_at) == expires_at + SWEEP
    endless = fold(None, [requested(), invoice.model_copy(update={"expires_at": None})])
    assert _due(endless, expires_at) == expires_at + SWEEP


def _due(a: Aggregate, now: datetime) -> datetime:
    due = owed(a, now)
    assert due is not None
    return due.due_at


def test_a_height_is_no_moment() -> None:
    hold = ans.Held(COST, ans.HeightDeadline(1_000), 900)
    due = owed(told(begun(hold=True), hold), NOW)
    assert due == Owed(OwedKind.PERFORM, SOON, None, 1_000 - MARGIN_BLOCKS)


def test_money_locked_on_an_invoice_that_counted_as_dead_is_let_go() -> None:
    closed_at = NOW + timedelta(minutes=20)
    a = fold(None, [requested(hold=True), attached(1, hold=True, assumed_closed_at=closed_at)])
    a = told(a, OPEN, now=closed_at)
    assert a.state is State.FAILED
    # It is only taken for dead, so it is looked at for another day.
    until = closed_at + timedelta(days=1)
    assert owed(a, closed_at) == Owed(OwedKind.WATCH, closed_at + SWEEP, until)
    assert owed(a, until) is None
    a = told(a, HELD, now=closed_at)
    assert a.state is State.FAILED
    due = owed(a, closed_at)
    assert due is not None
    assert due.kind is OwedKind.CLOSE_OTHER
    assert told(a, HELD, now=closed_at) == a
    assert owed(told(a, CANCELLED), closed_at) is None
    # It does not stand in the way of a retry, and is not forgotten over it either.
    again = owed(reopened(a), closed_at)
    assert again is not None
    assert again.kind is OwedKind.CLOSE_OTHER


# Any way that an action can go.


class Walk:
    """One action on a random way; only the rules themselves say what happens."""

    def __init__(self, first: e.Requested, closed_at: datetime | None) -> None:
        self.now = NOW
        self._closed_at = closed_at
        self._hold = first.mode is e.Mode.PESSIMISTIC
        self.happened: list[e.Event] = []
        self.a = evolve(None, first)
        self.record(
            (attached(1, hold=self._hold, assumed_closed_at=closed_at),),
        )

    def record(self, events: Events) -> None:
        """What the recorder does: none of this may be illegal, ever."""
        for happened in events:
            self.a = evolve(self.a, happened)
            self.happened.append(happened)
        self.check()

    def check(self) -> None:
        a = self.a
        due = owed(a, self.now)
        if a.state not in FINAL:
            assert due is not None, f"{a.state} owes nothing"
        if due is not None:
            assert due.due_at is not None
            assert due.due_at >= self.now
        assert a.performed or a.state not in (State.PENDING, State.CAPTURING, State.PAID)
        assert not (a.undone and not a.performed)
        assert not (a.undone and a.state in (State.PAID, State.CAPTURING, State.PENDING))
        assert a.unassigned >= 0
        count = Counter(type(happened) for happened in self.happened)
        assert count[e.Performed] <= 1
        assert count[e.Paid] <= 1
        amounts: Counter[type[e.Event]] = Counter()
        back = 0
        for happened in self.happened:
            if isinstance(happened, e.PaymentSeen | e.Paid | e.PaymentCredited | e.PaymentClaimed):
                ours = happened.amount.currency == a.cost.currency
                amounts[type(happened)] += happened.amount.amount if ours else 0
            ours = isinstance(happened, e.ReversalEvent) and not self._foreign(happened)
            if ours and isinstance(happened, e.RefundRequested | e.ReversalSeen):
                back += happened.taken.unassigned
            if ours and isinstance(happened, e.RefundReturned | e.ReversalUndone):
                back -= happened.taken.unassigned
        given = amounts[e.Paid] + amounts[e.PaymentCredited] + amounts[e.PaymentClaimed]
        assert amounts[e.PaymentSeen] == given + back + a.unassigned
        assert all(t.spare >= 0 and t.price >= 0 and t.lost >= 0 for t in a.attempts)
        assert all(money.amount > 0 for money in refundable(a))
        alive = [n for n in a.attempts if n.invoice_id is not None and not n.dead]
        assert len(alive) <= 1
        if a.unassigned > 0 and a.state in FINAL and a.actor is not None and due is None:
            assert a.decided >= a.unassigned, "money that nobody was told of"

    def _foreign(self, happened: e.ReversalEvent) -> bool:
        amount = getattr(happened, "amount", self.a.cost)
        return amount.currency != self.a.cost.currency

    def refund(self, declined_: bool) -> None:
        """A worker sends the refund that is due."""
        a, waiting = self.a, due_refund(self.a)
        if waiting is None:
            return
        if declined_:
            self.record(refund_declined(a, waiting))
            return
        attempt = a.attempts[waiting.number - 1]
        key = refund_key(attempt.invoice_id or "", waiting.refund)
        kind, name = ans.ReversalKind.REFUND, f"ours-{waiting.refund}"
        shown = reversal(kind, reversal_id=name, amount=waiting.amount, key=key)
        self.answer(waiting.number, sent_back(shown, received=self._received(waiting.number)))
        assert due_refund(self.a) != waiting

    def send_back(self, number: int, kind: ans.ReversalKind, status: ans.ReversalStatus) -> None:
        """Somebody else sends money back, contests it, or it is here again."""
        received = self._received(number) if number <= len(self.a.attempts) else COST - COST
        if received.amount:
            name = f"theirs-{number}-{kind}"
            shown = reversal(kind, status, reversal_id=name, amount=received)
            self.answer(number, sent_back(shown, received=received))

    def _received(self, number: int) -> Money:
        attempt = self.a.attempts[number - 1]
        foreign = attempt.foreign is not None
        return Money(7, "EUR") if foreign else Money(attempt.received, self.a.cost.currency)

    def ask_for_refund(self, sats_: int) -> None:
        wanted = sats(sats_)
        if wanted.amount <= amount_in(refundable(self.a), "BTC") and self.a.state in FINAL - {
            State.FAILED
        }:
            self.record(refund(self.a, wanted, "eve", "broken"))

    def answer(self, number: int, lookup: ans.Lookup) -> None:
        self.record(decide(self.a, about(number, lookup), self.now))

    def answer_but_the_hook_raises(self, number: int, lookup: ans.Lookup) -> None:
        """As the recorder falls back: the facts, and then what the rules say for this hook."""
        events = decide(self.a, about(number, lookup), self.now)
        facts = tuple(x for x in events if x.fact)
        seen = fold(self.a, facts)
        kinds = {type(x) for x in events}
        if any(isinstance(x, e.Paid) and x.late for x in events):
            self.record(facts + refuse_late(seen))
        elif e.Performed in kinds:
            self.record(facts + perform_raised(seen))
        elif e.Failed in kinds or e.Reversed in kinds:
            self.record(
                tuple(
                    x.model_copy(update={"undo_owed": True})
                    if isinstance(x, e.Failed | e.Reversed)
                    else x
                    for x in events
                )
            )
        elif e.Paid in kinds or e.Restored in kinds:
            self.record((*facts, e.HookFailed(hook=e.Hook.ON_PAID, error_type="ValueError")))
        else:
            self.record(events)

    def work(self) -> None:
        """What a worker does that needs no gateway."""
        due = owed(self.a, self.now)
        kind = due.kind if due else None
        if kind in (OwedKind.COMPLETE, OwedKind.LATE, OwedKind.INVOICE):
            self.record(advance(self.a, self.now))
        elif kind is OwedKind.UNDO:
            failed = self.a.state is State.FAILED
            hook = e.Hook.ON_FAILED if failed else e.Hook.ON_REVERSED
            self.record((e.HookDone(hook=hook),))
        elif kind is OwedKind.AFTER_PAID:
            self.record((e.HookDone(hook=e.Hook.AFTER_PAID),))

    def open(self) -> None:
        """A worker obtains the invoice that is owed."""
        a = self.a
        due = owed(a, self.now)
        if due is None or due.kind is not OwedKind.INVOICE:
            return
        if a.current is None or a.current.dead:
            self.record((started(len(a.attempts) + 1, hold=self._hold),))
        else:
            number = a.current.number
            invoice = attached(number, hold=self._hold, assumed_closed_at=self._closed_at)
            self.record((invoice,))

    def creation_fails(self) -> None:
        current = self.a.current
        if self.a.state is not State.RETRYING or current is None or current.dead:
            return
        closed = e.AttemptClosed(number=current.number, closure=e.Closure.CREATION_FAILED)
        self.record((closed,))

    def cancel(self) -> None:
        try:
            self.record(cancel(self.a, e.FailureReason.USER_CANCELLED))
        except NotCancellable:
            return

    def cancel_declined(self) -> None:
        self.record(cancel_declined(self.a))

    def capture_declined(self) -> None:
        if self.a.state is State.CAPTURING:
            self.record((e.CancelRequested(reason=e.FailureReason.CAPTURE_DECLINED),))

    def retry(self) -> None:
        try:
            self.record(retry(self.a, self.now + timedelta(seconds=60)))
        except NotRetriable:
            return

    def retry_from_purse(self) -> None:
        a = self.a
        # Money that has come late is used first; nobody pays twice.
        if a.state is State.FAILED and a.actor is not None and not accepts_late(a):
            work = () if a.performed else (e.Performed(),)
            redo = (e.Redone(),) if a.undone else ()
            paid = e.Paid(source="credits", amount=COST, late=False, after_paid_owed=True)
            self.happened.append(e.PaymentSeen(number=0, gateway="purse", amount=COST))
            self.a = fold(a, (*work, *redo, paid))
            self.happened += [*work, *redo, paid]
            self.check()

    def resolve(self, resolution: str) -> None:
        """What ``PaidFlow.resolve`` allows a person."""
        a = self.a
        decided = e.AttentionResolved(resolution=resolution, operator="op", why="seen")
        money = Money(max(a.unassigned, 0), "BTC")
        if a.attention is None:
            return
        acceptable = a.unassigned >= COST.amount and a.state is State.FAILED
        if resolution in ("retry", "dismiss") or (resolution == "accept" and acceptable):
            self.record((decided,))
        elif resolution == "credit" and a.unassigned > 0 and a.actor is not None:
            self.record((decided, e.PaymentCredited(amount=money, actor=a.actor)))
        elif resolution == "close" and a.current is not None and not a.current.dead:
            number, closure = a.current.number, e.Closure.ASSUMED
            self.record((decided, e.AttemptClosed(number=number, closure=closure)))

    def claim(self) -> None:
        a = self.a
        if a.unassigned > 0 and a.state in FINAL:
            self.record((e.PaymentClaimed(amount=Money(a.unassigned, "BTC"), actor="bob"),))

    def alarm(self, reason: e.AttentionReason) -> None:
        if self.a.attention is None and self.a.state not in FINAL:
            self.record((e.AttentionAsked(reason=reason),))

    def look_again(self) -> None:
        """Nothing that was told before leads to anything new."""
        for shown in self.a.attempts:
            told_ = [
                reversal(one.kind, one.status, reversal_id=one.reversal_id, amount=one.amount)
                for one in shown.reversals
            ]
            if told_:
                received = self._received(shown.number)
                answer = about(shown.number, sent_back(*told_, received=received))
                assert learn(self.a, answer, self.now) == ()

    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.check()


AMOUNTS = (ans.Settled(sats(5)), ans.Settled(sats(25)), ans.Settled(Money(7, "EUR")))
TOLD = st.sampled_from(
    (*LOOKUPS, SETTLED, HELD, *AMOUNTS, ans.Held(sats(3), DEADLINE), ans.Held(sats(25), DEADLINE))
)
NUMBER = st.integers(1, 3)
ALARMS = (e.AttentionReason.CLOSE_OVERDUE, HOOK_FAILS, NOT_REGISTERED)
STEPS = st.one_of(
    st.tuples(st.just("answer"), NUMBER, TOLD),
    st.tuples(st.just("answer"), NUMBER, TOLD),
    st.tuples(st.just("answer_but_the_hook_raises"), NUMBER, TOLD),
    *(
        st.tuples(st.just(name))
        for name in (
            *("work", "open", "creation_fails", "cancel", "cancel_declined"),
            *("capture_declined", "retry", "retry_from_purse", "claim"),
        )
    ),
    st.tuples(
        st.just("resolve"), st.sampled_from(("retry", "accept", "credit", "close", "dismiss"))
    ),
    st.tuples(st.just("refund"), st.booleans()),
    st.tuples(
        st.just("send_back"),
        NUMBER,
        st.sampled_from(ans.ReversalKind),
        st.sampled_from(ans.ReversalStatus),
    ),
    st.tuples(st.just("ask_for_refund"), st.integers(1, 10)),
    st.tuples(st.just("look_again")),
    st.tuples(st.just("alarm"), st.sampled_from(ALARMS)),
    st.tuples(st.just("wait"), st.sampled_from((1, 61, 601, 3_000, 100_000))),
)


@settings(max_examples=600, deadline=None)
@given(
    st.builds(
        requested,
        hold=st.booleans(),
        policy=st.sampled_from(e.LatePolicy),
        actor=st.sampled_from(("ann", None)),
    ),
    st.sampled_from((None, NOW + timedelta(minutes=20))),
    st.lists(STEPS, max_size=25),
)
def test_on_any_way_something_is_owed_and_money_adds_up(
    first: e.Requested, closed_at: datetime | None, steps: list[tuple[object, ...]]
) -> None:
    """Whatever the world does, no rule breaks another, and nothing and nobody is forgotten."""
    walk = Walk(first, closed_at)
    for name, *given_ in steps:
        getattr(walk, str(name))(*given_)
    event(str(walk.a.state))


def test_a_forgotten_action_would_be_noticed() -> None:
    """The control of the walk: a state without a kind of owed work is not accepted."""
    walk = Walk(requested(), None)
    walk.a = replace(walk.a, undone=True)
    with pytest.raises(AssertionError):
        walk.check()
