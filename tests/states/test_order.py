"""The order of answers does not matter: late, twice, mixed up, the action ends in the same place.

A walk over (what is left to tell, where the action stands) covers every order exactly, because
orders that have met stay together. It counts the orders, and a random sample of whole orders,
told one by one, checks the walk itself.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from math import factorial, prod

import pytest

from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.attempt import Fact
from paidflow.states.decide import advance, decide
from paidflow.states.evolve import evolve
from paidflow.states.machine import State
from tests.states.build import (
    CANCELLED,
    COST,
    EXPIRED,
    HELD,
    NOT_FOUND,
    NOW,
    OPEN,
    PENDING,
    SETTLED,
    UNREACHABLE,
    about,
    begun,
    reopened,
    told,
)

STEPS_MAX = 16
SAMPLE, SAMPLE_SMALL = 2_000, 300
SEED = 20_300_101


@dataclass(frozen=True, slots=True)
class Effects:
    """What has taken effect; an undo and its ``on_retry`` cancel each other."""

    performed: int = 0
    paid: int = 0
    in_place: bool = False
    kept: int = 0
    credited: int = 0
    asked: int = 0

    def after(self, a: Aggregate, event: e.Event) -> Effects:
        """These and those of one more event; ``a`` is the action after it."""
        match event:
            case e.Performed():
                return replace(self, performed=self.performed + 1, in_place=True)
            case e.Redone():
                assert not self.in_place, "on_retry for work that is in place"
                return replace(self, in_place=True)
            case e.Failed() if a.performed:
                assert self.in_place, "on_failed for work that was taken back"
                return replace(self, in_place=False)
            case e.Paid():
                return replace(self, paid=self.paid + 1, kept=self.kept + event.amount.amount)
            case e.PaymentCredited():
                return replace(self, credited=self.credited + event.amount.amount)
            case e.AttentionAsked():
                return replace(self, asked=self.asked + 1)
            case _:
                return self


Place = tuple[Aggregate, Effects]
Left = tuple[int, ...]


def _apply(place: Place, events: tuple[e.Event, ...]) -> Place:
    a, effects = place
    for event in events:
        a = evolve(a, event)
        effects = effects.after(a, event)
    return a, effects


def _tell(place: Place, answer: ans.Answer) -> Place:
    """One answer, and then every step that it has made due, as the flow does."""
    place = _apply(place, decide(place[0], answer, NOW))
    for _ in range(STEPS_MAX):
        events = advance(place[0], NOW)
        if not events:
            return replace(place[0], version=0), place[1]
        place = _apply(place, events)
    raise AssertionError("it never comes to rest")


def _walk(start: Place, answers: list[ans.Answer], times: int) -> Counter[Place]:
    """Where all orders of the answers, each so many times, end; with how many orders end there."""
    layer: Counter[tuple[Left, Place]] = Counter({((times,) * len(answers), start): 1})
    known: dict[tuple[Place, int], Place] = {}
    for _ in range(times * len(answers)):
        following: Counter[tuple[Left, Place]] = Counter()
        for (left, place), orders in layer.items():
            for index, count in enumerate(left):
                if not count:
                    continue
                if (place, index) not in known:
                    known[place, index] = _tell(place, answers[index])
                rest = (*left[:index], count - 1, *left[index + 1 :])
                following[rest, known[place, index]] += orders
        layer = following
    ends: Counter[Place] = Counter()
    for (_, place), orders in layer.items():
        ends[place] += orders
    return ends


def _orders(answers: list[ans.Answer], times: int) -> int:
    return factorial(times * len(answers)) // prod(factorial(times) for _ in answers)


def _sampled(start: Place, answers: list[ans.Answer], times: int, sample: int) -> set[Place]:
    """Where a random sample of whole orders ends, each told from the beginning."""
    dice = random.Random(SEED)
    ends: set[Place] = set()
    for _ in range(sample):
        order = answers * times
        dice.shuffle(order)
        place = start
        for answer in order:
            place = _tell(place, answer)
        ends.add(place)
    return ends


def _all_ends(
    start: Aggregate, answers: list[ans.Answer], times: int = 2, sample: int = SAMPLE_SMALL
) -> set[Place]:
    """All places where the orders can end: by the walk, and some of them one by one as well."""
    place = (replace(start, version=0), Effects(in_place=start.performed and not start.undone))
    ends = _walk(place, answers, times)
    assert sum(ends.values()) == _orders(answers, times)
    assert _sampled(place, answers, times, sample) <= set(ends)
    return set(ends)


def _money(a: Aggregate, effects: Effects) -> tuple[int, int, int, int]:
    return (
        sum(attempt.received for attempt in a.attempts),
        effects.kept,
        effects.credited,
        (a.unassigned),
    )


ONE = COST.amount


@pytest.mark.parametrize(
    ("hold", "lookups"),
    [
        (False, (OPEN, PENDING, NOT_FOUND, SETTLED, EXPIRED)),
        (False, (OPEN, PENDING, UNREACHABLE, SETTLED, CANCELLED)),
        (True, (OPEN, PENDING, HELD, SETTLED, EXPIRED)),
        (True, (OPEN, PENDING, HELD, SETTLED, CANCELLED)),
    ],
    ids=["optimistic", "optimistic cancelled", "pessimistic", "pessimistic cancelled"],
)
def test_all_orders_of_five_answers_twice_each(hold: bool, lookups: tuple[ans.Lookup, ...]) -> None:
    answers = [about(1, lookup) for lookup in lookups]
    assert _orders(answers, 2) == 113_400
    for a, effects in _all_ends(begun(hold=hold), answers, sample=SAMPLE):
        assert (a.state, a.performed, a.undone, a.undo_owed) == (State.PAID, True, False, False)
        assert effects == Effects(
            # The work of an optimistic action was done with the request, before any answer.
            performed=1 if hold else 0,
            paid=1,
            in_place=True,
            kept=ONE,
        )
        assert _money(a, effects) == (ONE, ONE, 0, 0)
        assert a.attempts[0].fact is Fact.SETTLED
        assert (a.attention, a.failure_reason, a.decided) == (None, None, 0)


def test_the_walk_sees_a_difference() -> None:
    """The control: when a late payment is not accepted, the order does matter."""
    answers = [about(1, lookup) for lookup in (OPEN, SETTLED, EXPIRED)]
    ends = _all_ends(begun(policy=e.LatePolicy.CREDIT), answers)
    assert {(a.state, effects.paid, effects.credited) for a, effects in ends} == {
        (State.PAID, 1, 0),
        (State.FAILED, 0, ONE),
    }


def _second_attempt(*, hold: bool, policy: e.LatePolicy, actor: str | None) -> Aggregate:
    return reopened(told(begun(hold=hold, policy=policy, actor=actor), EXPIRED))


@pytest.mark.parametrize("hold", [False, True], ids=["plain", "hold"])
@pytest.mark.parametrize("closure", [EXPIRED, CANCELLED], ids=["expired", "cancelled"])
def test_late_double_payment_in_all_orders(hold: bool, closure: ans.Lookup) -> None:
    """The first invoice is paid late and the second one too: one counts, the other is credited."""
    answers = [about(1, SETTLED), about(1, EXPIRED), about(2, OPEN), about(2, SETTLED)]
    answers += [about(2, HELD), about(2, closure)] if hold else [about(2, closure)]
    for a, effects in _all_ends(
        _second_attempt(hold=hold, policy=e.LatePolicy.ACCEPT, actor="ann"), answers
    ):
        assert (a.state, a.undone, a.undo_owed) == (State.PAID, False, False)
        assert (effects.paid, effects.in_place) == (1, True)
        assert effects.performed == (1 if hold else 0)
        assert _money(a, effects) == (2 * ONE, ONE, ONE, 0)
        assert [attempt.fact for attempt in a.attempts] == [Fact.SETTLED, Fact.SETTLED]


@pytest.mark.parametrize("hold", [False, True], ids=["plain", "hold"])
def test_late_double_payment_that_is_credited(hold: bool) -> None:
    """Where late money is credited, only the second invoice counts, in every order."""
    answers = [about(1, SETTLED), about(1, EXPIRED), about(2, OPEN), about(2, SETTLED)]
    answers += [about(2, HELD)] if hold else []
    for a, effects in _all_ends(
        _second_attempt(hold=hold, policy=e.LatePolicy.CREDIT, actor="ann"), answers
    ):
        assert (a.state, effects.paid, effects.in_place) == (State.PAID, 1, True)
        assert _money(a, effects) == (2 * ONE, ONE, ONE, 0)


@pytest.mark.parametrize("hold", [False, True], ids=["plain", "hold"])
def test_late_double_payment_that_a_person_decides(hold: bool) -> None:
    """Where a person decides, one is asked in every order, and still when the action is paid."""
    answers = [about(1, SETTLED), about(1, EXPIRED), about(2, OPEN), about(2, SETTLED)]
    answers += [about(2, HELD)] if hold else []
    for a, effects in _all_ends(
        _second_attempt(hold=hold, policy=e.LatePolicy.PERSON, actor="ann"), answers
    ):
        assert (a.state, effects.paid, effects.in_place) == (State.PAID, 1, True)
        assert _money(a, effects) == (2 * ONE, ONE, 0, ONE)
        assert (effects.asked, a.attention) == (1, e.AttentionReason.LATE_PAYMENT)


def test_late_double_payment_of_somebody_without_a_purse() -> None:
    """The other money stays with the action, to be claimed with the proof."""
    answers = [about(1, SETTLED), about(1, EXPIRED)]
    answers += [about(2, lookup) for lookup in (OPEN, HELD, SETTLED, EXPIRED)]
    for a, effects in _all_ends(
        _second_attempt(hold=True, policy=e.LatePolicy.ACCEPT, actor=None), answers
    ):
        assert (a.state, effects.performed, effects.paid) == (State.PAID, 1, 1)
        assert _money(a, effects) == (2 * ONE, ONE, 0, ONE)


def test_growing_amounts_in_all_orders() -> None:
    """A lookup says what was received in all; an older, smaller answer takes nothing back."""
    double = ans.Settled(COST + COST)
    answers = [about(1, lookup) for lookup in (OPEN, SETTLED, double, EXPIRED)]
    for a, effects in _all_ends(begun(), answers):
        assert (a.state, effects.paid, effects.in_place) == (State.PAID, 1, True)
        assert _money(a, effects) == (2 * ONE, ONE, ONE, 0)
