"""What follows from an answer, rule by rule."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from paidflow.errors import NotCancellable, NotRetriable
from paidflow.money import Money, sats
from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.attempt import Fact
from paidflow.states.commands import cancel, cancel_declined, perform_raised, retry
from paidflow.states.decide import MARGIN, MARGIN_BLOCKS, advance, deadline_is_near, decide
from paidflow.states.events import Events
from paidflow.states.evolve import fold
from paidflow.states.late import refuse_late
from paidflow.states.learn import learn
from paidflow.states.machine import State
from paidflow.states.owed import OwedKind, owed
from tests.states.build import (
    CANCELLED,
    COST,
    DEADLINE,
    EXPIRED,
    GATEWAY,
    HELD,
    LOOKUPS,
    NOT_FOUND,
    NOW,
    OPEN,
    PENDING,
    SETTLED,
    UNTIL,
    about,
    attached,
    begun,
    cancelling,
    declined,
    reopened,
    requested,
    retried,
    situation,
    started,
    told,
)

ACCEPT, CREDIT, PERSON = e.LatePolicy.ACCEPT, e.LatePolicy.CREDIT, e.LatePolicy.PERSON
HALF, DOUBLE = sats(5), sats(20)


def names(events: Events) -> list[str]:
    return [event.name.removeprefix("paid-action.") for event in events]


def answered(a: Aggregate, lookup: ans.Lookup, *, number: int = 1, now: datetime = NOW) -> Events:
    return decide(a, about(number, lookup), now)


def credited(amount: Money, actor: str = "ann") -> e.PaymentCredited:
    return e.PaymentCredited(amount=amount, actor=actor)


def failed(reason: e.FailureReason) -> e.Failed:
    return e.Failed(reason=reason, undo_owed=False)


def resolved(a: Aggregate, resolution: str) -> Aggregate:
    return fold(a, [e.AttentionResolved(resolution=resolution, operator="op", why="seen")])


# Answers that say nothing.


@pytest.mark.parametrize("lookup", LOOKUPS, ids=lambda lookup: type(lookup).__name__)
def test_an_answer_about_a_foreign_invoice_is_nothing(lookup: ans.Lookup) -> None:
    a = begun()
    assert decide(a, ans.Answer(GATEWAY, "somebody else's", lookup), NOW) == ()
    assert decide(a, ans.Answer("another gateway", "invoice-1", lookup), NOW) == ()
    assert decide(a, ans.Answer(GATEWAY, "invoice-2", lookup), NOW) == ()


def test_an_old_attempt_is_ignored_except_its_money() -> None:
    a = reopened(told(begun(policy=CREDIT), EXPIRED))
    for lookup in LOOKUPS:
        events = answered(a, lookup, number=1)
        assert names(events) == (["payment-seen", "payment-credited"] if lookup is SETTLED else [])


def test_what_is_known_is_not_said_twice() -> None:
    for a in (told(begun(), SETTLED), told(begun(), EXPIRED), told(begun(hold=True), EXPIRED)):
        for lookup in (OPEN, PENDING, HELD, EXPIRED, CANCELLED, NOT_FOUND):
            assert answered(a, lookup) == ()
    assert answered(told(begun(), SETTLED), SETTLED) == ()


def test_a_plain_invoice_cannot_be_held() -> None:
    assert answered(begun(), HELD) == ()


# Amounts.


def test_too_little_fails_and_is_credited() -> None:
    events = answered(begun(), ans.Settled(HALF))
    assert events == (
        e.PaymentSeen(number=1, gateway=GATEWAY, amount=HALF),
        failed(e.FailureReason.UNDERPAID),
        credited(HALF),
    )


def test_the_rest_of_an_underpayment_is_credited_too() -> None:
    a = told(begun(), ans.Settled(HALF))
    events = answered(a, SETTLED)
    assert events == (e.PaymentSeen(number=1, gateway=GATEWAY, amount=HALF), credited(HALF))
    after = fold(a, events)
    assert (after.state, after.unassigned) == (State.FAILED, 0)
    assert after.attempts[0].received == COST.amount


def test_too_little_of_somebody_without_a_purse_stays_with_the_action() -> None:
    a = told(begun(hold=True, actor=None), ans.Settled(HALF), OPEN)
    assert (a.state, a.unassigned, a.performed) == (State.FAILED, HALF.amount, False)
    assert a.failure_reason is e.FailureReason.UNDERPAID


def test_nothing_settled_is_an_underpayment() -> None:
    assert names(answered(begun(), ans.Settled(sats(0)))) == ["payment-seen", "failed"]


def test_too_much_is_paid_and_the_surplus_is_credited() -> None:
    events = answered(begun(), ans.Settled(sats(17)))
    assert names(events) == ["payment-seen", "paid", "payment-credited"]
    assert events[1:] == (
        e.Paid(source="invoice", amount=COST, late=False, after_paid_owed=True),
        credited(sats(7)),
    )


def test_a_second_payment_of_the_same_invoice_is_credited() -> None:
    a = told(begun(), SETTLED)
    events = answered(a, ans.Settled(DOUBLE))
    assert events == (e.PaymentSeen(number=1, gateway=GATEWAY, amount=COST), credited(COST))
    assert fold(a, events).state is State.PAID


def test_less_than_before_is_no_news() -> None:
    a = told(begun(), ans.Settled(DOUBLE))
    assert answered(a, SETTLED) == ()


def test_a_surplus_waits_for_a_person_where_one_decides() -> None:
    a = told(begun(policy=PERSON), ans.Settled(sats(17)))
    assert (a.state, a.unassigned) == (State.PAID, sats(7).amount)
    assert a.attention is e.AttentionReason.LATE_PAYMENT
    assert advance(a, NOW) == ()


def test_a_wrong_currency_is_a_fact_that_a_person_is_told() -> None:
    a, euros = begun(), ans.Settled(Money(1000, "EUR"))
    events = answered(a, euros)
    assert events == (
        e.PaymentSeen(number=1, gateway=GATEWAY, amount=Money(1000, "EUR")),
        e.AttentionAsked(reason=e.AttentionReason.WRONG_CURRENCY),
        failed(e.FailureReason.UNDERPAID),
    )
    after = fold(a, events)
    assert (after.state, after.unassigned) == (State.FAILED, 0)
    # The failure that follows must not take the question back.
    assert after.attention is e.AttentionReason.WRONG_CURRENCY
    due = owed(after, NOW)
    assert due is not None
    assert due.kind is OwedKind.PERSON
    assert answered(after, euros) == ()
    again = told(reopened(after), SETTLED, number=2)
    assert (again.state, again.attention) == (State.PAID, e.AttentionReason.WRONG_CURRENCY)
    assert resolved(again, "dismiss").attention is None


# Closed by the gateway, or taken for closed.


@pytest.mark.parametrize(
    ("lookup", "closure", "reason"),
    [
        (EXPIRED, e.Closure.EXPIRED, e.FailureReason.EXPIRED),
        (CANCELLED, e.Closure.CANCELLED, e.FailureReason.GATEWAY_CANCELLED),
    ],
)
@pytest.mark.parametrize("hold", [False, True])
def test_a_closed_invoice_fails(
    hold: bool, lookup: ans.Lookup, closure: e.Closure, reason: e.FailureReason
) -> None:
    events = answered(begun(hold=hold), lookup)
    assert events == (e.AttemptClosed(number=1, closure=closure), failed(reason))


def test_time_alone_closes_nothing() -> None:
    later = NOW + timedelta(days=30)
    for hold in (False, True):
        for lookup in (OPEN, PENDING, NOT_FOUND, ans.Unreachable()):
            assert answered(begun(hold=hold), lookup, now=later) == ()


def test_a_gateway_that_cannot_close_is_taken_for_closed_after_its_grace() -> None:
    closed_at = NOW + timedelta(minutes=20)
    a = fold(None, [requested(), attached(1, assumed_closed_at=closed_at)])
    just_before = closed_at - timedelta(microseconds=1)
    assert answered(a, OPEN, now=just_before) == ()
    for lookup in (OPEN, NOT_FOUND):
        assert answered(a, lookup, now=closed_at) == (
            e.AttemptClosed(number=1, closure=e.Closure.ASSUMED),
            failed(e.FailureReason.EXPIRED),
        )
    # A payment on its way, and no answer at all, close nothing.
    for lookup in (PENDING, ans.Unreachable()):
        assert answered(a, lookup, now=closed_at + timedelta(days=1)) == ()
    # And what comes after it was assumed follows the late policy.
    after = told(a, OPEN, now=closed_at)
    assert names(answered(after, SETTLED)) == ["payment-seen", "redone", "paid"]


def test_a_lost_hold_fails_performed_or_not() -> None:
    for a in (told(begun(hold=True), HELD), told(begun(hold=True), HELD, HELD)):
        for lookup in (EXPIRED, CANCELLED):
            after = told(a, lookup)
            assert (after.state, after.failure_reason) == (
                State.FAILED,
                e.FailureReason.HOLD_LOST,
            )
            assert after.undone is after.performed is a.performed


# Holds.


def test_the_work_is_done_only_while_the_gateway_shows_the_hold() -> None:
    a = told(begun(hold=True), HELD)
    assert advance(a, NOW) == ()
    for lookup in (OPEN, PENDING, NOT_FOUND, ans.Unreachable()):
        assert answered(a, lookup) == ()
    assert names(answered(a, HELD)) == ["performed", "capture-requested"]


def test_a_hold_of_too_little_is_let_go() -> None:
    a = told(begun(hold=True), ans.Held(sats(9), DEADLINE))
    assert a.state is State.HELD
    assert answered(a, ans.Held(sats(9), DEADLINE)) == (
        e.CancelRequested(reason=e.FailureReason.UNDERPAID),
    )


def test_the_deadline_as_an_instant() -> None:
    a = told(begun(hold=True), HELD)
    assert isinstance(DEADLINE, ans.InstantDeadline)
    near = DEADLINE.at - MARGIN
    assert timedelta(minutes=10) == MARGIN
    assert names(answered(a, HELD, now=near - timedelta(microseconds=1))) == [
        "performed",
        "capture-requested",
    ]
    given_up = (e.CancelRequested(reason=e.FailureReason.HELD_TOO_LONG),)
    assert answered(a, HELD, now=near) == given_up
    assert advance(a, near) == given_up


def test_the_deadline_as_a_height() -> None:
    deadline = ans.HeightDeadline(1_000)
    a = told(begun(hold=True), ans.Held(COST, deadline, 900))
    assert MARGIN_BLOCKS == 12
    assert names(answered(a, ans.Held(COST, deadline, 987))) == ["performed", "capture-requested"]
    assert answered(a, ans.Held(COST, deadline, 988)) == (
        e.CancelRequested(reason=e.FailureReason.HELD_TOO_LONG),
    )
    # Nobody knows the height here; the moment says nothing.
    assert advance(a, NOW + timedelta(days=30)) == ()


def test_no_deadline_is_never_near() -> None:
    assert not deadline_is_near(None, NOW, 1_000_000)
    assert not deadline_is_near(ans.HeightDeadline(10), NOW, None)


def test_a_settled_hold_runs_the_missing_steps_in_order() -> None:
    a = told(begun(hold=True), SETTLED)
    assert a.state is State.HELD
    assert names(advance(a, NOW)) == ["performed", "capture-requested", "paid"]
    # The deadline bounds a hold and not money that is ours.
    late = told(told(begun(hold=True), HELD), SETTLED, now=NOW + timedelta(days=1))
    assert late.state is State.PAID


# Money that comes late.


@pytest.mark.parametrize("hold", [False, True])
def test_late_money_is_accepted(hold: bool) -> None:
    events = answered(told(begun(hold=hold), EXPIRED), SETTLED)
    work = "performed" if hold else "redone"
    assert names(events) == ["payment-seen", work, "paid"]
    assert events[-1] == e.Paid(source="invoice", amount=COST, late=True, after_paid_owed=True)


def test_late_money_that_is_not_enough_is_credited() -> None:
    assert names(answered(told(begun(), EXPIRED), ans.Settled(HALF))) == [
        "payment-seen",
        "payment-credited",
    ]


def test_late_money_is_credited_where_the_policy_says_so() -> None:
    a = told(begun(policy=CREDIT), EXPIRED)
    events = answered(a, SETTLED)
    assert events[1:] == (credited(COST),)
    assert fold(a, events).state is State.FAILED


def test_late_money_waits_for_a_person_where_the_policy_says_so() -> None:
    a = told(begun(policy=PERSON), EXPIRED)
    events = answered(a, SETTLED)
    assert events[1:] == (e.AttentionAsked(reason=e.AttentionReason.LATE_PAYMENT),)
    a = fold(a, events)
    assert advance(a, NOW) == ()
    assert advance(resolved(a, "dismiss"), NOW) == ()
    assert names(advance(resolved(a, "accept"), NOW)) == ["redone", "paid"]


def test_a_person_is_still_asked_when_the_action_is_paid_otherwise() -> None:
    """A retry from the purse does not answer what should become of the late money."""
    a = told(begun(policy=PERSON), EXPIRED, SETTLED)
    from_purse = e.Paid(source="credits", amount=COST, late=False, after_paid_owed=False)
    paid = fold(a, [e.Redone(), from_purse])
    assert (paid.state, paid.unassigned) == (State.PAID, COST.amount)
    assert paid.attention is e.AttentionReason.LATE_PAYMENT
    assert retried(a).attention is e.AttentionReason.LATE_PAYMENT


def test_a_person_is_asked_again_when_the_accepted_money_cannot_be_used() -> None:
    a = resolved(told(begun(policy=PERSON), EXPIRED, SETTLED), "accept")
    events = refuse_late(a)
    assert names(events) == ["late-payment-refused", "attention-asked"]
    a = fold(a, events)
    assert (advance(a, NOW), a.unassigned) == ((), COST.amount)
    # Whatever was in the way may be gone the next time.
    assert names(advance(resolved(a, "accept"), NOW)) == ["redone", "paid"]


def test_an_answer_about_a_hook_is_no_answer_about_money() -> None:
    a = begun()
    a = fold(a, learn(a, about(1, ans.Settled(sats(17))), NOW))
    a = fold(a, [e.AttentionAsked(reason=e.AttentionReason.HOOK_FAILS)])
    events = advance(resolved(a, "retry"), NOW)
    assert names(events) == ["paid", "payment-credited"]


@pytest.mark.parametrize("hold", [False, True])
def test_money_that_a_person_has_given_away_pays_nothing_more(hold: bool) -> None:
    a = begun(hold=hold)
    a = fold(a, learn(a, about(1, SETTLED), NOW))
    if hold:
        a = fold(a, [e.Held()])
    a = fold(a, [e.AttentionAsked(reason=e.AttentionReason.HOOK_FAILS)])
    a = fold(resolved(a, "credit"), [credited(COST)])
    assert advance(a, NOW) == (failed(e.FailureReason.UNDERPAID),)
    cancelled = fold(declined(told(begun(hold=True), HELD, HELD)), [])
    cancelled = fold(cancelled, learn(cancelled, about(1, SETTLED), NOW))
    cancelled = fold(cancelled, [credited(COST)])
    assert names(advance(cancelled, NOW)) == ["failed"]


def test_refused_late_money_is_credited() -> None:
    a = told(begun(), EXPIRED)
    a = fold(a, learn(a, about(1, SETTLED), NOW))
    assert refuse_late(a) == (e.LatePaymentRefused(), credited(COST))
    assert advance(fold(a, refuse_late(a)), NOW) == ()


def test_late_money_before_the_new_invoice_is_nobodys_either() -> None:
    """A retry does not wait for the money of the invoice that it replaces."""
    a = retried(told(begun(policy=CREDIT), EXPIRED))
    assert names(answered(a, SETTLED)) == ["payment-seen", "payment-credited"]
    a = fold(a, learn(a, about(1, SETTLED), NOW))
    assert names(cancel(a, e.FailureReason.USER_CANCELLED)) == ["failed", "payment-credited"]


def test_refused_late_money_of_somebody_without_a_purse_is_not_tried_again() -> None:
    a = told(begun(hold=True, actor=None), EXPIRED)
    a = fold(a, learn(a, about(1, SETTLED), NOW))
    a = fold(a, refuse_late(a))
    assert (a.unassigned, advance(a, NOW)) == (COST.amount, ())
    # A retry is a new try, and it uses the money that is there.
    assert names(advance(retried(a), NOW)) == ["performed", "paid"]


def test_work_that_raised_is_not_bought_by_late_money() -> None:
    a = fold(told(begun(hold=True), HELD), perform_raised(told(begun(hold=True), HELD)))
    a = told(a, CANCELLED)
    assert (a.state, a.failure_reason) == (State.FAILED, e.FailureReason.EXECUTION_FAILED)
    assert names(answered(a, SETTLED)) == ["payment-seen", "payment-credited"]


def test_late_money_pays_a_retry_that_has_an_invoice_already() -> None:
    """The newer invoice is then closed, and if it is paid all the same, that is credited."""
    a = told(reopened(told(begun(), EXPIRED)), SETTLED, number=1)
    assert a.state is State.PAID
    due = owed(a, NOW)
    assert due is not None
    assert due.kind is OwedKind.CLOSE_OTHER
    assert names(answered(a, SETTLED, number=2)) == ["payment-seen", "payment-credited"]
    assert names(answered(a, CANCELLED, number=2)) == ["attempt-closed"]


def test_late_money_while_a_new_hold_is_out_is_credited() -> None:
    a = reopened(told(begun(hold=True), EXPIRED))
    assert names(answered(a, SETTLED, number=1)) == ["payment-seen", "payment-credited"]


# Waiting for an invoice.


def test_without_an_invoice_in_time_it_fails() -> None:
    a = fold(None, [requested(), e.InvoiceAwaited(until=UNTIL)])
    assert a.state is State.RETRYING
    assert advance(a, UNTIL - timedelta(microseconds=1)) == ()
    assert advance(a, UNTIL) == (failed(e.FailureReason.CREATION_FAILED),)


def test_a_failed_creation_waits_for_the_next_try() -> None:
    a = fold(retried(told(begun(), EXPIRED)), [started(2)])
    a = fold(a, [e.AttemptClosed(number=2, closure=e.Closure.CREATION_FAILED)])
    assert advance(a, NOW) == ()
    assert names(advance(a, UNTIL)) == ["failed"]


# Commands.


def test_perform_raised_lets_the_hold_go() -> None:
    a = told(begun(hold=True), HELD)
    assert perform_raised(a) == (e.CancelRequested(reason=e.FailureReason.EXECUTION_FAILED),)


def test_perform_raised_gives_settled_money_back() -> None:
    a = told(begun(hold=True), SETTLED)
    assert perform_raised(a) == (failed(e.FailureReason.EXECUTION_FAILED), credited(COST))


@pytest.mark.parametrize("reason", [e.FailureReason.USER_CANCELLED, e.FailureReason.EXPIRED])
def test_cancel(reason: e.FailureReason) -> None:
    waiting = (begun(), begun(hold=True), told(begun(hold=True), HELD))
    for a in waiting:
        assert cancel(a, reason) == (e.CancelRequested(reason=reason),)
    for a in (cancelling(begun()), declined(told(begun(hold=True), HELD, HELD))):
        assert cancel(a, reason) == ()
    assert cancel(retried(told(begun(), EXPIRED)), reason) == (failed(reason),)


def test_cancelled_twice_is_no_error() -> None:
    a = told(cancelling(begun()), CANCELLED)
    assert cancel(a, e.FailureReason.USER_CANCELLED) == ()


def test_too_late_to_cancel() -> None:
    settled = fold(begun(), learn(begun(), about(1, SETTLED), NOW))
    too_late = (
        settled,
        told(begun(hold=True), SETTLED),
        told(begun(hold=True), HELD, HELD),
        told(begun(), SETTLED),
        told(begun(), EXPIRED),
        fold(None, [requested()]),
    )
    for a in too_late:
        with pytest.raises(NotCancellable) as raised:
            cancel(a, e.FailureReason.USER_CANCELLED)
        assert raised.value.state is a.state


def test_the_reason_of_the_cancel_is_the_reason_of_the_failure() -> None:
    a = told(cancelling(begun()), EXPIRED)
    assert (a.state, a.failure_reason) == (State.FAILED, e.FailureReason.USER_CANCELLED)
    assert a.cancel_reason is None


def test_a_payment_faster_than_the_cancel() -> None:
    """Done work is paid; work that was not done fails first, and then the late policy decides."""
    assert names(answered(cancelling(begun()), SETTLED)) == ["payment-seen", "paid"]
    a = told(cancelling(begun(hold=True)), SETTLED)
    assert (a.state, a.unassigned) == (State.FAILED, COST.amount)
    assert names(advance(a, NOW)) == ["performed", "paid"]
    credits = told(cancelling(begun(hold=True, policy=CREDIT)), SETTLED)
    assert (credits.state, credits.unassigned) == (State.FAILED, 0)


def test_too_little_faster_than_the_cancel() -> None:
    events = answered(cancelling(begun()), ans.Settled(HALF))
    assert names(events) == ["payment-seen", "failed", "payment-credited"]


def test_a_declined_cancel_goes_back_to_where_it_stood() -> None:
    cases = (
        (cancelling(begun()), State.PENDING),
        (cancelling(begun(hold=True)), State.PENDING_HELD),
        (cancelling(told(begun(hold=True), HELD)), State.HELD),
        # The hold came while the cancel was on its way.
        (told(cancelling(begun(hold=True)), HELD), State.HELD),
    )
    for a, state in cases:
        events = cancel_declined(a)
        assert events == (e.CancelDeclined(resumed=state),)
        after = fold(a, events)
        assert (after.state, after.cancel_reason) == (state, None)


@pytest.mark.parametrize(
    "reason",
    [
        e.FailureReason.EXECUTION_FAILED,
        e.FailureReason.CAPTURE_DECLINED,
        e.FailureReason.UNDERPAID,
        e.FailureReason.HELD_TOO_LONG,
    ],
)
def test_money_for_work_that_cannot_be_done_stays_on_its_way_back(reason: e.FailureReason) -> None:
    a = fold(told(begun(hold=True), HELD), [e.CancelRequested(reason=reason)])
    assert cancel_declined(a) == ()


def test_only_a_living_cancel_can_be_declined() -> None:
    for state in State:
        a = situation(state, True, False) or situation(state, False, True)
        a = a or situation(state, True, True)
        assert a is not None
        if state is not State.CANCELLING:
            assert cancel_declined(a) == ()
    dead = cancelling(begun())
    dead = fold(dead, learn(dead, about(1, EXPIRED), NOW))
    assert dead.attempts[0].fact is Fact.CLOSED
    assert cancel_declined(dead) == ()


def test_only_what_failed_can_be_retried() -> None:
    assert retry(told(begun(), EXPIRED), UNTIL) == (e.RetryRequested(until=UNTIL, redone=True),)
    assert retry(told(begun(hold=True), EXPIRED), UNTIL) == (
        e.RetryRequested(until=UNTIL, redone=False),
    )
    for a in (begun(), told(begun(), SETTLED), cancelling(begun()), begun(hold=True)):
        with pytest.raises(NotRetriable) as raised:
            retry(a, UNTIL)
        assert raised.value.state is a.state


def test_a_retry_forgets_how_it_failed() -> None:
    a = retried(told(begun(), EXPIRED))
    assert (a.failure_reason, a.undone, a.creation_deadline) == (None, False, UNTIL)


def test_deciding_changes_nothing_and_repeats_itself() -> None:
    a = begun(hold=True)
    before = repr(a)
    assert answered(a, HELD) == answered(a, HELD)
    assert repr(a) == before
