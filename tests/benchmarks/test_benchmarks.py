"""Every side of the benchmarks does the whole job, and what is told about it is right."""

from __future__ import annotations

import json
import os
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from benchmarks.__main__ import SETTINGS
from benchmarks.cases import Case, Result, Size
from benchmarks.chart import chart
from benchmarks.databases import Databases
from benchmarks.figures import Spread, percentile
from benchmarks.forum.site import Site
from benchmarks.gateway import PAGE, NoopGateway, backlog_invoice
from benchmarks.loads import run_case
from benchmarks.loads.forum_pages import PAGES
from benchmarks.loads.job import JobNotDone
from benchmarks.loads.memory import resident_mb
from benchmarks.measures import CONTEXT, MEASURES
from benchmarks.output import lines_of, tables, write_json
from benchmarks.processor import own_seconds, server_seconds
from benchmarks.profile import own_time, round_trips
from benchmarks.rounds import Measure, Round, cases_of, order, outcomes, rounds_of, run_rounds
from benchmarks.sides import NAMES, side_class
from benchmarks.sides.base import Counts, Side
from benchmarks.sides.hand_written import HandWritten
from benchmarks.sides.with_paidflow import WithPaidflow
from benchmarks.threads import in_threads
from benchmarks.turns import Turns
from paidflow import Reader, Worker
from paidflow.payments.contract import Gateway
from tests.postgres_server import PostgresServer, Server

TINY = Size(
    rounds=1,
    rounds_max=1,
    seconds=None,
    invoices=20,
    backlog=20,
    calls=20,
    events=2_000,
    rows=400,
    pages=20,
    folded=1_000,
    items=90,
    acts=3,
    tree=10,
    hot_acts=20,
    memory_from=10,
    memory_to=20,
    count=20,
)
FORUM_LOADS = (*PAGES, "fold_zaps")
STEPWISE = [name for name in NAMES if name != "pgbench"]
LOADS = {
    "lifecycle": Case("", "lifecycle", threads=4),
    "zap": Case("", "zap", threads=4, items=7),
    "payout": Case("", "payout", threads=4, items=7),
    "credits": Case("", "credits", threads=4),
    "settle": Case("", "settle", processes=2),
    "backlog": Case("", "backlog", threads=4),
    "zap_backlog": Case("", "zap_backlog", threads=4, items=7),
    "full_log": Case("", "full_log", threads=4),
    "read": Case("", "read"),
    "read_all": Case("", "read_all"),
    "memory": Case("", "memory"),
    "fold": Case("", "fold"),
    "rebuild": Case("", "rebuild"),
    "scan": Case("", "scan"),
    "loop": Case("", "loop", tasks=7),
    **{load: Case("", load) for load in FORUM_LOADS},
}
EVERY = [
    replace(case, side=name)
    for name in NAMES
    for load, case in LOADS.items()
    if load in side_class(name).loads
]
FOLDING = ("fold", "rebuild", "scan")
LOG = """
    select count(*), count(distinct event_id), bool_and(coalesce(rising, true)) from (
        select event_id, notification_id > lag(notification_id) over (
            partition by originator_id order by originator_version) as rising
        from paidflow_events) log
"""
OURS = Case("ours", threads=2)
THEIRS = Case("theirs", threads=2)
WORKER = Case("worker", "memory")
TWICE = Measure("t", "twice", (OURS, THEIRS), lambda r: r[OURS].rate / r[THEIRS].rate, 1.5, 3)


def result(case: Case, round_: int, done: int) -> Result:
    return Result(case, round_, done, seconds=2.0, client_cpu=1.0, server_cpu=0.5)


@pytest.fixture(scope="module")
def databases(postgres_server: Server) -> Iterator[Databases]:
    with Databases(postgres_server) as opened:
        yield opened


@pytest.mark.parametrize("case", EVERY, ids=lambda case: f"{case.side}-{case.load}")
def test_a_side_does_the_job(databases: Databases, case: Case) -> None:
    # run_case compares what is in the tables with what was asked for.
    done = run_case(databases, case, TINY, 0).done
    assert done >= TINY.folded / 4 if case.load in FOLDING else done == 20


