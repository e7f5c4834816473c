"""A warm process without connections or threads that forks one child for each job.

It reads one request a line, and answers one line: ``start {job}`` and ``continue {pid}`` give pid
and wait status of the child when it ends or stops.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from typing import Self

import psycopg_pool  # noqa: F401  warm

from paidflow.store import postgres, sqlite  # noqa: F401  warm
from tests.crash.child import Job, run_job


class Zygote:
    """The parent's side: starts children one at a time."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def start(self, job: Job) -> tuple[int, int]:
        """Run a job; returns pid and wait status when the child has ended or stopped."""
        return self._ask(f"start {job.to_json()}")

    def resume(self, pid: int) -> tuple[int, int]:
        """Send SIGCONT to a child that has stopped."""
        return self._ask(f"continue {pid}")

    def _ask(self, line: str) -> tuple[int, int]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        pid, status = json.loads(self._process.stdout.readline())
        return pid, status


def _fork(job: Job) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        os.dup2(2, 1)  # our standard output belongs to the answers
        code = run_job(job)
    except BaseException:
        code = 2
    finally:
        os._exit(code)


def main() -> None:
    """Serve until the other side closes the line."""
    gc.freeze()
    stopped: set[int] = set()
    for line in sys.stdin:
        word, _, rest = line.partition(" ")
        if word == "start":
            pid = _fork(Job.from_json(rest))
        else:
            pid = int(rest)
            os.kill(pid, signal.SIGCONT)
        _, status = os.waitpid(pid, os.WUNTRACED)
        stopped.add(pid) if os.WIFSTOPPED(status) else stopped.discard(pid)
        print(json.dumps([pid, status]), flush=True)
    for pid in stopped:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
