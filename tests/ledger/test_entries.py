"""Which accounts an event moves money between, and that no movement makes or loses any."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidflow.ledger.accounts import (
    ISSUED,
    POOL,
    clearing,
    purse,
    reserved,
    revenue,
    territory,
    unclaimed,
    withdrawable,
)
from paidflow.ledger.entries import Entry, entries_of, numbered
from paidflow.money import Money, msats, sats
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.answers import ReversalKind, ReversalStatus
from paidflow.states.decide import decide
from paidflow.states.evolve import fold
from paidflow.states.postings import Posting, Taken, total
from tests.states.build import (
    COST,
    GATEWAY,
    NOW,
    SETTLED,
    about,
    begun,
    reopened,
    requested,
    told,
)
from tests.states.build import EXPIRED as GONE
from tests.states.test_codec import EXAMPLES

ID, KIND = "a-1", "note"
FREE = COST - COST


def posted(event: e.Event, actor: str | None = "ann", cost: Money = COST) -> tuple[Entry, ...]:
    return entries_of(ID, fold(None, [requested(actor=actor, cost=cost)]), event)


def divided(*payouts: tuple[str, int], purses: tuple[tuple[str, int], ...] = ()) -> Aggregate:
    """An action with payouts, after purses have given something; amounts in millisatoshis."""
    cost = msats(sum(amount for _, amount in payouts))
    lines = tuple(Posting(account, msats(amount)) for account, amount in payouts)
    given = tuple(Posting(account, msats(amount)) for account, amount in purses)
    first = requested(cost=cost).model_copy(update={"payouts": lines})
    return fold(None, [first, e.PursesReserved(purses=given)])


def lines(a: Aggregate, event: e.Event) -> list[tuple[str, str, int]]:
    return [(n.debit, n.credit, n.amount.amount) for n in entries_of(ID, a, event)]


def paid(source: str, amount: Money) -> e.Paid:
    return e.Paid(source=source, amount=amount, late=False, after_paid_owed=False)


def test_the_names_of_the_accounts() -> None:
    """They are in the ledger for ever."""
    assert (purse("ann"), clearing("lnd"), unclaimed("a-1"), revenue("note"), ISSUED) == (
        "purse:ann",
        "clearing:lnd",
        "unclaimed:a-1",
        "revenue:note",
        "issued",
    )


MOVES: dict[str, tuple[e.Event, tuple[tuple[str, str, Money], ...]]] = {
    "money comes": (
        e.PaymentSeen(number=1, gateway="lnd", amount=COST),
        (("clearing:lnd", "unclaimed:a-1", COST),),
    ),
    "money comes in another currency": (
        e.PaymentSeen(number=1, gateway="lnd", amount=Money(7, "EUR")),
        (("clearing:lnd", "unclaimed:a-1", Money(7, "EUR")),),
    ),
    "nothing comes": (e.PaymentSeen(number=1, gateway="lnd", amount=FREE), ()),
    "paid by invoice": (paid("invoice", COST), (("unclaimed:a-1", "revenue:note", COST),)),
    "paid from the purse": (paid("credits", COST), (("purse:ann", "revenue:note", COST),)),
    "credited": (
        e.PaymentCredited(amount=COST, actor="ann"),
        (("unclaimed:a-1", "purse:ann", COST),),
    ),
    "claimed by somebody else": (
        e.PaymentClaimed(amount=COST, actor="bob"),
        (("unclaimed:a-1", "purse:bob", COST),),
    ),
}


@pytest.mark.parametrize("name", MOVES)
def test_what_an_event_moves(name: str) -> None:
    event, expected = MOVES[name]
    assert posted(event) == tuple(Entry(*entry) for entry in expected)


@pytest.mark.parametrize("source", ["free", "invoice", "credits"])
def test_what_costs_nothing_moves_nothing(source: str) -> None:
    assert posted(paid(source, FREE), cost=FREE) == ()


def test_no_other_event_moves_money() -> None:
    moving = (
        *(e.PaymentSeen, e.PursesReserved, e.Paid, e.PaymentCredited, e.PaymentClaimed),
        *(e.PursesRefunded, e.RefundRequested, e.RefundReturned, e.ReversalSeen, e.ReversalUndone),
        # Those of payments to others: test_pay_out_entries.py and tests/states/test_forwarding.py.
        *(e.PayOutSettled, e.ForwardLost),
    )
    for event in EXAMPLES:
        if not isinstance(event, moving):
            assert posted(event) == ()
    # A hold is the payer's money still.
    assert any(isinstance(event, e.HoldSeen) for event in EXAMPLES)


@given(st.integers(1, 2**62), st.sampled_from(("invoice", "credits")))
def test_every_entry_is_of_more_than_nothing_and_between_two_accounts(
    amount: int, source: str
) -> None:
    money = Money(amount, "BTC")
    events = (
        e.PaymentSeen(number=1, gateway="lnd", amount=money),
        paid(source, money),
        e.PaymentCredited(amount=money, actor="ann"),
    )
    for event in events:
        for entry in posted(event, cost=money):
            assert entry.amount == money
            assert entry.debit != entry.credit


def test_purses_give_and_get_back() -> None:
    a = divided(("pool", 10_000), purses=((purse("ann"), 3_500), (withdrawable("ann"), 500)))
    given = [(purse("ann"), reserved(ID), 3_500), (withdrawable("ann"), reserved(ID), 500)]
    assert lines(a, e.PursesReserved(purses=a.purses)) == given
    failed = e.Failed(reason=e.FailureReason.EXPIRED, undo_owed=False)
    back = [(reserved(ID), purse("ann"), 3_500), (reserved(ID), withdrawable("ann"), 500)]
    assert lines(a, failed) == back


def test_what_purses_and_an_invoice_paid_goes_to_everybody() -> None:
    a = divided(
        (purse("bob"), 7_000),
        (territory("bitcoin"), 2_100),
        (POOL, 900),
        purses=((purse("ann"), 3_500), (withdrawable("ann"), 500)),
    )
    assert a.remainder == msats(6_000)
    assert lines(a, paid("invoice", a.remainder)) == [
        (reserved(ID), purse("bob"), 3_500),
        (reserved(ID), purse("bob"), 500),
        (unclaimed(ID), purse("bob"), 3_000),
        (unclaimed(ID), territory("bitcoin"), 2_100),
        (unclaimed(ID), POOL, 900),
    ]


AMOUNTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=6)


@given(AMOUNTS, AMOUNTS)
def test_whatever_pays_exactly_what_is_paid_out_arrives(gives: list[int], gets: list[int]) -> None:
    short = sum(gets) - sum(gives)
    gives, gets = [*gives, max(short, 0)], [*gets, max(-short, 0)]
    a = divided(
        *((purse(f"payee {n}"), amount) for n, amount in enumerate(gets)),
        purses=tuple((purse(f"payer {n}"), amount) for n, amount in enumerate(gives[:-1])),
    )
    assert total(a.purses) + gives[-1] == sum(gets)
    moved: Counter[str] = Counter()
    for debit, credit, amount in lines(a, paid("invoice", msats(gives[-1]))):
        assert amount > 0
        moved[debit] -= amount
        moved[credit] += amount
    assert -moved[reserved(ID)] == sum(gives[:-1])
    assert -moved[unclaimed(ID)] == gives[-1]
    for number, amount in enumerate(gets):
        assert moved[purse(f"payee {number}")] == amount


def test_which_entries_take_from_a_purse_and_which_give_to_one() -> None:
    told = {
        Entry(purse("ann"), revenue("note"), COST): (True, False),
        Entry(unclaimed("a-1"), purse("ann"), COST): (False, True),
        Entry(clearing("lnd"), unclaimed("a-1"), COST): (False, False),
        Entry(purse("ann"), withdrawable("bob"), COST): (True, True),
        Entry(reserved("a-1"), POOL, COST): (False, True),
        # The kind of an action is not an actor.
        Entry(unclaimed("a-1"), revenue("purse:ann"), COST): (False, False),
    }
    assert {entry: (entry.takes, entry.gives) for entry in told} == told


def test_a_whole_story_balances() -> None:
    """The first invoice is paid late and twice, the second one too: every unit is somewhere."""
    a = reopened(told(begun(), GONE))
    story: list[e.Event] = []
    for number, lookup in ((2, SETTLED), (1, SETTLED), (2, type(SETTLED)(sats(25)))):
        events = decide(a, about(number, lookup), NOW)
        story += events
        a = fold(a, events)
    balance: Counter[str] = Counter()
    for event in story:
        for entry in entries_of(ID, a, event):
            balance[entry.debit] -= entry.amount.amount
            balance[entry.credit] += entry.amount.amount
    assert sum(balance.values()) == 0
    assert balance == {
        clearing(GATEWAY): -35_000,
        unclaimed(ID): 0,
        revenue(KIND): 10_000,
        purse("ann"): 25_000,
    }


TAKEN = Taken(
    unassigned=1_000,
    price=6_000,
    payees=(Posting(purse("bob"), msats(5_000)), Posting("revenue:note", msats(1_000))),
    credited=(Posting(purse("ann"), msats(2_000)),),
    lost=1_000,
)


def reversal(event: e.Event) -> list[tuple[str, str, int, bool]]:
    found = posted(event)
    return [(n.debit, n.credit, n.amount.amount, n.recovers) for n in found]


def test_a_refund_is_reserved_and_then_it_is_gone() -> None:
    to = "refunding:a-1"
    assert reversal(e.RefundRequested(number=1, refund=1, amount=COST, taken=TAKEN)) == [
        ("unclaimed:a-1", to, 1_000, False),
        ("purse:bob", to, 5_000, True),
        ("revenue:note", to, 1_000, False),
        ("purse:ann", to, 2_000, True),
        ("losses", to, 1_000, False),
    ]
    seen = e.ReversalSeen(
        number=1,
        reversal_id="r-1",
        reversal=ReversalKind.REFUND,
        gateway="lnd",
        amount=COST,
        status=ReversalStatus.SUCCEEDED,
        refund=1,
        taken=Taken(),
    )
    assert reversal(seen) == [(to, "clearing:lnd", COST.amount, False)]
    theirs = seen.model_copy(update={"refund": None, "taken": TAKEN})
    assert [entry[1:] for entry in reversal(theirs)] == [
        ("clearing:lnd", 1_000, False),
        ("clearing:lnd", 5_000, True),
        ("clearing:lnd", 1_000, False),
        ("clearing:lnd", 2_000, True),
        ("clearing:lnd", 1_000, False),
    ]


def test_what_comes_back_is_given_and_not_owed() -> None:
    returned = e.RefundReturned(number=1, refund=1, amount=COST, taken=TAKEN)
    undone = e.ReversalUndone(
        number=1,
        reversal_id="r-1",
        reversal=ReversalKind.DISPUTE,
        gateway="lnd",
        amount=COST,
        refund=None,
        taken=TAKEN,
    )
    to = ["unclaimed:a-1", "purse:bob", "revenue:note", "purse:ann", "losses"]
    for event, source in ((returned, "refunding:a-1"), (undone, "clearing:lnd")):
        assert [(n.debit, n.credit, n.recovers) for n in posted(event)] == [
            (source, account, False) for account in to
        ]


def test_purses_get_back_what_payees_give() -> None:
    purses = (Posting(purse("ann"), msats(3_000)), Posting(withdrawable("ann"), msats(1_000)))
    payees = (Posting(purse("ann"), msats(1_500)), Posting(POOL, msats(2_500)))
    assert reversal(e.PursesRefunded(purses=purses, payees=payees)) == [
        ("purse:ann", "reserved:a-1", 1_500, True),
        ("pool", "reserved:a-1", 1_500, True),
        ("pool", "reserved:a-1", 1_000, True),
        ("reserved:a-1", "purse:ann", 3_000, False),
        ("reserved:a-1", "withdrawable:ann", 1_000, False),
    ]


def test_what_is_owed_has_a_line_of_its_own() -> None:
    plain = Entry("issued", purse("ann"), COST)
    taken = Entry(purse("bob"), "refunding:a-1", COST, recovers=True)
    found = [(line, version) for line, version, _ in numbered([(7, plain), (7, taken), (8, plain)])]
    assert found == [(1, 7), (2, 7), (4, 8)]
    assert not taken.takes
