"""What follows from what a gateway says about a payment to somebody else."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from paidflow.errors import IllegalTransition, NotCancellable, NotRetriable
from paidflow.money import Money, msats, sats
from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.commands import cancel, retry
from paidflow.states.decide import advance, decide_pay_out
from paidflow.states.evolve import fold
from paidflow.states.machine import State
from paidflow.states.pay_out import PayOutFact
from paidflow.states.paying_out import SEND_MARGIN
from tests.states.build import (
    COST,
    GATEWAY,
    NOW,
    PAID_OUT,
    UNTIL,
    begun,
    planned,
    sent,
    shown,
    withdrawing,
)

ARRIVED = ans.PaidOut(PAID_OUT, msats(300), b"x" * 32)
FAILED = ans.PayFailed(ans.PayFailure.REFUSED)
NOT_SENT = e.PayOutFailed(number=1, reason=ans.PayFailure.NOT_SENT)
REFUSED = e.PayOutFailed(number=1, reason=ans.PayFailure.REFUSED)
SEEN = e.PayOutSeen(number=1)
SETTLED = e.PayOutSettled(number=1, gateway=GATEWAY, amount=PAID_OUT, fee=msats(300))
PAID = e.Paid(source="purses", amount=COST, late=False, after_paid_owed=True)
OVER = e.Failed(reason=e.FailureReason.PAY_OUT_FAILED, undo_owed=False)
LATE = e.AttentionAsked(reason=e.AttentionReason.PAID_OUT_LATE)
GIVEN_UP = UNTIL + SEND_MARGIN

ASKED = sent(withdrawing())
KNOWN = fold(ASKED, [SEEN])
OUTCOMES = (None, ans.Accepted(), ans.Declined(), ans.NotSent(), ans.Unknown())

# What was known, what is shown, what the command was answered -> what follows. NOW is before the
# gateway gives up.
TABLE: list[tuple[Aggregate, ans.PaymentLookup, ans.CommandOutcome | None, tuple[e.Event, ...]]] = [
    *((ASKED, ARRIVED, outcome, (SETTLED, PAID)) for outcome in OUTCOMES),
    *((ASKED, FAILED, outcome, (REFUSED, OVER)) for outcome in OUTCOMES),
    *((ASKED, ans.InFlight(), outcome, (SEEN,)) for outcome in (None, ans.Accepted())),
    (ASKED, ans.NotFound(), None, ()),
    (ASKED, ans.NotFound(), ans.Unknown(), ()),
    (ASKED, ans.NotFound(), ans.Accepted(), (SEEN,)),
    (ASKED, ans.NotFound(), ans.Declined(), (NOT_SENT, OVER)),
    (ASKED, ans.NotFound(), ans.NotSent(), (NOT_SENT, OVER)),
    (ASKED, ans.Unreachable(), None, ()),
    (ASKED, ans.Unreachable(), ans.Unknown(), ()),
    (ASKED, ans.Unreachable(), ans.Accepted(), (SEEN,)),
    (ASKED, ans.Unreachable(), ans.Declined(), ()),  # perhaps an earlier copy of it was taken
    (ASKED, ans.Unreachable(), ans.NotSent(), (NOT_SENT, OVER)),
    *((KNOWN, ans.NotFound(), outcome, ()) for outcome in OUTCOMES),
    *((KNOWN, ans.Unreachable(), outcome, ()) for outcome in OUTCOMES),
    (KNOWN, ans.InFlight(), None, ()),
    (KNOWN, ARRIVED, None, (SETTLED, PAID)),
    (KNOWN, FAILED, None, (REFUSED, OVER)),
]


@pytest.mark.parametrize(("a", "lookup", "outcome", "expected"), TABLE)
def test_one_answer(
    a: Aggregate,
    lookup: ans.PaymentLookup,
    outcome: ans.CommandOutcome | None,
    expected: tuple[e.Event, ...],
) -> None:
    assert decide_pay_out(a, ans.PaymentAnswer(GATEWAY, "payment-1", lookup), NOW, outcome) == (
        expected
    )


@pytest.mark.parametrize("lookup", [ARRIVED, FAILED, ans.InFlight(), ans.NotFound()])
@pytest.mark.parametrize(
    ("gateway", "payment_id"), [("another", "payment-1"), (GATEWAY, "payment-2")]
)
def test_an_answer_about_something_else(
    lookup: ans.PaymentLookup, gateway: str, payment_id: str
) -> None:
    answer = ans.PaymentAnswer(gateway, payment_id, lookup)
    assert decide_pay_out(ASKED, answer, GIVEN_UP + timedelta(days=1)) == ()


def test_a_restored_log_does_not_know_that_it_was_sent() -> None:
    """What the gateway knows has happened, and is not sent again."""
    assert shown(withdrawing(), FAILED, ans.NotFound(), ans.Unreachable()) == withdrawing()
    in_flight = shown(withdrawing(), ans.InFlight())
    assert in_flight == fold(
        withdrawing(), [e.PayOutRequested(number=1, give_up_at=NOW), e.PayOutSeen(number=1)]
    )
    arrived = shown(withdrawing(), ARRIVED)
    assert (arrived.state, arrived.pay_outs[0].lost) == (State.PAID, False)


def test_a_restored_log_has_given_the_money_back() -> None:
    cancelled = fold(withdrawing(), cancel(withdrawing(), e.FailureReason.USER_CANCELLED))
    assert shown(cancelled, ans.InFlight(), FAILED) == cancelled
    lost = shown(cancelled, ARRIVED)
    assert (lost.state, lost.pay_outs[0].lost) == (State.FAILED, True)
    assert lost.attention is e.AttentionReason.PAID_OUT_LATE
    assert shown(lost, ARRIVED) == lost


DENIED = shown(ASKED, FAILED)
TRIED_AGAIN = fold(DENIED, [*retry(DENIED, UNTIL), planned(2, until=None)])


def test_nothing_more_is_sent_once_an_earlier_one_has_arrived() -> None:
    assert decide_pay_out(TRIED_AGAIN, _earlier(ARRIVED), NOW) == (SETTLED, LATE, OVER)
    for lookup in (ans.InFlight(), ans.Unreachable(), ans.NotFound(), FAILED):
        assert decide_pay_out(TRIED_AGAIN, _earlier(lookup), NOW) == ()


def test_an_earlier_one_arrives_while_the_next_is_under_way() -> None:
    """It is lost. If the next one fails, there is no third."""
    lost = fold(sent(TRIED_AGAIN), decide_pay_out(sent(TRIED_AGAIN), _earlier(ARRIVED), NOW))
    assert (lost.state, lost.pay_outs[0].lost) == (State.FORWARDING, True)
    (settled, done) = _second(lost, ARRIVED)
    assert isinstance(settled, e.PayOutSettled)
    assert isinstance(done, e.Paid)
    failed = fold(lost, _second(lost, FAILED))
    assert failed.state is State.FAILED
    with pytest.raises(NotRetriable):
        retry(failed, UNTIL)


def _earlier(lookup: ans.PaymentLookup) -> ans.PaymentAnswer:
    return ans.PaymentAnswer(GATEWAY, "payment-1", lookup)


def _second(a: Aggregate, lookup: ans.PaymentLookup) -> tuple[e.Event, ...]:
    return decide_pay_out(a, ans.PaymentAnswer(GATEWAY, "payment-2", lookup), NOW)


def test_not_found_proves_nothing_until_the_gateway_has_given_up() -> None:
    assert shown(ASKED, ans.NotFound(), now=GIVEN_UP) == ASKED
    later = GIVEN_UP + timedelta(microseconds=1)
    assert shown(ASKED, ans.Unreachable(), now=later) == ASKED
    over = shown(ASKED, ans.NotFound(), now=later)
    assert (over.state, over.failure_reason) == (State.FAILED, e.FailureReason.PAY_OUT_FAILED)
    assert over.pay_outs[0].never_sent
    known = shown(KNOWN, ans.NotFound(), now=later + timedelta(days=365))
    assert known.state is State.FORWARDING


def test_another_currency_is_nonsense() -> None:
    euros = ans.PaidOut(Money(900, "EUR"), Money(0, "EUR"))
    assert shown(ASKED, euros, ans.PaidOut(PAID_OUT, Money(0, "EUR"))) == ASKED


def test_it_arrives_although_it_had_failed() -> None:
    """The purse has its money back: the rest is a loss, and a person is told."""
    failed = shown(ASKED, FAILED)
    answer = ans.PaymentAnswer(GATEWAY, "payment-1", ARRIVED)
    assert decide_pay_out(failed, answer, NOW) == (SETTLED, LATE)
    lost = shown(failed, ARRIVED)
    assert lost.state is State.FAILED
    assert lost.pay_outs[0].lost
    assert lost.attention is e.AttentionReason.PAID_OUT_LATE
    assert shown(lost, ARRIVED, FAILED) == lost
    with pytest.raises(NotRetriable):
        retry(lost, UNTIL)


def test_the_order_of_answers_does_not_matter() -> None:
    """Whatever comes when, what has arrived has arrived, and it is recorded once."""
    for answers in permutations((ARRIVED, FAILED, ans.InFlight(), ans.NotFound())):
        a = shown(ASKED, *answers)
        assert a.pay_outs[0].fact is PayOutFact.SETTLED
        assert (a.pay_outs[0].arrived, a.pay_outs[0].fee) == (PAID_OUT.amount, 300)
        first = answers.index(ARRIVED) < answers.index(FAILED)
        assert a.state is (State.PAID if first else State.FAILED)
        assert a.pay_outs[0].lost is not first


def test_it_is_cancelled_before_it_is_sent_and_not_after() -> None:
    (failed,) = cancel(withdrawing(), e.FailureReason.USER_CANCELLED)
    assert isinstance(failed, e.Failed)
    for a in (ASKED, KNOWN, shown(ASKED, ARRIVED)):
        with pytest.raises(NotCancellable):
            cancel(a, e.FailureReason.USER_CANCELLED)


def test_it_is_not_sent_for_ever() -> None:
    assert advance(withdrawing(), UNTIL - timedelta(microseconds=1)) == ()
    assert advance(withdrawing(), UNTIL) == (OVER,)


def test_it_is_asked_for_once() -> None:
    intent = e.PayOutRequested(number=1, give_up_at=UNTIL)
    for a in (ASKED, KNOWN):
        with pytest.raises(IllegalTransition):
            fold(a, [intent])
    failed = fold(shown(ASKED, FAILED), retry(shown(ASKED, FAILED), UNTIL))
    with pytest.raises(IllegalTransition):
        fold(failed, [intent])
    with pytest.raises(IllegalTransition):
        fold(failed, [planned(1, until=None)])
    with pytest.raises(IllegalTransition):
        fold(failed, [planned(3, until=None)])
    again = fold(failed, [planned(2, until=None)])
    with pytest.raises(IllegalTransition):
        fold(again, [intent])
    assert sent(again).state is State.FORWARDING


@pytest.mark.parametrize("before", [ASKED, KNOWN, shown(ASKED, ARRIVED)])
def test_no_second_payment_while_the_first_may_arrive(before: Aggregate) -> None:
    with pytest.raises(IllegalTransition, match="may arrive"):
        fold(before, [planned(2, until=None)])


def test_events_about_no_payment() -> None:
    for event in (SEEN, SETTLED, REFUSED, e.PayOutRequested(number=1, give_up_at=UNTIL)):
        with pytest.raises(IllegalTransition):
            fold(begun(), [event])


def test_the_fee_above_the_budget_is_a_fact() -> None:
    dear = shown(ASKED, ans.PaidOut(PAID_OUT, sats(5)))
    assert dear.state is State.PAID
    assert dear.pay_outs[0].fee == sats(5).amount
