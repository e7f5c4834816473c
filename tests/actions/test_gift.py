"""Gifts from purse to purse, and how much one person may give."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial

import pytest

from paidflow import State, sats
from paidflow.errors import InsufficientFunds, InvalidField
from paidflow.forum import ForumSettings, Gift
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.forum import Forum, open_forum
from tests.zaps import differences

Opening = Callable[[ForumSettings], AbstractContextManager[Forum]]


@pytest.fixture
def opening(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Opening:
    return partial(open_forum, store_url, sandbox, clock)


def give(forum: Forum, to: str, amount_sats: int) -> bool:
    try:
        receipt = forum.flow.perform(Gift(to=to, amount_sats=amount_sats), actor="ann")
    except InvalidField:
        return False
    return receipt.state is State.PAID


def test_credits_go_from_purse_to_purse(forum: Forum) -> None:
    forum.rich("ann", amount_sats=100)
    forum.done(Gift(to="bob", amount_sats=60), "ann")
    assert (forum.flow.balance("ann"), forum.flow.balance("bob")) == (sats(40), sats(60))
    with pytest.raises(InsufficientFunds):
        forum.flow.perform(Gift(to="bob", amount_sats=41), actor="ann")
    assert forum.sandbox.books() == []


def test_without_a_limit_everything_can_be_given(forum: Forum) -> None:
    forum.rich("ann", amount_sats=1_000)
    assert [give(forum, "bob", 250) for _ in range(4)] == [True] * 4


@pytest.mark.parametrize("to", ["ann", ""])
def test_not_to_oneself_and_not_to_nobody(forum: Forum, to: str) -> None:
    forum.rich("ann")
    with pytest.raises(InvalidField, match="to:"):
        forum.flow.perform(Gift(to=to, amount_sats=1), actor="ann")


def test_so_much_within_a_day(opening: Opening) -> None:
    with opening(ForumSettings(gifts_day_max_sats=100)) as forum:
        forum.rich("ann")
        assert [give(forum, *gift) for gift in (("bob", 60), ("carol", 41), ("carol", 40))] == [
            *(True, False, True)
        ]
        assert not give(forum, "dave", 1)
        forum.clock.tick(days=1)
        assert give(forum, "dave", 100)


def test_so_often_to_one_person(opening: Opening) -> None:
    with opening(ForumSettings(gifts_person_max=2)) as forum:
        forum.rich("ann")
        assert [give(forum, "bob", 1) for _ in range(3)] == [True, True, False]
        assert give(forum, "carol", 1)
        with pytest.raises(InvalidField, match="to: 2 gifts to one person"):
            forum.flow.perform(Gift(to="bob", amount_sats=1), actor="ann")


def test_many_at_once_do_not_get_past_the_limit(opening: Opening) -> None:
    limits = ForumSettings(gifts_day_max_sats=100, gifts_person_max=3)
    with opening(limits) as forum:
        forum.rich("ann", amount_sats=10_000)
        prepared = [
            forum.flow.prepare(Gift(to=to, amount_sats=20), actor="ann")
            for to in ("bob", "carol") * 4
        ]

        def commit(number: int) -> str | None:
            try:
                forum.flow.perform(prepared[number])
            except InvalidField as refused:
                return refused.field
            return None

        with ThreadPoolExecutor(4) as threads:
            fields = list(threads.map(commit, range(8)))
        assert fields.count(None) == 5
        given = forum.flow.balance("bob") + forum.flow.balance("carol")
        assert given == sats(100)
        assert max(forum.flow.balance("bob"), forum.flow.balance("carol")) == sats(60)
        assert differences(forum.flow) == []
