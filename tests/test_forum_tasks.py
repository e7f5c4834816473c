"""What a forum does by itself in a month, by any number of workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import pytest

from paidflow import POOL, AutomaticRetry, PaidFlow, State, Worker, purse, revenue, territory
from paidflow.forum import (
    Discussion,
    ForumSettings,
    TerritoryCreate,
    Zap,
    add_upload,
    tasks,
)
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.forum import Forum, open_forum
from tests.zaps import differences, left

RETRY = AutomaticRetry(kinds=("zap",))


class Fans:
    """Everything in the pool is for carol."""

    def weights(self, flow: PaidFlow, day: date) -> Mapping[str, int]:
        return {"carol": 1}


class Coffee:
    """A streak of two days and more gives a coffee."""

    def reward_sats(self, streak_days: int) -> int:
        return 5 if streak_days > 1 else 0


@pytest.fixture
def forum(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[Forum]:
    settings = ForumSettings(rewards=Fans(), streak_rewards=Coffee())
    with open_forum(store_url, sandbox, clock, settings) as opened:
        yield opened


@pytest.fixture
def workers(forum: Forum) -> list[Worker]:
    """Two of them, each as in a process of its own."""
    return [Worker(forum.flow, folding=forum.folding, tasks=tasks(RETRY)) for _ in range(2)]


def work(forum: Forum, workers: list[Worker], **after: float) -> None:
    forum.clock.tick(**after)
    for worker in workers:
        worker.run_until_idle()


def incomes(forum: Forum) -> list[tuple[str, str, str, int]]:
    with forum.flow.transaction() as tx:
        rows = tx.execute(
            "select day, income, actor, amount_msats from forum_incomes order by day, income"
        ).fetchall()
    return [(r["day"], r["income"], r["actor"], r["amount_msats"]) for r in rows]


def test_each_person_gets_his_own_and_only_once(forum: Forum, workers: list[Worker]) -> None:
    """Of a zap of 100 sats 70 are for bob, 21 for the territory of dave, and 9 for the pool."""
    forum.rich("ann")
    forum.done(TerritoryCreate(name="tea", description="x", rewards_percent=30), "dave")
    work(forum, workers, hours=1)
    post = forum.done(Discussion(title="Which tea?", territory="tea"), "bob")
    fees = left(forum.flow, territory("tea"), POOL)
    for _ in range(2):
        forum.done(Zap(item_id=post, amount_sats=100), "ann")
        work(forum, workers, days=1)
    first, second = 21_000 + fees[0], 9_000 + fees[1]
    assert incomes(forum) == [
        ("2030-01-01", "reward", "carol", second),
        ("2030-01-02", "revenue", "dave", first),
        ("2030-01-02", "reward", "carol", 4_000),
        ("2030-01-02", "streak", "ann", 5_000),
        ("2030-01-03", "revenue", "dave", 21_000),
    ]
    assert left(forum.flow, POOL, territory("tea")) == (0, 0)
    assert left(forum.flow, purse("carol"), purse("dave")) == (second + 4_000, first + 21_000)
    assert differences(forum.flow) == []


def test_bills_are_paid_files_go_and_payments_are_tried_again(
    forum: Forum, workers: list[Worker]
) -> None:
    for name, owner in (("tea", "dave"), ("milk", "carol")):
        forum.done(TerritoryCreate(name=name, description="x"), owner)
    forum.rich("dave")
    upload = add_upload(forum.flow, actor="ann", size_bytes=1)
    post = forum.done(Discussion(title="Which tea?"), "bob")
    zap = forum.failed(Zap(item_id=post, amount_sats=100), "ann")
    work(forum, workers)
    assert forum.flow.get(zap.action_id, actor="ann").state is State.FAILED
    work(forum, workers, minutes=1)
    assert forum.flow.get(zap.action_id, actor="ann").state is State.PENDING
    work(forum, workers, days=8)
    with forum.flow.transaction() as tx:
        assert (
            tx.execute("select id from forum_uploads where id = :id", id=upload).fetchone() is None
        )
    for days in (25, 7):
        work(forum, workers, days=days)
    assert (forum.territory("tea").version, forum.territory("tea").stopped) == (2, False)
    assert (forum.territory("milk").version, forum.territory("milk").stopped) == (1, True)
    with forum.flow.store.reading() as tx:
        rows = tx.query("sum_accounts", prefix=revenue("territory-")).fetchall()
    assert {row["account"]: int(row["total"]) for row in rows} == {
        revenue("territory-create"): 200_000_000,
        revenue("territory-renewal"): 100_000_000,
    }
    assert differences(forum.flow) == []