@pytest.mark.parametrize("name", STEPWISE)
def test_nothing_is_paid_or_seen_before_it_is_settled(postgres_dsn: str, name: str) -> None:
    with closing(side_class(name)(postgres_dsn, 2)) as side:
        side.create(items=1, purses=0)
        invoices = [side.perform(n) for n in range(3)]
        assert side.counts() == Counts(0, 0)
        side.settle(invoices[1])
        side.settle(invoices[1])
        assert side.counts() == Counts(1, 1)


@pytest.mark.parametrize("load", ["lifecycle", "zap", "backlog", "zap_backlog"])
def test_a_side_that_skips_work_is_found_out(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, load: str
) -> None:
    monkeypatch.setattr(HandWritten, "settle", lambda self, invoice_id: None)
    with pytest.raises(JobNotDone):
        run_case(databases, replace(LOADS[load], side="hand_written"), TINY, 0)


def test_a_page_that_is_not_full_is_found_out(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WithPaidflow, "read_page", lambda self, after, ruled: 49)
    with pytest.raises(JobNotDone):
        run_case(databases, replace(LOADS["read"], side="paidflow"), TINY, 0)


@pytest.mark.parametrize(("load", "page"), [("hot", "hot"), ("tree", "bare_tree")])
def test_a_page_of_a_forum_that_is_not_full_is_found_out(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, load: str, page: str
) -> None:
    monkeypatch.setattr(Site, page, lambda self, n: 3)
    with pytest.raises(JobNotDone):
        run_case(databases, replace(LOADS[load], side="paidflow"), TINY, 0)


def test_acts_that_are_not_folded_are_found_out(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Site, "counted_msats", lambda self: 3)
    with pytest.raises(JobNotDone):
        run_case(databases, replace(LOADS["fold_zaps"], side="paidflow"), TINY, 0)


def test_every_side_waits_until_its_commits_are_on_disk() -> None:
    syncs = "select sum(fsyncs) from pg_stat_io where object = 'wal'"
    with PostgresServer(fsync=True, settings=SETTINGS) as server, Databases(server) as databases:
        for name in STEPWISE:
            with databases.fresh(name, 1) as side, psycopg.connect(side.dsn) as connection:
                connection.autocommit = True
                before = _stable(connection, syncs)
                for n in range(10):
                    side.settle(side.perform(n))
                side.close()
                # Two transactions for each; nobody else is there to share a write with.
                assert _stable(connection, syncs) - before >= 20, name


def _stable(connection: psycopg.Connection, query: str) -> int:
    """What a statistic says when it has come to rest: sessions report when they end."""
    values = [-1]
    while len(values) < 3 or len(set(values[-3:])) > 1:
        time.sleep(0.2)
        values.append(int((connection.execute(query).fetchone() or (0,))[0]))
    return values[-1]


def test_a_full_log_is_like_one_that_was_written(databases: Databases) -> None:
    with (
        databases.full("paidflow", 1, events=TINY.events, rows=TINY.rows) as side,
        psycopg.connect(side.dsn) as connection,
    ):
        assert isinstance(side, WithPaidflow)
        counted, distinct, ordered = connection.execute(LOG).fetchone() or (0, 0, False)
        assert counted == distinct >= TINY.events
        assert ordered
        actions = "select action_id, actor, state from paidflow_actions order by action_id"
        found = connection.execute(actions).fetchall()
        paid = {action_id for action_id, _, state in found if state == "PAID"}
        assert len(found) >= TINY.rows
        assert len(found) * 0.9 < len(paid) < len(found)
        # The oldest ones are copies.
        for action_id, who, state in found[:40]:
            assert side.flow.get(action_id, actor=who).state == state
            history = side.flow.history(action_id, actor=who)
            assert [entry.version for entry in history] == list(range(1, len(history) + 1))
        seen = Reader(side.flow).select("select id from posts where visible(posts.id)", viewer=None)
        assert {row["id"] for row in seen} == paid
        assert Worker(side.flow).run_once() == 0


