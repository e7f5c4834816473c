"""Many senders, a moody receiver, writers at the same time, and a database that hangs up."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from paidflow import PaidFlow
from paidflow.outgoing.deliveries import Deliveries
from paidflow.outgoing.webhook import Webhook
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.outgoing.receiver import EVEN, SECRET, Answer, Receiver, log_by_action, queued
from tests.views.support import load, paid_notes
from tests.waiting import LONG_S, wait_until
from tests.wall import open_wall

SENDERS = 3
MOMENT_S = 0.02
"""What a sender gets to do something before the clock goes on, and its lease ends."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


def sending(flow: PaidFlow, receiver: Receiver) -> Deliveries:
    hook = Webhook("shop", receiver.url, secrets=[SECRET])
    return Deliveries(flow, [hook], start="beginning", back_off=EVEN, page=7, poll_s=0.01)


def check(flow: PaidFlow, receiver: Receiver) -> None:
    """Everything arrived; what arrived for the first time came in order; ids belong to events."""
    truth = log_by_action(flow)
    acknowledged = {r.id for r in receiver.requests}
    assert len(acknowledged) == sum(map(len, truth.values()))
    assert {action: list(dict.fromkeys(receiver.of(action))) for action in truth} == truth
    assert len({(r.action_id, r.sequence, r.id) for r in receiver.requests}) == len(acknowledged)


def until(done: Callable[[], bool], meanwhile: Callable[[], object]) -> None:
    def moment() -> None:
        meanwhile()
        time.sleep(MOMENT_S)

    wait_until(done, meanwhile=moment, limit_s=2 * LONG_S)


@pytest.mark.parametrize("seed", [1, 2])
def test_senders_writers_and_a_moody_receiver(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock, receiver: Receiver, seed: int
) -> None:
    chance = random.Random(seed)
    receiver.answer = lambda r: Answer(chance.choice((204, 204, 204, 500, 503)))
    flow = open_wall(store_url, {"sandbox": sandbox}, clock=clock)
    flows = [
        open_wall(store_url, {"sandbox": sandbox}, clock=clock, create=False)
        for _ in range(SENDERS)
    ]
    stop = threading.Event()
    threads = [threading.Thread(target=sending(each, receiver).run, args=[stop]) for each in flows]
    for thread in threads:
        thread.start()
    watched = sending(flow, receiver)
    try:
        load(flow, sandbox, clock, steps=60, seed=seed)
        # Pauses end, leases too, and in the end the receiver is in a good mood.
        until(lambda: len(receiver.requests) > 40, lambda: clock.tick(10))
        receiver.answer = lambda r: Answer()
        until(
            lambda: not watched.subscriptions()[0].behind and not queued(flow),
            lambda: clock.tick(3600),
        )
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    check(flow, receiver)
    for each in (flow, *flows):
        each.close()


def test_a_database_that_hangs_up_is_waited_for(
    direct_dsn: str, sandbox: SandboxGateway, clock: ManualClock, receiver: Receiver
) -> None:
    flow = open_wall(direct_dsn, {"sandbox": sandbox}, clock=clock)
    paid_notes(flow, sandbox, 30)
    receiver.answer = lambda r: Answer() if time.sleep(0.005) is None else Answer(500)
    stop = threading.Event()
    other = open_wall(direct_dsn, {"sandbox": sandbox}, clock=clock, create=False)
    thread = threading.Thread(target=sending(other, receiver).run, args=[stop])
    thread.start()

    def tick() -> None:
        clock.tick(60)
        assert thread.is_alive()

    hang_up = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
        " and backend_type = 'client backend'"
    )
    try:
        with psycopg.connect(direct_dsn, autocommit=True) as admin:
            for _ in range(15):
                time.sleep(0.04)
                admin.execute(hang_up)
            waiting = "select count(*) from paidflow_deliveries"
            position = "select position from paidflow_subscribers"
            last = admin.execute("select max(notification_id) from paidflow_events").fetchone()
            until(
                lambda: (
                    admin.execute(position).fetchone() == last
                    and admin.execute(waiting).fetchone() == (0,)
                ),
                tick,
            )
    finally:
        stop.set()
        thread.join()
    check(other, receiver)
    flow.close()
    other.close()
