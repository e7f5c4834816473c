"""One cell: a process is killed at one point, the next one heals, and all invariants hold."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Any, NamedTuple

from tests.crash.child import Job
from tests.crash.ground import Ground
from tests.crash.world import Place
from tests.crash.zygote import Zygote

HEALER = 2


class Point(NamedTuple):
    """A place in a script where the process can die.

    Args:
        name: ``flow.step.before`` or ``flow.step.after``.
        occurrence: 1 when it is reached for the first time.
        inside: whether a database transaction is open there.
    """

    name: str
    occurrence: int
    inside: bool


class Cells:
    """Runs cells on one ground.

    Args:
        zygote: starts the processes.
        ground: where.
    """

    def __init__(self, zygote: Zygote, ground: Ground) -> None:
        self.zygote = zygote
        self.ground = ground
        self._points: dict[str, list[Point]] = {}

    def job(self, do: str, script: str, place: Place, **more: Any) -> Job:
        """A job whose report this ground reads."""
        return Job(do, script, place, self.ground.report, **more)

    def run(self, job: Job, *, ends: int | None = 0) -> dict[str, Any]:
        """Run a job to its end; it must end with this exit code, or with this signal if negative.

        Without ``ends`` it must either be killed or be done.

        Returns:
            Its report.
        """
        _, status = self.zygote.start(job)
        return self.read(job, status, ends=ends)

    def signalled(self, job: Job) -> list[Any]:
        """At which point the job got its signal."""
        with open(job.report, encoding="utf-8") as file:
            told = json.load(file)
        os.unlink(job.report)
        return told["signalled_at"]

    def read(self, job: Job, status: int, *, ends: int | None) -> dict[str, Any]:
        """Check how a job has ended and read its report."""
        with open(job.report, encoding="utf-8") as file:
            told: dict[str, Any] = json.load(file)
        os.unlink(job.report)
        wanted = (0, -signal.SIGKILL) if ends is None else (ends,)
        assert os.waitstatus_to_exitcode(status) in wanted, f"{job}: {status}\n{told.get('error')}"
        return told

    def dry_run(self, script: str) -> list[Point]:
        """All points that a script reaches, in order, when nobody kills it; and all is well."""
        if script not in self._points:
            place = self.ground.fresh()
            points = self.run(self.job("script", script, place))["points"]
            assert self.heal(script, place) == []
            self._points[script] = [Point(*point) for point in points]
        return self._points[script]

    def kill(self, script: str, point: Point, *, pays: bool, replays: bool) -> list[str]:
        """One cell; the process is a fork.

        Returns:
            What is wrong afterwards.
        """
        place = self.ground.fresh()
        job = self.job("script", script, place, at=point[:2])
        told = self.run(job, ends=-signal.SIGKILL)
        assert told["signalled_at"] == list(point[:2]), told
        self.ground.wait_for_the_dead()
        return self.heal(script, place, pays=pays, replays=replays)

    def kill_fresh(self, script: str, point: Point) -> list[str]:
        """One cell; the process is a fresh interpreter, started like a program."""
        place = self.ground.fresh()
        job = self.job("script", script, place, at=point[:2])
        program = [sys.executable, "-m", "tests.crash.child", job.to_json()]
        code = subprocess.run(program, check=False).returncode
        assert (code, self.signalled(job)) == (-signal.SIGKILL, list(point[:2]))
        self.ground.wait_for_the_dead()
        return self.heal(script, place, pays=True, replays=True)

    def heal(
        self, script: str, place: Place, *, pays: bool = False, replays: bool = False
    ) -> list[str]:
        """Restart: a new process on the same place does what is owed.

        Returns:
            What is wrong afterwards.
        """
        job = self.job("heal", script, place, seed=HEALER)
        told = self.run(replace(job, pays=pays, replays=replays))
        self.ground.clear(place)
        return told["wrong"]