def test_copies_of_a_backlog_are_settled_like_any_other(postgres_dsn: str) -> None:
    with closing(side_class("paidflow")(postgres_dsn, 1)) as side:
        assert isinstance(side, WithPaidflow)
        side.create(items=3, purses=0)
        side.fill_backlog(9, items=3)
        assert side.counts() == Counts(0, 0, 0)
        receipt = side.flow.sync("noop", backlog_invoice(4))
        assert receipt is not None
        assert receipt.state == "PAID"
        assert side.counts() == Counts(1, 1, 1)
        with psycopg.connect(postgres_dsn) as connection:
            assert connection.execute("select item from zaps").fetchall() == [(4 % 3,)]


def test_the_stream_tells_of_the_backlog_page_by_page() -> None:
    gateway = NoopGateway()
    assert gateway.updates(None).hints == ()
    gateway.told = PAGE + 2
    first = gateway.updates(None)
    second = gateway.updates(first.cursor)
    told = [hint.invoice_id for hint in (*first.hints, *second.hints)]
    assert told == [backlog_invoice(n) for n in range(PAGE + 2)]
    assert gateway.updates(second.cursor).hints == ()


def test_all_sides_use_one_gateway(postgres_dsn: str) -> None:
    assert isinstance(NoopGateway(), Gateway)
    for name in NAMES:
        with closing(side_class(name)(postgres_dsn, 1)) as side:
            assert isinstance(side, Side)
            assert type(side.gateway) is NoopGateway


def test_every_case_of_a_measure_can_be_run() -> None:
    for case in [*cases_of(MEASURES), *CONTEXT]:
        assert case.load in side_class(case.side).loads
    assert {case.side for case in [*cases_of(MEASURES), *CONTEXT]} == set(NAMES)


def test_a_case_of_two_measures_is_run_once_and_a_side_alone() -> None:
    assert cases_of([TWICE, TWICE]) == [OURS, THEIRS]
    assert cases_of([TWICE], {"theirs"}) == [THEIRS]


def test_rounds_alternate() -> None:
    third = Case("third")
    cases = [OURS, THEIRS, third]
    assert order(cases, 0) == order(cases, 2) == cases
    assert order(cases, 1) == [third, THEIRS, OURS]
    rounds = {OURS: 2, THEIRS: 3, third: 1}
    ran = run_rounds(rounds, lambda case, round_: result(case, round_, 1))
    assert [(r.round, r.case) for r in ran] == [
        *((0, case) for case in cases),
        (1, THEIRS),
        (1, OURS),
        (2, THEIRS),
    ]


def test_a_measure_may_ask_for_more_rounds_or_fewer() -> None:
    seven, one = replace(TWICE, rounds=7), replace(TWICE, rounds=1, cases=(OURS,))
    assert rounds_of([OURS], [TWICE], 5, 7) == {OURS: 5}
    assert rounds_of([OURS, THEIRS], [TWICE, seven], 5, 7) == {OURS: 7, THEIRS: 7}
    assert rounds_of([OURS], [one], 5, 7) == {OURS: 1}
    assert rounds_of([OURS], [seven], 3, 3) == {OURS: 3}
    assert rounds_of([Case("context")], [seven], 5, 7) == {Case("context"): 5}


def test_a_ratio_is_taken_within_a_round_before_its_median() -> None:
    pairs = [(10, 1), (20, 20), (300, 100)]
    results = [
        result(case, number, done)
        for number, pair in enumerate(pairs)
        for case, done in zip((OURS, THEIRS), pair, strict=True)
    ]
    (outcome,) = outcomes([TWICE], results)
    assert outcome.spread == Spread(3.0, 1.0, 10.0)
    assert outcome.rounds == 3
    assert outcomes([TWICE], [r for r in results if r.case == OURS]) == []


def test_what_is_reached() -> None:
    assert [TWICE.reached(value) for value in (1.4, 1.5, 3.0)] == ["no", "yes", "aim"]
    slow = replace(TWICE, required=2, aim=1.3, at_most=True)
    assert [slow.reached(value) for value in (2.1, 2.0, 1.3)] == ["no", "yes", "aim"]


