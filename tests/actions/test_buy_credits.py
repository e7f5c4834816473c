"""Credits: what was paid is in the purse."""

from __future__ import annotations

import pytest

from paidflow import State, purse, sats
from paidflow.errors import LoginRequired
from paidflow.forum import BuyCredits, Donate
from paidflow.testing.payer import pay
from tests.actions.support import refused
from tests.forum import Forum
from tests.zaps import differences, left


def test_a0_what_was_paid_is_in_the_purse(forum: Forum) -> None:
    receipt = forum.pending(BuyCredits(amount_sats=100))
    assert receipt.state is State.PENDING_HELD
    assert left(forum.flow, purse("ann")) == (0,)
    pay(forum.flow, forum.sandbox, receipt)
    assert left(forum.flow, purse("ann")) == (100_000,)
    assert forum.flow.perform(Donate(amount_sats=100), actor="ann").state is State.PAID
    assert differences(forum.flow) == []


def test_a0_what_was_paid_too_much_is_there_as_well(forum: Forum) -> None:
    """The origin credits what was received, and not what was asked for."""
    receipt = forum.pending(BuyCredits(amount_sats=100))
    pay(forum.flow, forum.sandbox, receipt, sats(130))
    forum.work()
    assert left(forum.flow, purse("ann")) == (130_000,)
    assert differences(forum.flow) == []


def test_a0_credits_are_not_bought_with_credits(forum: Forum) -> None:
    forum.rich("ann")
    assert forum.pending(BuyCredits(amount_sats=100)).invoice_id is not None


def test_a0_credits_need_somebody_who_has_them(forum: Forum) -> None:
    with pytest.raises(LoginRequired):
        forum.flow.perform(BuyCredits(amount_sats=100), actor=None)


def test_a0_credits_are_bought_by_the_sat(forum: Forum) -> None:
    with refused("amount_sats"):
        forum.flow.perform(BuyCredits(amount_sats=0), actor="ann")
