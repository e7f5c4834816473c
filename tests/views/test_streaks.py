"""Days in a row on which somebody has spent something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from functools import partial
from itertools import count

import pytest

from paidflow import POOL, Folding, Reader, purse, rebuild, sats
from paidflow.forum import Discussion, ForumSettings, Gift, RewardsPayout, Zap, pay_streaks
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from paidflow.views.daily_totals import DailyTotals
from paidflow.views.streaks import Streaks
from tests.forum import Forum, open_forum
from tests.zaps import differences, fund, left

Opening = Callable[[ForumSettings], AbstractContextManager[Forum]]
LEAST = sats(100)
NUMBERS = count()


class Doubling:
    """The longer, the more; nothing for a single day."""

    def reward_sats(self, streak_days: int) -> int:
        return 2**streak_days if streak_days > 1 else 0


@pytest.fixture
def opening(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Opening:
    return partial(open_forum, store_url, sandbox, clock)


@pytest.fixture
def forum(opening: Opening) -> Iterator[Forum]:
    """A forum whose streaks are rewarded."""
    with opening(ForumSettings(streak_rewards=Doubling())) as opened:
        yield opened


def at(forum: Forum, day: int, hour: int = 12) -> None:
    """Go on to a time in January 2030, UTC."""
    forum.clock.tick((datetime(2030, 1, day, hour, tzinfo=UTC) - forum.clock.now()).total_seconds())


def zap(forum: Forum, amount_sats: int, actor: str = "ann") -> str:
    post = forum.done(Discussion(title=f"Which tea {next(NUMBERS)}?"), "dave")
    return forum.done(Zap(item_id=post, amount_sats=amount_sats), actor)


def streak(forum: Forum, today: int, actor: str = "ann") -> tuple[int, int] | None:
    """How many days, and the last one in January."""
    forum.folding.catch_up()
    found = Streaks(forum.reader, LEAST).one(actor, date(2030, 1, today))
    return None if found is None else (found.days, found.until.day)


def test_a9_a_streak_is_a_hundred_sats_on_every_day(forum: Forum) -> None:
    forum.rich("ann")
    for day, parts in ((2, (100,)), (3, (60, 40)), (4, (99,)), (6, (100,)), (7, (500,))):
        at(forum, day)
        for amount in parts:
            zap(forum, amount)
    assert [streak(forum, today) for today in range(1, 10)] == [
        *(None, (1, 2), (2, 3), (2, 3), None),
        *((1, 6), (2, 7), (2, 7), None),
    ]
    assert streak(forum, 3, "bob") is None


def test_a_long_streak(forum: Forum) -> None:
    forum.folding.catch_up()
    table = DailyTotals().table
    with forum.flow.transaction() as tx:
        for number in range(250):
            day = date.fromordinal(date(2030, 1, 9).toordinal() - number).isoformat()
            tx.execute(
                f"insert into {table} values ('ann', :day, 'zap', 1, 100000, 0)",
                day=day,
            )
    assert streak(forum, 9) == (250, 9)


def test_a9_only_what_is_paid_counts_and_on_the_day_of_the_payment(forum: Forum) -> None:
    at(forum, 2, 23)
    post = forum.done(Discussion(title="Which tea?"), "dave")
    pending = forum.pending(Zap(item_id=post, amount_sats=100), "ann")
    assert streak(forum, 2) is None
    forum.clock.tick(hours=1)
    assert pending.invoice_id is not None
    assert forum.sandbox.pay(pending.invoice_id, late=True)
    forum.work(hours=1)
    assert streak(forum, 3) == (1, 3)


def test_what_goes_back_later_is_taken_off_from_the_day_on_which_it_was_paid(forum: Forum) -> None:
    forum.rich("ann")
    at(forum, 2)
    first = zap(forum, 100)
    at(forum, 3)
    zap(forum, 100)
    assert streak(forum, 3) == (2, 3)
    forum.flow.refund(first, operator="carol", why="by mistake")
    assert streak(forum, 3) == (1, 3)


def test_e5_what_only_passes_money_on_does_not_count(forum: Forum) -> None:
    forum.rich("ann")
    fund(forum.flow, POOL, 1_000_000)
    at(forum, 2)
    forum.done(Gift(to="bob", amount_sats=100), "ann")
    assert streak(forum, 2) is None


@pytest.mark.parametrize(
    ("time_zone", "days"), [("UTC", (2, 3)), ("America/Chicago", (1, 3)), ("Asia/Tokyo", (2, 4))]
)
def test_a9_a_day_is_that_of_the_time_zone(
    opening: Opening, time_zone: str, days: tuple[int, int]
) -> None:
    with opening(ForumSettings(time_zone=time_zone)) as forum:
        forum.rich("ann")
        folding = Folding(forum.flow, [DailyTotals(time_zone)])
        for day, hour in ((2, 3), (3, 17)):
            at(forum, day, hour)
            zap(forum, 100)
        folding.catch_up()
        streaks = Streaks(Reader(forum.flow), LEAST)
        counted = [d for d in range(1, 6) if streaks.until("ann", date(2030, 1, d)) is not None]
        assert tuple(counted) == days


def test_a_rebuild_gives_the_same(forum: Forum) -> None:
    forum.rich("ann", "bob")
    for day in (2, 3):
        at(forum, day)
        forum.flow.refund(zap(forum, 70, "bob"), operator="carol", why="by mistake")
        zap(forum, 100)
    forum.folding.catch_up()
    before = _rows(forum)

    class Again(DailyTotals):
        version = 2

    rebuild(Folding(forum.flow, [Again()]), DailyTotals.name)
    assert _rows(forum) == before
    assert ("ann", "2030-01-02", 100_000) in before


def test_streaks_are_rewarded_once_a_day_from_the_pool(forum: Forum) -> None:
    forum.rich("ann", "bob")
    for day in (2, 3):
        at(forum, day)
        zap(forum, 100)
    zap(forum, 100, "bob")
    forum.folding.catch_up()
    before = left(forum.flow, POOL, purse("ann"), purse("bob"))
    assert pay_streaks(forum.flow) == 0  # today is not over
    at(forum, 4, 1)
    assert pay_streaks(forum.flow) == 1
    assert pay_streaks(forum.flow) == 0
    after = left(forum.flow, POOL, purse("ann"), purse("bob"))
    assert [now - was for was, now in zip(before, after, strict=True)] == [-4_000, 4_000, 0]
    assert differences(forum.flow) == []


def test_without_enough_in_the_pool_nobody_is_rewarded_and_nothing_is_lost(forum: Forum) -> None:
    for day in (2, 3):
        at(forum, day)
        zap(forum, 100)
    forum.folding.catch_up()
    at(forum, 4, 1)
    _empty(forum)
    assert pay_streaks(forum.flow) == 0
    fund(forum.flow, POOL, 4_000)
    assert pay_streaks(forum.flow) == 1


def _rows(forum: Forum) -> list[tuple[str, str, int]]:
    with forum.flow.store.reading() as tx:
        rows = tx.execute(
            "select actor, day, sum(spent_msats) as spent_msats from forum_daily_totals"
            " group by actor, day order by actor, day"
        ).fetchall()
    return [(row["actor"], row["day"], row["spent_msats"]) for row in rows]


def _empty(forum: Forum) -> None:
    """Take everything out of the pool."""
    amount = forum.flow.balance_of(POOL).amount
    payout = RewardsPayout(day="2030-01-01", rewards_msats={"carol": amount})
    forum.flow.perform(payout, actor=ForumSettings().system)