def test_spread_and_percentile() -> None:
    assert Spread.of([4, 1, 2, 3]) == Spread(2.5, 1, 4)
    hundred = [float(n) for n in range(100, 0, -1)]
    assert percentile(hundred, 99) == 99
    assert percentile(hundred, 50) == 50
    assert percentile([7.0], 99) == 7


def test_threads_share_the_numbers_and_pass_on_what_is_raised() -> None:
    done, times, returned = in_threads(lambda n: n, 5, count=40, first=3)
    assert done == len(times) == 40
    assert sorted(map(int, map(str, returned))) == list(range(3, 43))
    assert in_threads(lambda n: n, 5, seconds=0.0)[0] == 0
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda n: 1 // (n - 5), 3, count=100)


def test_processor_time_is_read_from_proc() -> None:
    before = own_seconds()
    while own_seconds() - before < 0.05:
        sum(range(10_000))
    # This process and its children, which is what counts for a server, too.
    assert server_seconds(os.getpid()) > 0
    worker = subprocess.Popen(["sleep", "60"])
    try:
        assert server_seconds(worker.pid) < server_seconds(os.getpid())
    finally:
        worker.kill()
        worker.wait()


def test_memory_that_is_kept_is_seen() -> None:
    before = resident_mb()
    kept = bytearray(b"x" * 2**25)
    assert resident_mb() - before > 25
    assert len(kept) == 2**25


def test_what_is_printed_and_written(tmp_path: Path) -> None:
    results = [
        result(case, number, done + number)
        for number in range(2)
        for case, done in ((OURS, 400), (THEIRS, 200))
    ]
    results.append(replace(result(WORKER, 0, 9), grown_mb=4.5))

    def grown(done: Round) -> float:
        assert done[WORKER].grown_mb is not None
        return done[WORKER].grown_mb

    memory = Measure("m", "{backlog} done", (WORKER,), grown, 5, 0.5, at_most=True, unit=" MB")
    lines, found = lines_of(results, TINY), outcomes([TWICE, memory], results)
    text = tables(lines, found, TINY)
    assert "| lifecycle, 2 threads   | ours   | 200 (200-200)" in text
    assert "| t | twice   | 2.00 (2.00-2.00)    | 2" in text
    assert "| m | 20 done | 4.50 (4.50-4.50) MB | 1" in text
    write_json(tmp_path / "r.json", TINY, {"fsync": "on"}, results, found)
    told = json.loads((tmp_path / "r.json").read_text())
    assert [measure["reached"] for measure in told["measures"]] == ["yes", "yes"]
    assert [case["case"]["side"] for case in told["cases"]] == ["ours", "theirs", "worker"]
    assert [case["grown_mb"] for case in told["cases"]][:2] == [None, None]
    assert len(told["results"]) == 5
    picture = ET.fromstring(chart(lines, found, TINY))
    bars = [e for e in picture.iter() if e.tag.endswith("rect")]
    assert len(bars) == 4  # the ground and three sides
    goals = [e for e in picture.iter() if e.tag.endswith("circle")]
    assert len(goals) == 2
    assert "m  20 done: 4.50 (4.50 to 4.50) MB, at most 5, aim 0.5" in "".join(picture.itertext())


def test_round_trips_are_counted_at_the_socket(postgres_dsn: str) -> None:
    with (
        Turns(postgres_dsn) as turns,
        psycopg.connect(turns.dsn, autocommit=True) as connection,
    ):
        before = turns.count
        for _ in range(5):
            connection.execute("select 1")
        assert turns.count - before == 5
        with connection.pipeline():
            for _ in range(5):
                connection.execute("select 1")
        assert turns.count - before == 6


def test_a_hand_written_lifecycle_has_eight_round_trips(postgres_dsn: str) -> None:
    with closing(side_class("hand_written")(postgres_dsn, 1)) as side:
        side.create(items=1, purses=0)
    # Twice begin, two statements, commit.
    assert round_trips(postgres_dsn, "hand_written", 10) == 8


def test_a_profile_names_packages_and_functions(postgres_dsn: str) -> None:
    with closing(side_class("paidflow")(postgres_dsn, 1)) as side:
        side.create(items=1, purses=0)
        told = own_time(side, 3)
    assert "psycopg" in told
    assert "states/evolve.py" in told
