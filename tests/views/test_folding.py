"""Each event is folded exactly once and in order, whatever raises, dies or runs beside it."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paidflow import Batch, Folding, PaidFlow, Worker
from paidflow.actions.contract import HookTransaction
from paidflow.errors import InvalidArguments, UnknownEvent, ViewsBehind
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import Crash, ManualClock
from tests.views.support import (
    Earned,
    Journal,
    Picky,
    dump,
    journal_of_log,
    load,
    paid_notes,
)
from tests.wall import Note, open_wall

ROOT = Path(__file__).parents[2]
TAKE_OVER_S = 60


@pytest.fixture(autouse=True)
def healthy() -> None:
    """Without poison."""
    Picky.poison, Picky.error, Picky.batches = set(), ValueError("the text of a person"), []
    Picky.raised.clear()


class DyingJournal(Journal):
    """Ends the process when everything is written, before it is committed."""

    def apply(self, tx: HookTransaction, batch: Batch) -> None:
        super().apply(tx, batch)
        raise Crash


class DyingEarned(Earned):
    """Ends the process too."""

    def apply(self, tx: HookTransaction, batch: Batch) -> None:
        super().apply(tx, batch)
        raise Crash


def start_again(flow: PaidFlow, *views: str) -> None:
    """Empty views, as if nothing had been folded yet."""
    with flow.store.transaction("start_again") as tx:
        for view in views:
            tx.execute(f"delete from {view}_v1")
        tx.execute("update paidflow_projections set position = 0, tries = 0, retry_at = null")
        tx.execute("delete from paidflow_parked")


def test_a_view_follows_the_log(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    folding = Folding(flow, [Journal(), Earned()])
    assert folding.run_once() == 0
    load(flow, sandbox, clock, steps=60, between=folding.run_once)
    folding.run_until_idle()
    assert dump(flow, "journal") == journal_of_log(flow)
    before = dump(flow, "earned")
    assert len(before) > 1
    assert folding.run_once() == 0
    assert (dump(flow, "journal"), dump(flow, "earned")) == (journal_of_log(flow), before)


def test_any_pages_and_any_deaths_give_the_same_view(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    load(flow, sandbox, clock, steps=120)
    Folding(flow, [Journal(), Earned()]).run_until_idle()
    whole = dump(flow, "journal"), dump(flow, "earned")
    assert whole[0] == journal_of_log(flow)
    sound, died = [Journal(), Earned()], 0
    deaths = st.sampled_from((None, "earned", "journal"))

    @settings(max_examples=40, deadline=None, database=None)
    @given(st.lists(st.tuples(st.integers(1, 90), deaths), max_size=12), st.integers(1, 40))
    def check(rounds: list[tuple[int, str | None]], rest: int) -> None:
        nonlocal died
        start_again(flow, "journal", "earned")
        for page, dies in rounds:
            views = [DyingEarned(), Journal()] if dies == "earned" else [DyingJournal(), Earned()]
            folding = Folding(flow, views if dies else sound, page=page, create=False)
            try:
                folding.run_once()
            except Crash:
                died += 1
        Folding(flow, [Journal(), Earned()], page=rest, create=False).run_until_idle()
        assert (dump(flow, "journal"), dump(flow, "earned")) == whole

    check()
    assert died > 20


def test_what_another_has_folded_meanwhile_is_not_folded_again(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has read its page and is slow; before it writes, another folds the same events."""
    paid_notes(flow, sandbox, 3)
    slow = Folding(flow, [Journal()])
    fast = Folding(flow, [Journal()])
    begin = flow.store.transaction

    def after_the_other(step: str, command_id: str | None = None) -> Any:
        monkeypatch.setattr(flow.store, "transaction", begin)
        assert fast.run_once() > 0
        return begin(step, command_id)

    monkeypatch.setattr(flow.store, "transaction", after_the_other)
    assert slow.run_once() == 0
    assert dump(flow, "journal") == journal_of_log(flow)


