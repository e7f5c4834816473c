"""Every side of the benchmarks does the whole job, and what is told about it is right."""

from __future__ import annotations

import json
import os
import subprocess
import xml.etree.ElementTree as ET
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.cases import Case, Result, Size
from benchmarks.chart import chart
from benchmarks.figures import Spread, percentile
from benchmarks.gateway import NoopGateway
from benchmarks.loads import JobNotDone, in_threads, run_case
from benchmarks.measures import CONTEXT, MEASURES
from benchmarks.output import lines_of, tables, write_json
from benchmarks.processor import own_seconds, server_seconds
from benchmarks.rounds import Measure, cases_of, order, outcomes, run_rounds
from benchmarks.sides import NAMES, side_class
from benchmarks.sides.base import Counts, Side
from benchmarks.sides.hand_written import HandWritten
from paidflow.payments.contract import Gateway
from tests.postgres_server import Server

TINY = Size(rounds=1, seconds=None, backlog=20, calls=20, count=20)
STEPWISE = [name for name in NAMES if name != "pgbench"]
LOADS = {
    "lifecycle": Case("", "lifecycle", threads=4),
    "zap": Case("", "zap", threads=4, items=7),
    "credits": Case("", "credits", threads=4),
    "settle": Case("", "settle", processes=2),
}
EVERY = [
    replace(case, side=name)
    for name in NAMES
    for load, case in LOADS.items()
    if load in side_class(name).loads
]
OURS = Case("ours", threads=2)
THEIRS = Case("theirs", threads=2)
TWICE = Measure("t", "twice", (OURS, THEIRS), lambda r: r[OURS].rate / r[THEIRS].rate, 1.5, 3)


def result(case: Case, round_: int, done: int) -> Result:
    return Result(case, round_, done, seconds=2.0, client_cpu=1.0, server_cpu=0.5)


@pytest.mark.parametrize("case", EVERY, ids=lambda case: f"{case.side}-{case.load}")
def test_a_side_does_the_job(postgres_server: Server, case: Case) -> None:
    # run_case compares what is in the tables with what was asked for.
    assert run_case(postgres_server, case, TINY, 0).done == 20


@pytest.mark.parametrize("name", STEPWISE)
def test_nothing_is_paid_or_seen_before_it_is_settled(postgres_dsn: str, name: str) -> None:
    with closing(side_class(name)(postgres_dsn, 2)) as side:
        side.create(items=1, purses=0)
        invoices = [side.perform(n) for n in range(3)]
        assert side.counts() == Counts(0, 0)
        side.settle(invoices[1])
        side.settle(invoices[1])
        assert side.counts() == Counts(1, 1)


def test_a_side_that_skips_work_is_found_out(
    postgres_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HandWritten, "settle", lambda self, invoice_id: None)
    with pytest.raises(JobNotDone):
        run_case(postgres_server, Case("hand_written"), TINY, 0)


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
    ran = run_rounds(cases, 2, lambda case, round_: result(case, round_, 1))
    assert [(r.round, r.case) for r in ran] == [
        *((0, case) for case in cases),
        *((1, case) for case in reversed(cases)),
    ]


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


def test_what_is_printed_and_written(tmp_path: Path) -> None:
    results = [
        result(case, number, done + number)
        for number in range(2)
        for case, done in ((OURS, 400), (THEIRS, 200))
    ]
    lines, found = lines_of(results), outcomes([TWICE], results)
    text = tables(lines, found)
    assert "| lifecycle, 2 threads | ours   | 200 (200-200)" in text
    assert "| t | twice   | 2.00 (2.00-2.00) | 2" in text
    write_json(tmp_path / "r.json", TINY, {"fsync": "on"}, results, found)
    told = json.loads((tmp_path / "r.json").read_text())
    assert [measure["reached"] for measure in told["measures"]] == ["yes"]
    assert [case["case"]["side"] for case in told["cases"]] == ["ours", "theirs"]
    assert len(told["results"]) == 4
    picture = ET.fromstring(chart(lines))
    bars = [e for e in picture.iter() if e.tag.endswith("rect")]
    assert len(bars) == 3  # the ground and two sides
