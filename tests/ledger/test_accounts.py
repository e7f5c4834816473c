"""The names of accounts, and which of them somebody spends from."""

from __future__ import annotations

import pytest

from paidflow.ledger import accounts as n

NAMES = {
    n.purse("ann"): "purse:ann",
    n.withdrawable("ann"): "withdrawable:ann",
    n.territory("bitcoin"): "territory:bitcoin",
    n.revenue("note"): "revenue:note",
    n.clearing("lnd"): "clearing:lnd",
    n.unclaimed("a-1"): "unclaimed:a-1",
    n.reserved("a-1"): "reserved:a-1",
    n.receivable(n.purse("ann")): "receivable:purse:ann",
    n.refunding("a-1"): "refunding:a-1",
    n.ISSUED: "issued",
    n.POOL: "pool",
    n.FEES: "fees",
    n.LOSSES: "losses",
}
SPENDABLE = ("purse:ann", "withdrawable:ann", "territory:bitcoin", "pool")


def test_the_names_are_in_the_ledger_for_ever() -> None:
    assert list(NAMES) == list(NAMES.values())


@pytest.mark.parametrize("account", NAMES)
def test_what_is_never_overdrawn_and_what_can_be_paid_out_to(account: str) -> None:
    assert n.is_spendable(account) == (account in SPENDABLE)
    assert n.is_beneficiary(account) == (account in (*SPENDABLE, "revenue:note", "fees"))


@pytest.mark.parametrize("actor", ["purse:bob", "issued", "unclaimed:a-1", ":", "pool", ""])
def test_an_actor_may_be_called_like_an_account(actor: str) -> None:
    """Only the first prefix is ours; no name reaches into somebody else's purse."""
    assert n.is_spendable(n.purse(actor))
    assert n.purse(actor).removeprefix("purse:") == actor
    assert not n.is_spendable(n.revenue(actor))
    assert not n.is_spendable(n.receivable(actor))


def test_a_longer_name_is_not_the_pool() -> None:
    assert not n.is_spendable("pool:rewards")
    assert not n.is_beneficiary("pooled")


@pytest.mark.parametrize("account", NAMES)
def test_whose_an_account_is(account: str) -> None:
    assert n.person_of(account) == ("ann" if account in ("purse:ann", "withdrawable:ann") else None)
