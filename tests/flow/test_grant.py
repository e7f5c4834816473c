"""Credits that an operator gives, once for each key."""

from __future__ import annotations

import pytest

from paidflow import Money, PaidFlow, State, sats
from paidflow.errors import InvalidArguments
from tests.flow.support import snapshot
from tests.wall import Note


def test_once_for_each_key(flow: PaidFlow) -> None:
    for key in ("a", "a", "b"):
        flow.grant("ann", sats(5), key=key)
    assert flow.balance("ann") == sats(10)
    assert flow.balance("bob") == sats(0)


def test_a_key_belongs_to_its_actor(flow: PaidFlow) -> None:
    flow.grant("ann", sats(5), key="a")
    flow.grant("bob", sats(5), key="a")
    assert flow.balance("bob") == sats(5)


def test_currencies_are_kept_apart(flow: PaidFlow) -> None:
    flow.grant("ann", Money(500, "EUR"), key="a")
    assert flow.balance("ann", "EUR") == Money(500, "EUR")
    assert flow.balance("ann") == sats(0)
    assert flow.perform(Note(text="gm"), actor="ann").state is State.PENDING


@pytest.mark.parametrize(
    ("actor", "amount", "key"),
    [
        ("ann", sats(0), "k"),
        ("ann", sats(-5), "k"),
        ("ann", 5, "k"),
        ("ann", 1.5, "k"),
        ("", sats(5), "k"),
        (None, sats(5), "k"),
        (5, sats(5), "k"),
        ("ann", sats(5), ""),
        ("ann", sats(5), None),
    ],
)
def test_what_is_not_a_grant(flow: PaidFlow, actor: object, amount: object, key: object) -> None:
    before = snapshot(flow)
    with pytest.raises(InvalidArguments):
        flow.grant(actor, amount, key=key)  # pyright: ignore[reportArgumentType]
    assert snapshot(flow) == before


def test_the_books_agree_with_the_purse(flow: PaidFlow) -> None:
    flow.grant("ann", sats(25), key="a")
    flow.perform(Note(text="gm"), actor="ann")
    with flow.store.reading() as tx:
        rows = tx.query("audit_accounts").fetchall()
    assert [(row["account"], row["balance"], row["entries"]) for row in rows] == [
        ("purse:ann", 15_000, 15_000)
    ]
