"""Passing a payer's money on: the hold stays until it is certain what became of the payment."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from paidflow.errors import IllegalTransition, NotCancellable
from paidflow.ledger.accounts import LOSSES
from paidflow.ledger.entries import entries_of
from paidflow.money import msats, sats
from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.commands import cancel, capture_declined
from paidflow.states.decide import advance, decide, decide_pay_out
from paidflow.states.evolve import fold
from paidflow.states.forwarding import (
    CAPTURE_BLOCKS,
    CAPTURE_TIME,
    LOCK_BLOCKS_MIN,
    LOCK_MIN,
    pay_until,
    receivers_left,
    request_forward,
)
from paidflow.states.machine import State
from paidflow.states.owed import OwedKind, owed
from paidflow.states.paying_out import SEND_MARGIN
from tests.states.build import (
    ARRIVED,
    BUDGET,
    CANCELLED,
    COST,
    DEADLINE,
    EXPIRED,
    HELD,
    LOOKUPS,
    NOT_FOUND,
    NOW,
    OPEN,
    PAYOUTS,
    PLANNED,
    RECEIVERS,
    SETTLED,
    SHARE,
    UNREACHABLE,
    UNTIL,
    about,
    followed,
    forwarding,
    of_payment,
    requested,
    started,
    told,
    wrapped,
)

LATER = UNTIL + SEND_MARGIN + timedelta(microseconds=1)
NOT_SENT = e.PayOutFailed(number=1, reason=ans.PayFailure.NOT_SENT)


def _at_rest(a: Aggregate) -> Aggregate:
    """The action after the steps that are due by what is known."""
    return fold(a, advance(a, NOW))


def _names(events: tuple[e.Event, ...]) -> list[str]:
    return [one.name.removeprefix("paid-action.") for one in events]


def test_the_work_is_done_before_anything_is_sent() -> None:
    a = told(wrapped(), HELD)
    assert (a.state, a.performed) == (State.HELD, False)
    assert _names(request_forward(a, HELD, NOW, UNTIL)) == ["performed", "pay-out-requested"]
    optimistic = told(wrapped(optimistic=True), HELD)
    assert _names(request_forward(optimistic, HELD, NOW, UNTIL)) == ["pay-out-requested"]


def test_an_answer_alone_never_starts_a_payment() -> None:
    """Whoever looks may be in no position to send: only the step that sends may begin it."""
    a = told(wrapped(), HELD)
    for lookup in (HELD, OPEN, NOT_FOUND, UNREACHABLE):
        assert decide(a, about(1, lookup), NOW) == ()


def test_it_cannot_be_requested_twice_or_elsewhere() -> None:
    assert request_forward(forwarding(), HELD, NOW, UNTIL) == ()
    assert request_forward(wrapped(), HELD, NOW, UNTIL) == ()
    with pytest.raises(IllegalTransition):
        fold(forwarding(), [e.PayOutRequested(number=1, give_up_at=NOW)])


@pytest.mark.parametrize(
    ("seconds_left", "sent"),
    [(LOCK_MIN.total_seconds(), True), (LOCK_MIN.total_seconds() - 1, False)],
)
def test_a_time_lock_that_is_too_short(seconds_left: float, sent: bool) -> None:
    a = told(wrapped(), HELD)
    now = DEADLINE.at - CAPTURE_TIME - timedelta(seconds=seconds_left)
    events = request_forward(a, HELD, now, UNTIL)
    assert (_names(events) == ["performed", "pay-out-requested"]) is sent
    if not sent:
        assert events == (e.CancelRequested(reason=e.FailureReason.TIME_LOCK_TOO_SHORT),)


@pytest.mark.parametrize(("left", "sent"), [(LOCK_BLOCKS_MIN, True), (LOCK_BLOCKS_MIN - 1, False)])
def test_a_time_lock_in_blocks(left: int, sent: bool) -> None:
    deadline = ans.HeightDeadline(1_000)
    assert pay_until(deadline) == ans.HeightDeadline(1_000 - CAPTURE_BLOCKS)
    held = ans.Held(COST, deadline, 1_000 - CAPTURE_BLOCKS - left)
    a = told(wrapped(), held)
    assert (
        _names(request_forward(a, held, NOW, UNTIL)) == ["performed", "pay-out-requested"]
    ) is sent


def test_without_a_height_nothing_is_sent() -> None:
    held = ans.Held(COST, ans.HeightDeadline(1_000))
    a = told(wrapped(), held)
    assert _names(request_forward(a, held, NOW, UNTIL)) == ["cancel-requested"]


def test_paid_out_and_captured() -> None:
    a = followed(forwarding(), ARRIVED)
    assert (a.state, a.advanced) == (State.CAPTURING, SHARE.amount + 100)
    a = told(a, SETTLED)
    assert (a.state, a.attention) == (State.PAID, None)


IN_DOUBT = (ans.InFlight(), ans.Unreachable(), ans.NotFound())


@pytest.mark.parametrize("lookup", IN_DOUBT, ids=lambda lookup: type(lookup).__name__)
def test_in_doubt_the_hold_stays(lookup: ans.PaymentLookup) -> None:
    a = forwarding()
    for now in (NOW, LATER - timedelta(microseconds=1), DEADLINE.at):
        if lookup == ans.NotFound() and now >= LATER:
            continue
        after = followed(a, lookup, now=now)
        assert (after.state, after.current) == (a.state, a.current)
    with pytest.raises(NotCancellable):
        cancel(a, e.FailureReason.USER_CANCELLED)
    due = owed(a, NOW)
    assert due is not None
    assert due.kind is OwedKind.FORWARD


def test_not_found_is_not_sent_only_when_it_cannot_be_sent_any_more() -> None:
    a = followed(forwarding(), NOT_FOUND, now=LATER)
    assert (a.state, a.cancel_reason) == (State.CANCELLING, e.FailureReason.FORWARD_NOT_SENT)


def test_a_command_that_was_declined_and_is_not_known_was_not_carried_out() -> None:
    a = forwarding()
    events = decide_pay_out(a, of_payment(NOT_FOUND), NOW, ans.Declined())
    assert events == (NOT_SENT, e.CancelRequested(reason=e.FailureReason.FORWARD_NOT_SENT))
    # It may have been the second one of its kind, so what is shown counts more.
    assert decide_pay_out(a, of_payment(ans.InFlight()), NOW, ans.Declined()) == (
        e.PayOutSeen(number=1),
    )
    paid = decide_pay_out(a, of_payment(ARRIVED), NOW, ans.Declined())
    assert _names(paid) == ["pay-out-settled", "capture-requested"]


@pytest.mark.parametrize("reason", ans.PayFailure)
def test_a_failed_payment_releases_the_money(reason: ans.PayFailure) -> None:
    a = followed(forwarding(), ans.PayFailed(reason))
    ours = reason in (ans.PayFailure.INSUFFICIENT_BALANCE, ans.PayFailure.NOT_SENT)
    because = e.FailureReason.FORWARD_NOT_SENT if ours else e.FailureReason.FORWARD_FAILED
    assert (a.state, a.cancel_reason) == (State.CANCELLING, because)
    a = told(a, CANCELLED)
    assert (a.state, a.failure_reason) == (State.FAILED, because)
    left = ["bob-phone", "bob-home"] if ours else ["bob-home"]
    assert [one.wallet for one in receivers_left(a)] == left


def test_an_answer_about_another_payment_says_nothing() -> None:
    assert decide_pay_out(forwarding(), of_payment(ARRIVED, "other"), NOW) == ()


def test_a_payment_that_was_not_asked_for_yet_is_looked_up_when_it_is() -> None:
    """The log was restored: the one command that follows is declined, and a lookup shows it."""
    assert decide_pay_out(told(wrapped(), HELD), of_payment(ARRIVED), NOW) == ()
    again = decide_pay_out(forwarding(), of_payment(ARRIVED), NOW, ans.Declined("sent before"))
    assert _names(again) == ["pay-out-settled", "capture-requested"]


def test_who_did_not_pay_does_not_use_up_a_wallet() -> None:
    a = told(wrapped(), EXPIRED)
    assert [one.wallet for one in receivers_left(a)] == ["bob-phone", "bob-home"]


def test_a_refused_wrap_uses_up_its_wallet() -> None:
    first = requested(hold=True).model_copy(update={"payouts": PAYOUTS, "receivers": RECEIVERS})
    tried = started(1, hold=True).model_copy(update={"receiver": RECEIVERS[0]})
    a = fold(None, [first, e.InvoiceAwaited(until=NOW), PLANNED, tried])
    a = fold(a, [e.AttemptClosed(number=1, closure=e.Closure.WRAP_REFUSED)])
    assert [one.wallet for one in receivers_left(a)] == ["bob-home"]


@pytest.mark.parametrize("gone", [CANCELLED, EXPIRED])
def test_paid_out_but_the_hold_is_gone(gone: ans.Lookup) -> None:
    """Noticed before or after the payment arrived: a loss, a failure, and somebody is told."""
    for a in (
        _at_rest(followed(told(forwarding(), gone), ARRIVED)),
        told(followed(forwarding(), ARRIVED), gone),
    ):
        assert (a.state, a.failure_reason) == (State.FAILED, e.FailureReason.HOLD_LOST)
        assert (a.lost, a.advanced) == (SHARE.amount + 100, 0)
        assert a.attention is e.AttentionReason.FORWARD_LOST
        assert list(receivers_left(a)) == []


def test_a_hold_that_is_gone_is_let_go_when_nobody_was_paid() -> None:
    a = _at_rest(followed(told(forwarding(), CANCELLED), ans.PayFailed(ans.PayFailure.REFUSED)))
    assert (a.state, a.lost, a.attention) == (State.FAILED, 0, None)


def test_a_hold_is_never_let_go_once_the_receiver_was_paid() -> None:
    a = followed(forwarding(), ARRIVED)
    assert capture_declined(a) == (e.AttentionAsked(reason=e.AttentionReason.CAPTURE_OVERDUE),)
    assert capture_declined(fold(a, capture_declined(a))) == ()
    with pytest.raises(IllegalTransition):
        fold(a, [e.CancelRequested(reason=e.FailureReason.CAPTURE_DECLINED)])


def test_money_that_came_without_being_passed_on_pays_the_purse() -> None:
    """A gateway that settled by itself: the receiver gets credits."""
    a = told(wrapped(), SETTLED, HELD)
    assert (a.state, a.passed_on) == (State.PAID, None)


# Any way that a wrapped payment can go.


class Walk:
    """One wrapped payment on a random way, with its ledger."""

    def __init__(self, optimistic: bool) -> None:
        self.now = NOW
        self.sums: Counter[str] = Counter()
        self.received = 0
        self.paid_out = 0
        self.sent = 0
        self.a = wrapped(optimistic=optimistic)

    def record(self, events: tuple[e.Event, ...]) -> None:
        after = fold(self.a, events) if events else self.a
        for one in events:
            self.sent += isinstance(one, e.PayOutRequested)
            if isinstance(one, e.PaymentSeen):
                self.received += one.amount.amount
            if isinstance(one, e.PayOutSettled):
                self.paid_out += one.amount.amount + one.fee.amount
            for entry in entries_of("a-1", after, one):
                assert entry.amount.amount > 0
                self.sums[entry.debit] -= entry.amount.amount
                self.sums[entry.credit] += entry.amount.amount
        self.a = after
        self.check()

    def check(self) -> None:
        a, sums = self.a, self.sums
        assert sum(sums.values()) == 0
        assert -sums["clearing:sandbox"] == self.received - self.paid_out
        assert sums["unclaimed:a-1"] == a.unassigned
        assert sums["pool"] >= 0
        assert sums["purse:bob"] in (0, SHARE.amount)
        assert self.sent <= 1
        if a.state is State.PAID:
            assert sums["advanced:a-1"] == 0
            assert sums["purse:bob"] == (0 if self.paid_out else SHARE.amount)
        elif a.state is State.FAILED:
            assert sums["advanced:a-1"] == 0
            assert a.lost == min(self.paid_out, SHARE.amount + BUDGET.amount)
            assert a.lost == -sums[LOSSES]
            assert not self.paid_out or a.attention is not None
        else:
            assert -sums["advanced:a-1"] == a.advanced
        if a.state in (State.CANCELLING, State.PENDING_HELD, State.HELD):
            assert not self.paid_out, "let go, or waiting, although the receiver was paid"

    def answer(self, lookup: ans.Lookup) -> None:
        self.record(decide(self.a, about(1, lookup), self.now))

    def work(self) -> None:
        self.record(advance(self.a, self.now))

    def begin(self) -> None:
        self.record(request_forward(self.a, HELD, self.now, self.now + timedelta(minutes=1)))

    def follow(self, lookup: ans.PaymentLookup) -> None:
        # A gateway never takes back how it ended, and does not pay what was not sent.
        over = self.a.pay_out is not None and self.a.pay_out.over
        if self.sent and not over:
            self.record(decide_pay_out(self.a, of_payment(lookup), self.now))

    def cancel(self) -> None:
        try:
            self.record(cancel(self.a, e.FailureReason.USER_CANCELLED))
        except NotCancellable:
            return

    def capture_declined(self) -> None:
        if self.a.state is State.CAPTURING:
            self.record(capture_declined(self.a))

    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)


OUTGOING: tuple[ans.PaymentLookup, ...] = (
    *IN_DOUBT,
    ARRIVED,
    ans.PaidOut(SHARE, msats(5_000), b"secret"),
    ans.PaidOut(SHARE, msats(0), b"secret"),
    *(ans.PayFailed(reason) for reason in ans.PayFailure),
)
STEPS = st.one_of(
    st.tuples(st.just("answer"), st.sampled_from((*LOOKUPS, HELD, ans.Settled(sats(4))))),
    st.tuples(st.just("answer"), st.just(HELD)),
    st.tuples(st.just("begin")),
    st.tuples(st.just("begin")),
    st.tuples(st.just("follow"), st.sampled_from(OUTGOING)),
    st.tuples(st.just("follow"), st.just(ARRIVED)),
    st.tuples(st.just("work")),
    st.tuples(st.just("cancel")),
    st.tuples(st.just("capture_declined")),
    st.tuples(st.just("wait"), st.sampled_from((1, 61, 121, 3_000))),
)


@settings(max_examples=600, deadline=None)
@given(st.booleans(), st.lists(STEPS, max_size=15))
def test_on_any_way_the_books_are_right(optimistic: bool, steps: list[tuple[object, ...]]) -> None:
    walk = Walk(optimistic)
    for name, *given_ in steps:
        getattr(walk, str(name))(*given_)
    event(str(walk.a.state))
    event(f"paid out: {bool(walk.paid_out)}, lost: {bool(walk.a.lost)}")