def test_many_runners_while_people_act(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    stop, wrong = threading.Event(), list[BaseException]()

    def run(seed: int) -> None:
        pages = random.Random(seed)
        try:
            while not stop.is_set():
                Folding(flow, [Journal()], page=pages.randrange(1, 20), create=False).run_once()
        except BaseException as error:
            wrong.append(error)

    folding = Folding(flow, [Journal()])
    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    try:
        load(flow, sandbox, clock, steps=80)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    folding.run_until_idle()
    assert dump(flow, "journal") == journal_of_log(flow)


# An event that raises.


def test_a_poison_event_is_found_parked_and_shown(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    ids = paid_notes(flow, sandbox, 8)
    Picky.poison = {(ids[3], 2)}
    folding = Folding(flow, [Picky(), Earned()], tries_max=3, pause_s=10)
    folding.run_until_idle()
    assert any(ids[0] in row for row in dump(flow, "picky"))
    assert not any(ids[7] in row for row in dump(flow, "picky")), "it waits for the event"
    assert Picky.raised[ids[3], 2] >= 1
    assert Picky.batches[-1] == 1
    assert dump(flow, "earned") == [repr({"actor": "ann", "notes": 8, "sats": 80})]
    (lag,) = (lag for lag in folding.lag() if lag.name == "picky")
    assert (lag.tries, lag.parked) == (1, 0)
    for pause in (10, 20):
        before = Picky.raised[ids[3], 2]
        clock.tick(pause - 1)
        folding.run_until_idle()
        assert Picky.raised[ids[3], 2] == before
        clock.tick(1)
        folding.run_until_idle()
        assert Picky.raised[ids[3], 2] == before + 1
    wanted = [row for row in journal_of_log(flow) if ids[3] not in row]
    mine = repr({"action_id": ids[3], "versions": "1."})
    assert dump(flow, "picky") == sorted([*wanted, mine])
    first, *behind = folding.parked()
    assert (first.name, first.action_id, first.error_type) == ("picky", ids[3], "ValueError")
    assert first.sentence == f"picky could not fold {first.topic}: ValueError."
    assert first.since == clock.now()
    assert {p.action_id for p in behind} == {ids[3]}
    assert [p.error_type for p in behind] == [None] * 2
    assert "waits behind" in behind[0].sentence
    assert len(folding.parked(limit=1)) == 1
    assert [lag.parked for lag in folding.lag()] == [0, 3]
    assert not any("text of a person" in repr(p) for p in folding.parked())


def parked_view(flow: PaidFlow, sandbox: SandboxGateway) -> tuple[Folding, str]:
    """A view with one parked event, and the action that it is about."""
    _, action_id, _ = paid_notes(flow, sandbox, 3)
    Picky.poison = {(action_id, 1)}
    folding = Folding(flow, [Picky()], tries_max=1)
    folding.run_until_idle()
    assert folding.parked()
    return folding, action_id


def test_parked_events_are_folded_later_in_order(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    folding, action_id = parked_view(flow, sandbox)
    count = len(folding.parked())
    with pytest.raises(ValueError, match="text of a person"):
        folding.retry("picky", action_id)
    assert len(folding.parked()) == count
    Picky.poison = set()
    assert folding.retry("picky", action_id) == count
    assert dump(flow, "picky") == journal_of_log(flow)
    assert folding.parked() == []
    assert folding.retry("picky", action_id) == 0
    with pytest.raises(InvalidArguments):
        folding.retry("earned", action_id)


def test_events_that_come_later_wait_behind_the_parked(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    Picky.poison = {(receipt.action_id, 1)}
    folding = Folding(flow, [Picky()], tries_max=1)
    folding.run_until_idle()
    Picky.poison = set()
    flow.cancel(receipt.action_id, actor="ann")
    folding.run_until_idle()
    assert dump(flow, "picky") == []
    folding.retry("picky", receipt.action_id)
    assert dump(flow, "picky") == journal_of_log(flow)


def test_parked_events_can_be_given_up(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    folding, action_id = parked_view(flow, sandbox)
    count = len(folding.parked())
    assert folding.drop("picky", action_id) == count
    assert folding.parked() == []
    wanted = [row for row in journal_of_log(flow) if action_id not in row]
    assert dump(flow, "picky") == wanted


def test_many_poison_events_in_any_pages(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    load(flow, sandbox, clock, steps=80)
    folding = Folding(flow, [Picky()])
    with flow.store.reading() as tx:
        rows = tx.execute(
            "select originator_id, originator_version from paidflow_events order by 1, 2"
        ).fetchall()
    keys = [(row["originator_id"], row["originator_version"]) for row in rows]

    @settings(max_examples=15, deadline=None, database=None)
    @given(st.sets(st.sampled_from(keys), max_size=6), st.integers(1, 50))
    def check(poison: set[tuple[str, int]], page: int) -> None:
        start_again(flow, "picky")
        Picky.poison = poison
        Folding(flow, [Picky()], page=page, tries_max=2, pause_s=0).run_until_idle()
        settle(flow, folding, page)
        assert {p.action_id for p in folding.parked(limit=1000)} == {key[0] for key in poison}
        Picky.poison = set()
        for action_id, _ in poison:
            folding.retry("picky", action_id)
        assert dump(flow, "picky") == journal_of_log(flow)

    check()


def settle(flow: PaidFlow, folding: Folding, page: int) -> None:
    """Fold until the view is at the end of the log, over all pauses of no length."""
    runner = Folding(flow, [Picky()], page=page, tries_max=2, pause_s=0)
    for _ in range(1000):
        if folding.lag()[0].positions == 0:
            return
        runner.run_once()
    raise AssertionError("the view does not come to the end of the log")


def test_an_event_that_only_a_newer_program_knows_is_waited_for(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    paid_notes(flow, sandbox, 1)
    folding = Folding(flow, [Earned(), Journal()], tries_max=1)
    folding.run_until_idle()
    before = dump(flow, "earned")
    with flow.store.transaction("newer") as tx:
        tx.append([row_of("paid-action.paid@99", clock), row_of("foreign@1", clock)])
    folding.run_until_idle()
    assert folding.parked() == []
    assert dump(flow, "earned") == before
    behind = {lag.name: lag.positions for lag in folding.lag()}
    assert behind == {"earned": 2, "journal": 0}, "who does not look inside goes on"
    with pytest.raises(UnknownEvent):
        folding.catch_up("earned")


def row_of(topic: str, clock: ManualClock) -> dict[str, Any]:
    ids = {"event_id": topic, "command_id": topic, "correlation_id": topic}
    event = {"action_id": topic, "version": 1, "topic": topic, "state": b"{}"}
    return {**event, **ids, "now": clock.now()}


def test_trouble_of_the_database_parks_nothing(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    (action_id,) = paid_notes(flow, sandbox, 1)
    Picky.poison = {(action_id, 1)}
    Picky.error = busy(flow)
    folding = Folding(flow, [Picky()], tries_max=1)
    with pytest.raises(type(Picky.error)):
        folding.run_once()
    assert [(lag.tries, lag.parked) for lag in folding.lag()] == [(0, 0)]
    Picky.poison = set()
    folding.run_until_idle()
    assert dump(flow, "picky") == journal_of_log(flow)


def busy(flow: PaidFlow) -> Exception:
    """What this store raises when the database is busy."""
    found = [sqlite3.OperationalError("database is locked"), psycopg.OperationalError("gone")]
    (error,) = (error for error in found if flow.store.passing(error))
    return error


# How far it is, and catching up.


def test_lag(flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock) -> None:
    folding = Folding(flow, [Earned()])
    (lag,) = folding.lag()
    assert (lag.name, lag.version, lag.state) == ("earned", 1, "live")
    assert (lag.position, lag.positions, lag.seconds) == (0, 0, 0)
    paid_notes(flow, sandbox, 1)
    clock.tick(7)
    paid_notes(flow, sandbox, 1)
    clock.tick(5)
    (lag,) = folding.lag()
    assert lag.positions >= 8
    assert lag.seconds == 12
    end = lag.positions
    folding.run_until_idle()
    (lag,) = folding.lag()
    assert (lag.position, lag.positions, lag.seconds) == (end, 0, 0)


def test_the_position_is_that_of_the_last_view(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    folding = Folding(flow, [Earned(), Journal()])
    paid_notes(flow, sandbox, 1)
    assert folding.position() == 0
    assert folding.fold_page("earned") > 0
    assert folding.position() == 0
    folding.run_until_idle()
    assert folding.position() == flow.store.publish() > 0


def test_everybody_reads_what_they_have_written(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    folding = Folding(flow, [Earned(), Journal()], page=3)
    for count in range(1, 4):
        paid_notes(flow, sandbox, 1)
        folding.catch_up("earned")
        assert dump(flow, "earned") == [repr({"actor": "ann", "notes": count, "sats": 10 * count})]
    assert dump(flow, "journal") == []
    folding.catch_up()
    assert dump(flow, "journal") == journal_of_log(flow)
    with pytest.raises(InvalidArguments):
        folding.catch_up("nothing")


def test_catching_up_waits_for_whoever_is_at_work(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """The leader holds the view while it folds; who catches up gets what the leader has done."""
    paid_notes(flow, sandbox, 2)
    inside, go_on = threading.Event(), threading.Event()

    class Slow(Journal):
        def apply(self, tx: Any, batch: Any) -> None:
            inside.set()
            assert go_on.wait(TAKE_OVER_S)
            super().apply(tx, batch)

    leader = threading.Thread(target=Folding(flow, [Slow()]).run_once)
    leader.start()
    assert inside.wait(TAKE_OVER_S)
    timer = threading.Timer(0.1, go_on.set)
    timer.start()
    Folding(flow, [Journal()], create=False).catch_up(timeout_s=TAKE_OVER_S)
    assert go_on.is_set()
    leader.join()
    timer.join()
    assert dump(flow, "journal") == journal_of_log(flow)


def test_catching_up_does_not_wait_for_ever(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    (action_id,) = paid_notes(flow, sandbox, 1)
    Picky.poison = {(action_id, 1)}
    folding = Folding(flow, [Picky()])
    with pytest.raises(ViewsBehind, match="picky"):
        folding.catch_up(timeout_s=0.05)


def test_catching_up_waits_for_what_is_committed_but_not_final(
    postgres_dsn: str, sandbox: SandboxGateway
) -> None:
    """Somebody has appended and is still open, so nothing behind it may be read yet."""
    with open_wall(postgres_dsn, {"sandbox": sandbox}) as flow:
        folding = Folding(flow, [Earned()])
        with psycopg.connect(postgres_dsn) as other:
            other.execute(
                "insert into paidflow_events (originator_id, originator_version, topic, state,"
                " event_id, command_id, correlation_id, recorded_at)"
                " values ('open', 1, 'foreign@1', '', 'e', 'c', 'c', now())"
            )
            paid_notes(flow, sandbox, 1)
            with pytest.raises(ViewsBehind, match="earned"):
                folding.catch_up(timeout_s=0.1)
            assert dump(flow, "earned") == []
            other.rollback()
        folding.catch_up()
        assert dump(flow, "earned") == [repr({"actor": "ann", "notes": 1, "sats": 10})]


def test_a_worker_folds(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    folding = Folding(flow, [Journal()])
    worker = Worker(flow, folding=folding)
    paid_notes(flow, sandbox, 1)
    assert worker.run_until_idle() > 0
    assert dump(flow, "journal") == journal_of_log(flow)
    assert worker.run_once() == 0


# Processes that are killed.

HANG = """
import sys, time
from paidflow import Folding
from paidflow.payments.sandbox import SandboxGateway
from tests.views.support import Journal
from tests.wall import open_wall

class Hanging(Journal):
    def apply(self, tx, batch):
        super().apply(tx, batch)
        print("inside", flush=True)
        time.sleep(600)

gateways = {"sandbox": SandboxGateway(":memory:", sandbox=True)}
flow = open_wall(sys.argv[1], gateways, create=False)
Folding(flow, [Hanging()], page=7).run_until_idle()
"""


def test_another_takes_over_when_the_first_is_killed(
    store_url: str, flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    load(flow, sandbox, clock, steps=60)
    folding = Folding(flow, [Journal()], page=7)
    folding.run_once()
    before = dump(flow, "journal")
    first = subprocess.Popen(
        [sys.executable, "-c", HANG, store_url], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "inside\n"
        done: list[Sequence[str]] = []
        second = threading.Thread(target=take_over, args=(flow, folding, done))
        second.start()
        time.sleep(0.3)
        assert dump(flow, "journal") == before, "the first is still at work"
        first.send_signal(signal.SIGKILL)
        second.join(TAKE_OVER_S)
        assert not second.is_alive()
    finally:
        first.kill()
        first.wait()
        first.communicate()
    assert done == [journal_of_log(flow)]


def take_over(flow: PaidFlow, folding: Folding, done: list[Sequence[str]]) -> None:
    """Go on until the view is whole; on SQLite the first call waits for the writer's lock."""
    give_up_at = time.monotonic() + TAKE_OVER_S + 5
    while dump(flow, "journal") != journal_of_log(flow) and time.monotonic() < give_up_at:
        if not folding.run_once():
            time.sleep(0.01)
    done.append(dump(flow, "journal"))


def test_views_are_created_by_one_of_many(store_url: str, tmp_path: Path) -> None:
    bank = SandboxGateway(":memory:", sandbox=True)
    flow = open_wall(store_url, {"sandbox": bank})
    wrong: list[BaseException] = []

    def create() -> None:
        try:
            Folding(flow, [Journal(), Earned()])
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lags = Folding(flow, [Journal()]).lag()
    flow.close()
    assert wrong == []
    assert [lag.state for lag in lags] == ["live", "live"]


def test_another_program_keeps_to_the_pause(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    """A pause is a moment by the flow's clock, kept in the row: another process keeps to it."""
    (action_id,) = paid_notes(flow, sandbox, 1)
    Picky.poison = {(action_id, 1)}
    Folding(flow, [Picky()], pause_s=60).run_until_idle()
    other = Folding(flow, [Picky()], pause_s=0, create=False)
    assert other.run_once() == 0
    assert Picky.raised[action_id, 1] >= 1
    before = Picky.raised[action_id, 1]
    clock.tick(60)
    Picky.poison = set()
    other.run_until_idle()
    assert Picky.raised[action_id, 1] == before
    assert dump(flow, "picky") == journal_of_log(flow)
