"""A new version is built beside the live one, comes out the same, and nobody sees half of it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg
import pytest

from paidflow import Batch, Folding, PaidFlow, Worker, rebuild
from paidflow.actions.contract import HookTransaction
from paidflow.errors import InvalidArguments, RebuildStopped
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import Crash, ManualClock
from tests.views.support import (
    Earned,
    Earned2,
    Journal,
    Journal2,
    Picky,
    Picky2,
    dump,
    journal_of_log,
    load,
    paid_notes,
    standings,
    total,
)
from tests.wall import Note, open_wall

PAID = "select coalesce(sum(notes), 0) as n from earned"


@pytest.fixture(autouse=True)
def healthy() -> None:
    """Without poison."""
    Picky.poison, Picky.error, Picky.batches = set(), ValueError("the text of a person"), []


def test_a_rebuilt_view_has_the_same_bytes(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    folding = Folding(flow, [Journal(), Earned()], page=11)
    load(flow, sandbox, clock, steps=100, between=folding.run_once)
    folding.run_until_idle()
    new = Folding(flow, [Journal2(), Earned2()], page=17)
    seen: list[tuple[int, int]] = []
    rebuild(new, "journal", lambda done, last: seen.append((done, last)))
    rebuild(new, "earned")
    assert dump(flow, "journal_v2") == dump(flow, "journal_v1") == journal_of_log(flow)
    assert dump(flow, "earned_v2") == dump(flow, "earned_v1")
    assert len(dump(flow, "earned_v2")) > 1
    states = {"earned_v2": "live", "journal_v2": "live"}
    assert standings(new.lag()) == states, "those that were replaced are not shown"
    assert len(seen) > 5
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] == folding.lag()[0].position


def test_what_is_archived_is_folded_and_rebuilt(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    folding = Folding(flow, [Journal(), Earned()], page=11)

    def archive() -> None:
        clock.tick(1)
        flow.store.archive(clock.now())

    load(flow, sandbox, clock, steps=60, between=archive)
    folding.run_until_idle()
    load(flow, sandbox, clock, steps=60, seed=2, between=archive)
    with flow.store.reading() as tx:
        row = tx.execute("select count(*) as n from paidflow_events_archive").fetchone()
    assert row is not None
    assert row["n"] > 0
    folding.run_until_idle()
    new = Folding(flow, [Journal2(), Earned2()], page=17)
    rebuild(new, "journal")
    rebuild(new, "earned")
    assert dump(flow, "journal_v2") == dump(flow, "journal_v1") == journal_of_log(flow)
    assert dump(flow, "earned_v2") == dump(flow, "earned_v1")


def test_the_old_version_follows_while_the_new_one_is_built(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    old = Folding(flow, [Journal(), Earned()], page=5)
    load(flow, sandbox, clock, steps=60, between=old.run_once)
    new = Folding(flow, [Journal2(), Earned2()], page=5)
    states = {"journal_v1": "live", "journal_v2": "building"}
    assert states.items() <= standings(new.lag()).items()
    old.run_until_idle()
    new.run_once()
    assert dump(flow, "journal") == journal_of_log(flow) != dump(flow, "journal_v2")
    done = threading.Event()
    builder = threading.Thread(target=build, args=(new, done))
    builder.start()
    try:
        load(flow, sandbox, clock, steps=60, seed=2, between=old.run_once)
    finally:
        done.set()
        builder.join()
    new.run_until_idle()
    assert standings(new.lag()) == {"journal_v2": "live", "earned_v2": "live"}
    assert dump(flow, "journal") == dump(flow, "journal_v2") == journal_of_log(flow)


def build(folding: Folding, done: threading.Event) -> None:
    """Build until somebody says that it is enough."""
    while not done.is_set():
        folding.run_once()


def test_readers_never_see_half_of_it(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    """What is paid stays paid: the sum that readers see never falls, and no query fails."""
    Folding(flow, [Earned()]).run_until_idle()
    paid_notes(flow, sandbox, 30)
    old = Folding(flow, [Earned()])
    old.run_until_idle()
    sums, wrong, done = list[int](), list[BaseException](), threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                with flow.store.reading() as tx:
                    sums.append(total(tx, PAID))
        except BaseException as error:
            wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for version in range(2, 6):
            new = Folding(flow, [type("Next", (Earned,), {"version": version})()], page=4)
            rebuild(new, "earned")
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert set(sums) == {30}


def test_nobody_sees_the_view_go_back(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """The live version went on between the last page of the new one and the switch."""
    paid_notes(flow, sandbox, 3)
    old, new = Folding(flow, [Earned()]), Folding(flow, [Earned2()])
    old.run_until_idle()
    upto = flow.store.publish()
    paid_notes(flow, sandbox, 2)
    old.run_until_idle()
    before = dump(flow, "earned")
    new.runner("earned").advance(upto)
    assert standings(new.lag()) == {"earned_v2": "live"}
    assert dump(flow, "earned") == dump(flow, "earned_v2") == before


def test_a_version_that_is_far_behind_is_not_switched_to(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    paid_notes(flow, sandbox, 1)
    old, new = Folding(flow, [Journal()]), Folding(flow, [Journal2()], page=3)
    upto = flow.store.publish()
    paid_notes(flow, sandbox, 3)
    old.run_until_idle()
    for _ in range(upto):
        new.runner("journal").advance(upto)
    assert standings(new.lag()) == {"journal_v1": "live", "journal_v2": "building"}
    new.run_until_idle()
    assert dump(flow, "journal") == dump(flow, "journal_v2") == journal_of_log(flow)


def test_a_worker_builds_and_switches_by_itself(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    Folding(flow, [Earned()]).run_until_idle()
    paid_notes(flow, sandbox, 2)
    new = Folding(flow, [Earned2()], page=1)
    Worker(flow, folding=new).run_until_idle()
    assert standings(new.lag()) == {"earned_v2": "live"}
    assert dump(flow, "earned") == [repr({"actor": "ann", "notes": 2, "sats": 20})]


def test_a_long_reader_delays_the_switch_and_nothing_else(
    postgres_dsn: str, sandbox: SandboxGateway
) -> None:
    with open_wall(postgres_dsn, {"sandbox": sandbox}) as flow:
        Folding(flow, [Earned()]).run_until_idle()
        paid_notes(flow, sandbox, 1)
        new = Folding(flow, [Earned2(), Journal()])
        with psycopg.connect(postgres_dsn) as reader:
            assert reader.execute("select * from earned").fetchall() == []
            new.run_until_idle()
            assert standings(new.lag())["earned_v2"] == "building"
            assert dump(flow, "journal") == journal_of_log(flow)
            assert dump(flow, "earned") == []
        new.run_once()
        assert standings(new.lag())["earned_v2"] == "live"
        assert len(dump(flow, "earned")) == 1


def test_an_old_program_leaves_the_new_version_alone(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    old = Folding(flow, [Earned()])
    paid_notes(flow, sandbox, 1)
    old.run_until_idle()
    new = Folding(flow, [Earned2()])
    rebuild(new, "earned")
    before = dump(flow, "earned_v1")
    paid_notes(flow, sandbox, 1)
    assert old.run_once() == 0
    new.catch_up()
    old.catch_up()
    assert dump(flow, "earned_v1") == before != dump(flow, "earned")
    new.drop_retired()
    Folding(flow, [Earned()]).run_until_idle()
    assert standings(new.lag()) == {"earned_v2": "live"}
    with pytest.raises(RebuildStopped, match="no version 1"):
        rebuild(old, "earned")
    with flow.store.reading() as tx, pytest.raises(Exception, match="earned_v1"):
        tx.execute("select * from earned_v1")


def test_what_cannot_be_built_does_not_go_live(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    first, second = paid_notes(flow, sandbox, 2)
    Folding(flow, [Picky()]).run_until_idle()
    Picky.poison = {(second, 1)}
    new = Folding(flow, [Picky2()], tries_max=2, pause_s=0)
    with pytest.raises(RebuildStopped, match="events of picky are parked"):
        rebuild(new, "picky")
    new.run_until_idle()
    assert standings(new.lag()) == {"picky_v1": "live", "picky_v2": "building"}
    assert dump(flow, "picky") == journal_of_log(flow)
    Picky.poison = set()
    new.retry("picky", second)
    rebuild(new, "picky")
    assert standings(new.lag()) == {"picky_v2": "live"}
    assert dump(flow, "picky_v2") == journal_of_log(flow)
    assert first in dump(flow, "picky")[0] + dump(flow, "picky")[1]


def test_a_rebuild_that_died_goes_on(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    load(flow, sandbox, clock, steps=40)
    Folding(flow, [Journal()]).run_until_idle()
    pages: list[int] = []

    def build_and_die(die_at: int) -> None:
        class Dying(Journal2):
            def apply(self, tx: HookTransaction, batch: Batch) -> None:
                super().apply(tx, batch)
                pages.append(next(iter(batch)).position)
                if len(pages) % die_at == 0:
                    raise Crash

        rebuild(Folding(flow, [Dying()], page=4), "journal")

    assert died(lambda: build_and_die(3))
    assert died(lambda: build_and_die(4))
    rebuild(Folding(flow, [Journal2()], page=4), "journal")
    assert dump(flow, "journal_v2") == dump(flow, "journal_v1") == journal_of_log(flow)
    assert len(set(pages)) < len(pages), "the page at which it died was folded again"


def died(call: Callable[[], None]) -> bool:
    try:
        call()
    except Crash:
        return True
    return False


def test_a_first_version_is_live_at_once(flow: PaidFlow) -> None:
    flow.perform(Note(text="gm"), actor="ann")
    folding = Folding(flow, [Journal()])
    assert standings(folding.lag()) == {"journal_v1": "live"}
    assert dump(flow, "journal") == []
    rebuild(folding, "journal")
    assert dump(flow, "journal") != []
    with pytest.raises(InvalidArguments):
        rebuild(folding, "nothing")
