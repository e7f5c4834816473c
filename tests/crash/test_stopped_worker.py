"""A worker that is stopped past its lease and wakes up again, and one that is asked to end."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest

from tests.crash.cells import Cells, Point
from tests.crash.child import Job
from tests.crash.scripts import OWED
from tests.crash.world import Place, SharedClock

LEASE_S = 61
STOPPED, OTHER = 3, 4
IDLE_MS = (50, 500, 5000)
"""When PostgreSQL ends an idle session; a slow process needs more to get there at all."""

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


def _stop_and_wake(
    cells: Cells, script: str, point: Point, timeouts_ms: tuple[int, ...] = (0,)
) -> None:
    """SIGSTOP; the lease runs out, another worker takes over and finishes; SIGCONT."""
    for timeout_ms in timeouts_ms:
        place = _situation(cells, script)
        own = replace(place, url=f"{place.url} {_timeout(timeout_ms)}") if timeout_ms else place
        job = cells.job("work", script, own, seed=STOPPED, at=point[:2], signal=signal.SIGSTOP)
        pid, status = cells.zygote.start(job)
        if os.WIFSTOPPED(status):
            break
    else:
        raise AssertionError(f"never came to {point}")
    try:
        assert cells.signalled(job) == list(point[:2])
        if timeout_ms:
            cells.ground.wait_for_the_idle()  # while it holds its locks, others find nothing
        SharedClock(place.clock).tick(LEASE_S)
        wrong = cells.run(cells.job("heal", script, place, seed=OTHER))["wrong"]
    finally:
        _, status = cells.zygote.resume(pid)
    cells.read(job, status, ends=0)
    assert (point, wrong) == (point, [])
    assert (point, cells.heal(script, place)) == (point, [])


def _timeout(milliseconds: int) -> str:
    return f"options='-c idle_in_transaction_session_timeout={milliseconds}'"


@pytest.mark.parametrize("script", OWED)
def test_a_stopped_worker_does_no_harm_when_it_wakes(cells: Cells, script: str) -> None:
    for point in _points(cells, script):
        if not point.inside:  # there it would hold locks, and all others would wait for it
            _stop_and_wake(cells, script, point)


@pytest.mark.parametrize("script", OWED)
def test_a_worker_is_stopped_inside_a_transaction(postgres_cells: Cells, script: str) -> None:
    """PostgreSQL ends its session, which rolls back; it wakes with a broken connection."""
    inside = [point for point in _points(postgres_cells, script) if point.inside]
    for point in inside[::2]:
        _stop_and_wake(postgres_cells, script, point, IDLE_MS)


@pytest.mark.parametrize("script", OWED)
def test_a_terminated_worker_ends_cleanly(cells: Cells, script: str) -> None:
    """SIGTERM in the middle of work: exit code 0, nothing leased, nothing broken off."""
    for point in _points(cells, script)[::3]:
        place = _situation(cells, script)
        job = cells.job("work_forever", script, place, at=point[:2], signal=signal.SIGTERM)
        cells.run(job, ends=0)
        assert (point, cells.run(_look(job))["leased"]) == (point, 0)
        assert (point, cells.heal(script, place)) == (point, [])


def _look(job: Job) -> Job:
    return Job("look", job.script, job.place, job.report, seed=OTHER)
