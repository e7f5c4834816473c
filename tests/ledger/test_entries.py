"""Which accounts an event moves money between, and that no movement makes or loses any."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidflow.ledger.entries import (
    ISSUED,
    Entry,
    clearing,
    entries_of,
    purse,
    revenue,
    unclaimed,
)
from paidflow.money import Money, sats
from paidflow.states import events as e
from paidflow.states.aggregate import fold
from paidflow.states.decide import decide
from tests.states.build import COST, GATEWAY, NOW, SETTLED, about, begun, reopened, told
from tests.states.build import EXPIRED as GONE
from tests.states.test_codec import EXAMPLES

ID, KIND = "a-1", "note"
FREE = COST - COST


def posted(event: e.Event, actor: str | None = "ann") -> tuple[Entry, ...]:
    return entries_of(ID, KIND, actor, event)


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
    "free": (paid("free", FREE), ()),
    "nothing by invoice": (paid("invoice", FREE), ()),
    "nothing from the purse": (paid("credits", FREE), ()),
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


def test_no_other_event_moves_money() -> None:
    moving = (e.PaymentSeen, e.Paid, e.PaymentCredited, e.PaymentClaimed)
    for event in EXAMPLES:
        if not isinstance(event, moving):
            assert posted(event) == ()
    # A hold is the payer's money still.
    assert any(isinstance(event, e.HoldSeen) for event in EXAMPLES)


def test_nobody_without_a_purse_pays_from_it() -> None:
    assert posted(paid("credits", COST), actor=None) == ()


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
        for entry in posted(event):
            assert entry.amount == money
            assert entry.debit != entry.credit


def test_which_purses_an_entry_changes() -> None:
    assert Entry(purse("ann"), revenue("note"), COST).purse_changes == (("ann", -10_000),)
    assert Entry(unclaimed("a-1"), purse("ann"), COST).purse_changes == (("ann", 10_000),)
    assert Entry(clearing("lnd"), unclaimed("a-1"), COST).purse_changes == ()
    both = Entry(purse("ann"), purse("bob"), COST)
    assert both.purse_changes == (("ann", -10_000), ("bob", 10_000))


def test_an_actor_may_be_called_like_an_account() -> None:
    """Only the first prefix is ours; no name reaches into somebody else's purse."""
    for actor in ("purse:bob", "issued", "unclaimed:a-1", ":", "ann:bob", "purse:"):
        assert Entry(ISSUED, purse(actor), COST).purse_changes == ((actor, 10_000),)
    # The kind of an action is not an actor.
    assert Entry(unclaimed("a-1"), revenue("purse:ann"), COST).purse_changes == ()


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
        for entry in posted(event):
            balance[entry.debit] -= entry.amount.amount
            balance[entry.credit] += entry.amount.amount
    assert sum(balance.values()) == 0
    assert balance == {
        clearing(GATEWAY): -35_000,
        unclaimed(ID): 0,
        revenue(KIND): 10_000,
        purse("ann"): 25_000,
    }
