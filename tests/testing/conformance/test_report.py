"""The report on checks, and the tables that are made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paidflow.testing.conformance import GatewayConformance
from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.table import BEGIN, END, demands, main, read, tables

pytest_plugins = ["pytester"]

SUITE = """
    import pytest
    from paidflow.testing.conformance import cannot_be_arranged
    from paidflow.testing.conformance.checks import Checks
    from paidflow.testing.conformance.steps import not_supported

    class TestIt(Checks):
        gateway_name = "it, for short"

        @pytest.fixture
        def broken_before(self):
            raise RuntimeError

        @pytest.fixture
        def broken_after(self):
            yield
            raise RuntimeError

        def test_good(self): pass
        def test_bad(self): assert 1 == 2
        def test_before(self, broken_before): pass
        def test_after(self, broken_after): pass
        def test_alone(self): not_supported("money")
        def test_far(self): cannot_be_arranged("rain: much of it")
        @pytest.mark.parametrize("n", [1, 2])
        def test_both(self, n): assert n == 1

    def test_of_something_else(): pass
"""
FOUND = {
    "test_good": "passed",
    "test_bad": "failed",
    "test_before": "failed",
    "test_after": "failed",
    "test_alone": "not supported: money",
    "test_far": "cannot be arranged: rain: much of it",
    "test_both[1]": "passed",
    "test_both[2]": "failed",
}


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_what_is_written_down(pytester: pytest.Pytester, workers: list[str]) -> None:
    pytester.makepyfile(SUITE)
    pytester.runpytest_subprocess("--conformance-report", "it.json", *workers)
    report = json.loads((pytester.path / "it.json").read_text())
    assert report == {"it, for short": FOUND}


def test_nothing_is_written_unasked(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    pytester.runpytest_subprocess()
    assert list(pytester.path.glob("*.json")) == []


def test_a_table(tmp_path: Path) -> None:
    files = []
    for name, outcomes in {
        "one": {"test_pay_settles": "passed", "test_capture_twice[a]": "passed"},
        "two": {
            "test_pay_settles": "failed",
            "test_capture_twice[a]": "not supported: hold",
            "test_capture_twice[b]": "failed",
            "test_capture_twice[c]": "not supported: hold",
        },
    }.items():
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps({name: outcomes}))
    rows = {row.split("|")[1].strip(): row.split("|")[3:-1] for row in _rows(tables(read(files)))}
    assert rows["check"] == [" one ", " two "]
    assert rows["`test_pay_settles`"] == [" passed ", " failed "]
    assert rows["`test_capture_twice`"] == [" passed ", " failed 1, not supported 2 "]
    assert rows["`test_pay_twice`"] == [" not run ", " not run "]


def test_it_is_put_between_the_marks(tmp_path: Path) -> None:
    page, report = tmp_path / "page.md", tmp_path / "report.json"
    report.write_text("{}")
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    for _ in range(2):
        main([str(report), "--into", str(page)])
        assert page.read_text() == f"before\n{BEGIN}\n{tables({})}\n{END}\nafter\n"


def test_every_check_says_what_it_demands() -> None:
    topics = [topic for topic in GatewayConformance.__bases__ if issubclass(topic, Checks)]
    found = {check: said for topic in topics for check, said in demands(topic).items()}
    assert len(found) == sum(len(demands(topic)) for topic in topics) >= 60
    assert [check for check, said in found.items() if not said.endswith(".")] == []
    assert all(topic.topic for topic in topics)


def _rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]
