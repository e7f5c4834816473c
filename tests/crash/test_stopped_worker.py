"""A worker that is stopped past its lease and wakes up again, and one that is asked to end."""

from __future__ import annotations

import os
import signal

import pytest

from tests.crash.cells import Cells, Point
from tests.crash.child import Job
from tests.crash.scripts import SCRIPTS
from tests.crash.world import Place, SharedClock

LEASE_S = 61
OTHER = 3

SITUATIONS = tuple(name for name in SCRIPTS if name.startswith("owes_"))
POINTS_MIN = 6


def _situation(cells: Cells, script: str) -> Place:
    place = cells.ground.fresh()
    cells.run(cells.job("script", script, place))
    return place


def _points(cells: Cells, script: str) -> list[Point]:
    """All points that a worker reaches in this situation after it has started."""
    place = _situation(cells, script)
    told = cells.run(cells.job("work", script, place))["points"]
    cells.ground.clear(place)
    points = [Point(*point) for point in told]
    points = [point for point in points if not point.name.startswith("embedder.")]
    assert len(points) >= POINTS_MIN
    return points


@pytest.mark.parametrize("script", SITUATIONS)
def test_a_stopped_worker_does_no_harm_when_it_wakes(cells: Cells, script: str) -> None:
    """SIGSTOP; the lease runs out, another worker takes over and finishes; SIGCONT.

    A process that is stopped inside a transaction keeps its locks, so all others wait for it;
    on PostgreSQL that is what idle_in_transaction_session_timeout is for.
    """
    points = [point for point in _points(cells, script) if not point.inside]
    for point in points:
        place = _situation(cells, script)
        job = cells.job("work", script, place, seed=OTHER, at=point[:2], signal=signal.SIGSTOP)
        pid, status = cells.zygote.start(job)
        assert os.WIFSTOPPED(status), point
        assert cells.signalled(job) == list(point[:2])
        try:
            SharedClock(place.clock).tick(LEASE_S)
            wrong = cells.run(cells.job("heal", script, place, seed=4))["wrong"]
        finally:
            _, status = cells.zygote.resume(pid)
        cells.read(job, status, ends=0)
        assert (point, wrong) == (point, [])
        assert (point, cells.heal(script, place)) == (point, [])


@pytest.mark.parametrize("script", SITUATIONS)
def test_a_terminated_worker_ends_cleanly(cells: Cells, script: str) -> None:
    """SIGTERM in the middle of work: exit code 0, nothing leased, nothing broken off."""
    for point in _points(cells, script):
        place = _situation(cells, script)
        job = cells.job("work_forever", script, place, at=point[:2], signal=signal.SIGTERM)
        cells.run(job, ends=0)
        assert (point, cells.run(_look(job))["leased"]) == (point, 0)
        assert (point, cells.heal(script, place)) == (point, [])


def _look(job: Job) -> Job:
    return Job("look", job.script, job.place, job.report, seed=OTHER)
