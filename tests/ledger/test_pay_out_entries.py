"""The entries of payments to others: what left, what it has cost, and who bears it."""

from __future__ import annotations

from collections import Counter

import pytest

from paidflow.ledger.entries import entries_of
from paidflow.money import msats
from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.decide import decide_pay_out
from paidflow.states.evolve import fold
from paidflow.states.postings import Posting
from tests.states.build import COST, GATEWAY, NOW, PAID_OUT, planned, requested, sent

BUDGET = COST.amount - PAID_OUT.amount
CLEARING, PURSE, RESERVED = "clearing:sandbox", "withdrawable:ann", "reserved:a"


def told(lookups: list[ans.PaymentLookup]) -> Counter[str]:
    """What each account has in the end, after a withdrawal was shown like this."""
    asked = requested().model_copy(update={"kind": "withdrawal", "mode": e.Mode.PAY_OUT})
    begun = [asked, e.PursesReserved(purses=(Posting(PURSE, COST),)), planned(1)]
    a: Aggregate = sent(fold(None, begun))
    events: list[tuple[Aggregate, e.Event]] = [(a, event) for event in begun]
    for lookup in lookups:
        new = decide_pay_out(a, ans.PaymentAnswer(GATEWAY, "payment-1", lookup), NOW)
        a = fold(a, new)
        events += [(a, event) for event in new]
    sums: Counter[str] = Counter()
    for after, event in events:
        for entry in entries_of("a", after, event):
            sums[entry.debit] -= entry.amount.amount
            sums[entry.credit] += entry.amount.amount
    assert sum(sums.values()) == 0
    return Counter({account: amount for account, amount in sums.items() if amount})


@pytest.mark.parametrize("fee", [0, 1, BUDGET - 1, BUDGET])
def test_what_it_has_not_cost_goes_back(fee: int) -> None:
    sums = told([ans.PaidOut(PAID_OUT, msats(fee))])
    assert sums[CLEARING] == PAID_OUT.amount + fee
    assert sums[PURSE] == -PAID_OUT.amount - fee
    assert set(sums) == {CLEARING, PURSE}


def test_what_it_has_cost_above_the_budget() -> None:
    sums = told([ans.PaidOut(PAID_OUT, msats(BUDGET + 7))])
    assert sums == {CLEARING: COST.amount + 7, PURSE: -COST.amount, "fees": -7}


def test_it_fails() -> None:
    assert told([ans.InFlight(), ans.PayFailed(ans.PayFailure.REFUSED)]) == {}


def test_it_is_on_its_way() -> None:
    assert told([ans.InFlight()]) == {PURSE: -COST.amount, RESERVED: COST.amount}


def test_it_arrives_although_it_had_failed() -> None:
    """The purse has its money back, so all of it is lost."""
    failed = ans.PayFailed(ans.PayFailure.REFUSED)
    sums = told([failed, ans.PaidOut(PAID_OUT, msats(300))])
    assert sums == {CLEARING: PAID_OUT.amount + 300, "losses": -PAID_OUT.amount - 300}


def test_more_arrives_than_was_sent() -> None:
    sums = told([ans.PaidOut(COST + msats(5), msats(1))])
    assert sums == {CLEARING: COST.amount + 6, PURSE: -COST.amount, "fees": -6}
