"""What the events tell: facts only grow, and nonsense is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paidflow.errors import IllegalTransition
from paidflow.money import Money, sats
from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.attempt import Fact
from paidflow.states.evolve import evolve, fold
from paidflow.states.learn import learn
from paidflow.states.machine import State
from tests.states.build import (
    CANCELLED,
    COST,
    DEADLINE,
    EXPIRED,
    GATEWAY,
    HELD,
    NOW,
    SETTLED,
    UNTIL,
    about,
    attached,
    begun,
    reopened,
    requested,
    retried,
    started,
    told,
)


def test_a_new_action() -> None:
    a = evolve(None, requested())
    assert (a.state, a.version, a.performed) == (State.NEW, 1, True)
    assert (a.kind, a.kind_version, a.actor, a.cost) == ("note", 1, "ann", COST)
    assert (a.mode, a.late_policy) == (e.Mode.OPTIMISTIC, e.LatePolicy.ACCEPT)
    assert (a.attempts, a.current, a.unassigned) == ((), None, 0)


def test_every_event_is_counted() -> None:
    a = told(begun(hold=True), HELD, HELD, SETTLED)
    # requested, attached; hold-seen, held; performed, capture-requested; payment-seen, paid
    assert (a.state, a.version) == (State.PAID, 8)


def test_an_action_does_not_change() -> None:
    a = begun()
    assert told(a, SETTLED) != a
    assert a == begun()


# Nonsense.


def test_nothing_comes_before_the_request() -> None:
    with pytest.raises(IllegalTransition):
        evolve(None, attached(1))
    with pytest.raises(IllegalTransition):
        fold(None, [])


def test_it_is_requested_once() -> None:
    with pytest.raises(IllegalTransition):
        evolve(begun(), requested())


def test_it_is_performed_once() -> None:
    with pytest.raises(IllegalTransition):
        evolve(begun(), e.Performed())
    with pytest.raises(IllegalTransition):
        fold(told(begun(hold=True), HELD), [e.Performed(), e.Performed()])


@pytest.mark.parametrize(
    "event",
    [
        e.HoldSeen(number=2, amount=COST, deadline=DEADLINE),
        e.PaymentSeen(number=2, gateway=GATEWAY, amount=COST),
        e.PaymentSeen(number=0, gateway=GATEWAY, amount=COST),
        e.AttemptClosed(number=-1, closure=e.Closure.EXPIRED),
        started(3),
    ],
)
def test_an_attempt_that_does_not_exist(event: e.Event) -> None:
    with pytest.raises(IllegalTransition):
        evolve(begun(), event)


def test_no_number_is_left_out() -> None:
    with pytest.raises(IllegalTransition):
        evolve(retried(told(begun(), EXPIRED)), attached(3))


def test_no_second_invoice_while_the_first_can_be_paid() -> None:
    with pytest.raises(IllegalTransition, match="not dead"):
        evolve(begun(), started(2))
    with pytest.raises(IllegalTransition, match="not dead"):
        evolve(told(begun(hold=True), HELD), started(2, hold=True))


def test_an_attempt_has_one_invoice_at_most() -> None:
    waiting = retried(told(begun(), EXPIRED))
    for event in (started(1), attached(1)):
        with pytest.raises(IllegalTransition, match="there before"):
            evolve(waiting, event)
    given_up = e.AttemptClosed(number=2, closure=e.Closure.CREATION_FAILED)
    with pytest.raises(IllegalTransition, match="there before"):
        fold(waiting, [started(2), given_up, attached(2)])
    # After a failed creation the next number is taken; one that is still open is not in the way.
    assert fold(waiting, [started(2), given_up, started(3), attached(3)]).state is State.PENDING
    assert fold(waiting, [started(2), started(3), attached(3)]).state is State.PENDING


@pytest.mark.parametrize(
    "event",
    [
        e.Held(),
        e.CaptureRequested(),
        e.InvoiceAwaited(until=UNTIL),
        e.RetryRequested(until=UNTIL, redone=False),
        e.CancelDeclined(resumed=State.PENDING),
        attached(2, hold=True),
    ],
)
def test_steps_that_are_illegal_in_pending(event: e.Event) -> None:
    with pytest.raises(IllegalTransition):
        evolve(begun(), event)


def test_what_was_not_performed_is_not_paid() -> None:
    a = told(begun(hold=True), HELD)
    paid = e.Paid(source="invoice", amount=COST, late=False, after_paid_owed=False)
    for events in ([paid], [e.CaptureRequested()], [e.CaptureRequested(), paid]):
        with pytest.raises(IllegalTransition):
            fold(a, events)


# Facts of an attempt.


def test_an_attempt_grows_from_creating_to_settled() -> None:
    a = fold(retried(told(begun(hold=True), EXPIRED)), [started(2, hold=True)])
    assert a.attempts[1].fact is Fact.CREATING
    assert not a.attempts[1].payable
    a = evolve(a, attached(2, hold=True))
    assert (a.attempts[1].fact, a.attempts[1].payable) == (Fact.OPEN, True)
    a = told(a, HELD, number=2)
    assert (a.attempts[1].fact, a.attempts[1].payable, a.attempts[1].dead) == (
        Fact.HELD,
        False,
        False,
    )
    assert (a.attempts[1].held, a.attempts[1].hold_deadline) == (COST.amount, DEADLINE)
    a = told(a, HELD, SETTLED, number=2)
    assert (a.attempts[1].fact, a.attempts[1].dead) == (Fact.SETTLED, True)
    assert a.attempts[0].fact is Fact.CLOSED


def test_facts_only_grow() -> None:
    """Whatever is said afterwards, settled stays settled, and closed is not held again."""
    settled = told(begun(hold=True), HELD, HELD, SETTLED)
    hold = e.HoldSeen(number=1, amount=COST, deadline=DEADLINE)
    closed = e.AttemptClosed(number=1, closure=e.Closure.EXPIRED)
    for event in (hold, closed):
        assert evolve(settled, event).attempts[0].fact is Fact.SETTLED
    failed = told(begun(hold=True), CANCELLED)
    assert evolve(failed, hold).attempts[0].fact is Fact.CLOSED
    assert sorted(Fact) == [Fact.CREATING, Fact.OPEN, Fact.HELD, Fact.CLOSED, Fact.SETTLED]


def test_received_money_adds_up() -> None:
    a = begun()
    for amount in (3, 4):
        a = evolve(a, e.PaymentSeen(number=1, gateway=GATEWAY, amount=sats(amount)))
    assert (a.attempts[0].received, a.unassigned) == (7000, 7000)


def test_foreign_money_is_not_counted_as_ours() -> None:
    a = evolve(begun(), e.PaymentSeen(number=1, gateway=GATEWAY, amount=Money(700, "EUR")))
    assert (a.attempts[0].received, a.unassigned) == (0, 0)
    assert a.attempts[0].fact is Fact.SETTLED


def test_money_of_an_older_attempt_belongs_to_it() -> None:
    a = reopened(told(begun(policy=e.LatePolicy.CREDIT), EXPIRED))
    a = fold(a, learn(a, about(1, SETTLED), NOW))
    assert [attempt.received for attempt in a.attempts] == [COST.amount, 0]
    assert [attempt.fact for attempt in a.attempts] == [Fact.SETTLED, Fact.OPEN]


def test_an_invoice_is_found_by_gateway_and_id() -> None:
    a = reopened(told(begun(), EXPIRED))
    found = a.attempt_of(GATEWAY, "invoice-1")
    assert found is not None
    assert found.number == 1
    assert a.attempt_of("other", "invoice-1") is None
    assert a.attempt_of(GATEWAY, "invoice-3") is None


# Money that is nobody's yet.


def test_paid_by_invoice_spends_and_paid_from_the_purse_does_not() -> None:
    a = fold(begun(), learn(begun(), about(1, ans.Settled(sats(17))), NOW))
    by_invoice = e.Paid(source="invoice", amount=COST, late=False, after_paid_owed=False)
    assert evolve(a, by_invoice).unassigned == 7000
    from_purse = e.Paid(source="credits", amount=COST, late=False, after_paid_owed=False)
    assert evolve(a, from_purse).unassigned == 17_000


def test_credited_and_claimed_money_is_gone() -> None:
    a = fold(begun(), learn(begun(), about(1, ans.Settled(sats(17))), NOW))
    a = evolve(a, e.PaymentCredited(amount=sats(4), actor="ann"))
    a = evolve(a, e.PaymentClaimed(amount=sats(6), actor="bob"))
    assert a.unassigned == 7000


# What is undone, and what is owed of it.


def test_failing_takes_the_work_back() -> None:
    failed = e.Failed(reason=e.FailureReason.EXPIRED, undo_owed=False)
    a = evolve(begun(), failed)
    assert (a.performed, a.undone, a.undo_owed) == (True, True, False)
    assert evolve(begun(hold=True), failed).undone is False


def test_an_owed_undo_has_not_happened() -> None:
    a = evolve(begun(), e.Failed(reason=e.FailureReason.EXPIRED, undo_owed=True))
    assert (a.undone, a.undo_owed) == (False, True)
    done = evolve(a, e.HookDone(hook=e.Hook.ON_FAILED))
    assert (done.undone, done.undo_owed) == (True, False)
    # The work is still in place, so a retry has nothing to bring back.
    again = retried(a)
    assert (again.undone, again.undo_owed) == (False, False)


def test_brought_back_work_is_in_place() -> None:
    a = told(begun(), EXPIRED)
    assert a.undone
    assert not retried(a).undone
    assert not evolve(a, e.Redone()).undone
    assert evolve(a, e.RetryRequested(until=UNTIL, redone=False)).undone


def test_hooks_that_raise_are_counted_until_one_succeeds() -> None:
    failed = e.HookFailed(hook=e.Hook.ON_PAID, error_type="ValueError")
    a = fold(begun(), [failed, failed])
    assert a.hook_failures == 2
    assert told(a, SETTLED).hook_failures == 0
    owes = told(begun(), SETTLED)
    assert owes.after_paid_owed
    done = evolve(owes, e.HookDone(hook=e.Hook.AFTER_PAID))
    assert (done.after_paid_owed, done.hook_failures) == (False, 0)


def test_a_person_is_asked_and_answers() -> None:
    a = evolve(begun(), e.AttentionAsked(reason=e.AttentionReason.CLOSE_OVERDUE))
    assert a.attention is e.AttentionReason.CLOSE_OVERDUE
    resolved = e.AttentionResolved(resolution="retry", operator="op", why="looked")
    assert evolve(a, resolved).attention is None
    assert told(a, SETTLED).attention is None


def test_a_dead_invoice_says_how_it_died() -> None:
    assert told(begun(), EXPIRED).attempts[0].closure is e.Closure.EXPIRED
    assert told(begun(), CANCELLED).attempts[0].closure is e.Closure.CANCELLED
    assert told(begun(), SETTLED).attempts[0].closure is None


def test_the_expiry_of_an_invoice_is_kept() -> None:
    assert begun().attempts[0].expires_at == NOW + timedelta(minutes=10)
