"""Periodic tasks: when they are due, and what becomes of the others when one raises."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from paidflow import PaidFlow, PeriodicTask, Worker
from paidflow.errors import InvalidConfiguration
from paidflow.testing import ManualClock
from tests.wall import Note


class Diary:
    """Tasks that write down that they were done."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def task(self, name: str, *, minutes: int = 10, work: int = 0) -> PeriodicTask:
        def run(flow: PaidFlow) -> int:
            self.lines.append(name)
            return work

        return PeriodicTask(name, timedelta(minutes=minutes), run)

    def broken(self, name: str, minutes: int = 10) -> PeriodicTask:
        def run(flow: PaidFlow) -> int:
            self.lines.append(name)
            raise ValueError("a secret that must not be told twice")

        return PeriodicTask(name, timedelta(minutes=minutes), run)


def test_they_are_done_at_the_start_and_then_every_so_often(
    flow: PaidFlow, clock: ManualClock
) -> None:
    diary = Diary()
    worker = Worker(flow, tasks=[diary.task("often", minutes=1), diary.task("rarely")])
    for seconds in (0, 0, 59, 1, 59, 1, 8 * 60):
        clock.tick(seconds)
        worker.run_once()
    assert diary.lines == ["often", "rarely", "often", "often", "often", "rarely"]


def test_one_that_raises_keeps_nobody_waiting_and_is_tried_again(
    flow: PaidFlow, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    diary = Diary()
    worker = Worker(flow, tasks=[diary.broken("broken"), diary.task("other")])
    receipt = flow.perform(Note(text="free", price_sats=0), actor="ann")
    clock.tick(1)
    with caplog.at_level(logging.ERROR, "paidflow.tasks"):
        assert worker.run_once() >= 1
    assert diary.lines == ["broken", "other"]
    assert [record.getMessage() for record in caplog.records] == ["the task broken raised"]
    with flow.store.reading() as tx:
        row = tx.query("select_status", action_id=receipt.action_id).fetchone()
    assert row is not None
    assert row["owed"] is None
    clock.tick(59)
    worker.run_once()
    assert diary.lines == ["broken", "other"]
    clock.tick(1)
    worker.run_once()
    assert diary.lines == ["broken", "other", "broken"]


def test_what_they_do_counts_so_that_a_script_goes_on_until_it_is_done(flow: PaidFlow) -> None:
    worker = Worker(flow, tasks=[Diary().task("work", work=3)])
    assert worker.run_until_idle() == 3


def test_every_process_does_them(flow: PaidFlow) -> None:
    diary = Diary()
    for _ in range(2):
        Worker(flow, tasks=[diary.task("both")]).run_once()
    assert diary.lines == ["both", "both"]


def test_a_database_that_is_away_is_not_the_fault_of_a_task(flow: PaidFlow) -> None:
    class Away(Exception):
        pass

    def run(flow: PaidFlow) -> int:
        flow.store.passing = lambda error: isinstance(error, Away)  # pyright: ignore
        raise Away

    with pytest.raises(Away):
        Worker(flow, tasks=[PeriodicTask("x", timedelta(minutes=1), run)]).run_once()


@pytest.mark.parametrize("every", [timedelta(), timedelta(seconds=-1)])
def test_what_is_no_pause(every: timedelta) -> None:
    with pytest.raises(InvalidConfiguration, match="the task x needs a time"):
        PeriodicTask("x", every, lambda flow: 0)
