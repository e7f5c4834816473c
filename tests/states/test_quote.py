"""A quote is exact, and rounds up to what an invoice can ask for; an action keeps to it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from paidflow.errors import IllegalTransition, InvalidAmount
from paidflow.ledger.accounts import (
    EXCHANGE,
    clearing,
    purse,
    refunding,
    revenue,
    unclaimed,
)
from paidflow.ledger.entries import entries_of
from paidflow.money import Money, invoice_unit, minor_digits, msats, sats
from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.decide import decide
from paidflow.states.evolve import fold
from paidflow.states.machine import State
from paidflow.states.owed import OwedKind, owed
from paidflow.states.postings import Posting
from paidflow.states.quote import Quote, converted
from tests.states.build import GATEWAY, NOW, about, attached, requested, retried, started

TABLE = (
    (Money(1000, "USD"), "BTC", "1/97000", sats(10_310)),  # 10,309.27... satoshis
    (Money(1000, "USD"), "BTC", "0.00001", sats(10_000)),
    (Money(1, "USD"), "BTC", "1/97000", sats(11)),  # 10.3
    (Money(1, "JPY"), "BTC", "1/15000000", sats(7)),  # one yen; 6.66...
    (Money(1, "KWD"), "BTC", "1/29800", sats(4)),  # a thousandth of a dinar; 3.35...
    (sats(1000), "USD", "97000", Money(97, "USD")),
    (msats(1), "USD", "97000", Money(1, "USD")),
    (sats(1), "JPY", "15000000", Money(1, "JPY")),  # 0.15 yen
    (sats(100), "JPY", "15000000", Money(15, "JPY")),
    (sats(1000), "KWD", "29800", Money(298, "KWD")),  # 0.298 dinars
    (Money(1999, "EUR"), "JPY", "162.35", Money(3246, "JPY")),  # 3,245.37...
    (Money(500, "JPY"), "KWD", "0.00206", Money(1030, "KWD")),
    (Money(7, "EUR"), "EUR", "1", Money(7, "EUR")),
    (Money(0, "EUR"), "USD", "1.1", Money(0, "USD")),
)


@pytest.mark.parametrize(("cost", "currency", "rate", "amount"), TABLE)
def test_worked_examples(cost: Money, currency: str, rate: str, amount: Money) -> None:
    assert converted(cost, currency, rate) == amount


CURRENCIES = st.sampled_from(("BTC", "EUR", "JPY", "KWD"))
RATES = st.builds(lambda a, b: f"{a}/{b}", st.integers(1, 10**9), st.integers(1, 10**9))


@given(st.integers(0, 10**9), CURRENCIES, CURRENCIES, RATES)
def test_never_too_little_and_less_than_one_unit_too_much(
    number: int, of: str, into: str, rate: str
) -> None:
    exact = Fraction(number, 10 ** minor_digits(of)) * Fraction(rate) * 10 ** minor_digits(into)
    assume(exact < 2**62)
    amount = converted(Money(number, of), into, rate)
    assert amount.currency == into
    assert amount.amount % invoice_unit(into) == 0
    assert 0 <= amount.amount - exact < invoice_unit(into)


@pytest.mark.parametrize(
    "rate",
    [
        "0",
        "0.0",
        "0/5",
        "5/0",
        "-1",
        "1e3",
        "1,5",
        " 1",
        "1 ",
        "",
        "1/2/3",
        "NaN",
        "inf",
        "\u0661",  # an Arabic one
        "9" * 50,
    ],
)
def test_what_is_no_rate(rate: str) -> None:
    with pytest.raises(InvalidAmount):
        converted(Money(1, "EUR"), "USD", rate)


def test_a_number_is_no_rate() -> None:
    with pytest.raises(InvalidAmount):
        converted(Money(1, "EUR"), "USD", 1.1)  # pyright: ignore


# An action that costs dollars and is paid in bitcoin.

COST = Money(1000, "USD")
QUOTE = Quote.at("1/97000", COST, "BTC", source="desk", valid_until=NOW + timedelta(minutes=15))
PRICE = QUOTE.amount


def priced(policy: e.LatePolicy = e.LatePolicy.ACCEPT, actor: str | None = "ann") -> list[e.Event]:
    first = requested(policy=policy, actor=actor, cost=COST)
    return [first, attached(1, cost=PRICE).model_copy(update={"quote": QUOTE})]


def settled(amount: Money) -> ans.Answer:
    return about(1, ans.Settled(amount))


def story(log: list[e.Event], *answers: ans.Answer) -> tuple[Aggregate, Counter[tuple[str, str]]]:
    """The action after these answers, and what all its entries sum up to."""
    log = list(log)
    sums: Counter[tuple[str, str]] = Counter()
    a = fold(None, log)
    for answer in answers:
        events = decide(a, answer, NOW)
        a = fold(a, events)
        for event in events:
            for entry in entries_of("a-1", a, event):
                currency, amount = entry.amount.currency, entry.amount.amount
                sums[entry.debit, currency] -= amount
                sums[entry.credit, currency] += amount
    for currency in ("BTC", "USD"):
        assert sum(n for (_, c), n in sums.items() if c == currency) == 0
    return a, Counter({key: n for key, n in sums.items() if n})


PAID = {
    (clearing(GATEWAY), "BTC"): -PRICE.amount,
    (EXCHANGE, "BTC"): PRICE.amount,
    (EXCHANGE, "USD"): -1000,
    (revenue("note"), "USD"): 1000,
}


def test_exactly_what_was_asked_for() -> None:
    a, sums = story(priced(), settled(PRICE))
    assert (a.state, a.unclaimed) == (State.PAID, ())
    assert sums == PAID


def test_too_much_is_credited_as_it_came() -> None:
    a, sums = story(priced(), settled(PRICE + sats(7)))
    assert (a.state, a.unclaimed) == (State.PAID, ())
    assert sums == {
        **PAID,
        (clearing(GATEWAY), "BTC"): -PRICE.amount - 7000,
        (purse("ann"), "BTC"): 7000,
    }


def test_paid_twice() -> None:
    a, sums = story(priced(), settled(PRICE), settled(PRICE + PRICE))
    assert (a.state, sums[purse("ann"), "BTC"]) == (State.PAID, PRICE.amount)


def test_one_millisatoshi_too_little() -> None:
    little = PRICE - msats(1)
    a, sums = story(priced(), settled(little))
    assert (a.state, a.failure_reason) == (State.FAILED, e.FailureReason.UNDERPAID)
    assert sums == {
        (clearing(GATEWAY), "BTC"): -little.amount,
        (purse("ann"), "BTC"): little.amount,
    }


def test_the_number_of_the_cost_in_another_currency_is_not_the_cost() -> None:
    """1,000 cents are not 1,000 millisatoshis."""
    a, _ = story(priced(), settled(msats(COST.amount)))
    assert a.state is State.FAILED


def test_what_comes_in_the_currency_of_the_cost_is_for_a_person() -> None:
    a, sums = story(priced(), settled(COST))
    assert (a.state, a.attention) == (State.FAILED, e.AttentionReason.WRONG_CURRENCY)
    assert a.unclaimed == ()
    assert sums == {(clearing(GATEWAY), "USD"): -1000, (unclaimed("a-1"), "USD"): 1000}


EXPIRED = about(1, ans.Expired())


@pytest.mark.parametrize("policy", [e.LatePolicy.ACCEPT, e.LatePolicy.CREDIT])
def test_late_money_is_credited_as_it_came(policy: e.LatePolicy) -> None:
    """A quote ends with its invoice: what comes later does not make the action real by itself."""
    a, sums = story(priced(policy), EXPIRED, settled(PRICE))
    assert (a.state, a.unclaimed, a.attention) == (State.FAILED, (), None)
    assert sums == {
        (clearing(GATEWAY), "BTC"): -PRICE.amount,
        (purse("ann"), "BTC"): PRICE.amount,
    }


def test_late_money_of_nobody_waits_to_be_claimed() -> None:
    a, sums = story(priced(actor=None), EXPIRED, settled(PRICE))
    assert (a.claimable, a.unassigned) == ((PRICE,), 0)
    assert sums[unclaimed("a-1"), "BTC"] == PRICE.amount
    assert fold(a, [e.PaymentClaimed(amount=PRICE, actor="bob")]).unclaimed == ()


def test_a_person_may_accept_late_money_at_the_quote() -> None:
    a, _ = story(priced(e.LatePolicy.PERSON), EXPIRED, settled(PRICE))
    assert a.attention is e.AttentionReason.LATE_PAYMENT
    left = e.AttentionResolved(resolution="dismiss", operator="op", why="")
    dismissed = fold(a, [left])
    assert (dismissed.left, owed(dismissed, NOW)) == ((PRICE,), None)
    accepted = fold(a, [e.AttentionResolved(resolution="accept", operator="op", why="")])
    due = owed(accepted, NOW)
    assert due is not None
    assert due.kind is OwedKind.LATE
    after = fold(accepted, decide(accepted, settled(PRICE), NOW))
    assert (after.state, after.unclaimed) == (State.PAID, ())


def test_a_retry_takes_a_new_quote_and_old_money_stays_what_it_is() -> None:
    a = fold(fold(None, priced()), decide(fold(None, priced()), EXPIRED, NOW))
    dearer = Quote.at("1/80000", COST, "BTC", source="desk", valid_until=QUOTE.valid_until)
    new = {"quote": dearer, "amount": dearer.amount}
    log = [
        started(2).model_copy(update=new),
        attached(2).model_copy(update=new),
    ]
    a = fold(retried(a), log)
    assert (a.current and a.current.quote, a.state) == (dearer, State.PENDING)
    # The first invoice is paid after all, at its own quote: it is credited, not taken for enough.
    a = fold(a, decide(a, settled(PRICE), NOW))
    assert (a.state, a.unclaimed) == (State.PENDING, ())
    a = fold(a, decide(a, about(2, ans.Settled(dearer.amount)), NOW))
    assert (a.state, a.unclaimed) == (State.PAID, ())


def test_a_quote_is_for_exactly_what_is_left_of_the_cost() -> None:
    purses = (Posting(purse("ann"), Money(400, "USD")),)
    first, whole = priced()
    asked = [first, e.PursesReserved(purses=purses)]
    rest = Quote.at("1/97000", Money(600, "USD"), "BTC", source="desk", valid_until=NOW)
    of_rest = whole.model_copy(update={"quote": rest, "amount": rest.amount})
    a = fold(None, [*asked, of_rest])
    assert a.current is not None
    assert a.current.quote == rest
    for wrong in (
        whole,
        of_rest.model_copy(update={"amount": rest.amount + sats(1)}),
        of_rest.model_copy(update={"quote": None}),
    ):
        with pytest.raises(IllegalTransition, match="quote"):
            fold(None, [*asked, wrong])


AMOUNTS = st.lists(st.integers(1, 3 * PRICE.amount), min_size=1, max_size=4)


@given(AMOUNTS, st.booleans(), st.sampled_from(e.LatePolicy), st.sampled_from(("ann", None)))
def test_every_unit_is_somewhere(
    more: list[int], expires: bool, policy: e.LatePolicy, actor: str | None
) -> None:
    total, answers = 0, [EXPIRED] if expires else []
    for number in more:
        total += number
        answers.append(settled(msats(total)))
    a, sums = story(priced(policy, actor), *answers)
    assert -sums[clearing(GATEWAY), "BTC"] == total
    assert sums[unclaimed("a-1"), "BTC"] == sum(money.amount for money in a.unclaimed)
    paid = a.state is State.PAID
    assert sums[EXCHANGE, "BTC"] == (PRICE.amount if paid else 0)
    assert sums[revenue("note"), "USD"] == -sums[EXCHANGE, "USD"] == (1000 if paid else 0)
    spare = sum(sums[name, "BTC"] for name in (purse("ann"), unclaimed("a-1"), refunding("a-1")))
    assert spare == total - (PRICE.amount if paid else 0)
    assert paid == (not expires and more[0] >= PRICE.amount)
