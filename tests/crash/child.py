"""One process of a crash test: it runs a script, or heals what a dead process has left.

It runs in a fork of `tests.crash.zygote`, or in a fresh interpreter:
``python -m tests.crash.child '{"do": ...}'``.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from paidflow import Worker, checkpoints
from paidflow.errors import CommitUnknown, PaidflowError
from tests.crash import invariants
from tests.crash.scripts import SCRIPTS, Script
from tests.crash.world import Place, World, open_world

SECONDS_MAX = 90
"""A process that takes longer is ended by SIGALRM, which fails its cell."""

TICKS_S = (0, 6, 62, 302, 602, 3602, 3602, 3602, 90_000)
"""Past hand-over, leases and creation deadline, back-off, the sweep, every hold, the watch."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one process is to do.

    Args:
        do: ``script``; ``heal``; ``look``; ``work`` and ``work_forever`` for a worker alone.
        script: the name of the script.
        place: what outlives the process.
        report: the file that it writes its report to.
        seed: for ids.
        at: the point at which it gets a signal, and the how-manieth time.
        signal: which signal.
        pays: heal: whether the payer pays everything that he was shown.
        replays: heal: whether the caller sends the request again, under the same key.
    """

    do: str
    script: str
    place: Place
    report: str
    seed: int = 1
    at: tuple[str, int] | None = None
    signal: int = signal.SIGKILL
    pays: bool = False
    replays: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        fields: dict[str, Any] = json.loads(text)
        at = fields.pop("at")
        return cls(place=Place(**fields.pop("place")), at=tuple(at) if at else None, **fields)


class Points:
    """Writes down every point that is reached, and sends the signal at one of them."""

    def __init__(self, job: Job, world: World | None = None) -> None:
        self.world = world
        self.reached: list[tuple[str, int, bool]] = []
        self._job = job
        self._count: Counter[str] = Counter()

    def __call__(self, name: str) -> None:
        self._count[name] += 1
        self.reached.append((name, self._count[name], checkpoints.in_transaction()))
        if self.world is not None and name in self.world.at:
            self.world.at.pop(name)()
        if (name, self._count[name]) == self._job.at:
            write_report(self._job, signalled_at=[name, self._count[name]])
            os.kill(os.getpid(), self._job.signal)


def write_report(job: Job, **told: Any) -> None:
    """Write the report, so that it outlives this process."""
    with open(job.report, "w", encoding="utf-8") as file:
        json.dump(told, file)


def run_job(job: Job) -> int:
    """Do a job; returns the exit code."""
    signal.alarm(SECONDS_MAX)
    logging.disable(logging.CRITICAL)  # gateways that are down are part of the story
    try:
        if job.do == "heal":
            write_report(job, **_heal(job))
        elif job.do == "look":
            write_report(job, leased=_leased(job))
        else:
            points = _run(job)
            write_report(job, points=points.reached)
    except Exception:
        write_report(job, error=traceback.format_exc()[-8000:])
        return 1
    return 0


def _run(job: Job) -> Points:
    points = Points(job)
    checkpoints.observe(points)
    try:
        told = SCRIPTS[job.script]
        world = open_world(job.place, job.seed, told.grace_s, receives=told.receives)
        points.world = world
        if job.do == "script":
            told.run(world, told.action)
        elif job.do == "work":
            with suppress(CommitUnknown):  # what ``run_forever`` survives
                Worker(world.flow).run_once()
        else:
            Worker(world.flow, poll_s=0.01).run_forever()
        world.close()
    finally:
        checkpoints.observe(None)
    return points


def _heal(job: Job) -> dict[str, Any]:
    """Start again after a death: the world goes on, workers do what is owed, all is checked."""
    told = SCRIPTS[job.script]
    world = open_world(job.place, job.seed, told.grace_s, receives=told.receives)
    wrong = [f"at the moment of death: {line}" for line in invariants.always(world)]
    world.sandbox.outage(False)
    if job.replays:
        _replay(world, told)
    if job.pays:
        _pay(world)
    for seconds in TICKS_S:
        world.clock.tick(seconds)
        world.end_payments(arrive=job.pays)
        world.work_until_quiet()
        if not any(invariants.unrest(world, told)):
            break
    if told.denies:
        world.sandbox.clear_faults()
        world.deny_payments(False)
        world.reconcile_payments()
        world.work_until_quiet()
    wrong += [f"at rest: {line}" for line in invariants.at_rest(world, told)]
    if job.replays:
        wrong += invariants.one_action_only(world, told)
    states = [status["state"] for status in invariants.statuses(world.flow)]
    world.close()
    return {"wrong": wrong, "states": states}


def _leased(job: Job) -> int:
    """How many actions are leased at this moment."""
    world = open_world(job.place, job.seed)
    rows = invariants.statuses(world.flow)
    world.close()
    return sum(row["leased_until"] is not None for row in rows)


def _replay(world: World, told: Script) -> None:
    if told.grants:
        world.grant()
    if told.earns:
        world.earn()
    if told.donates:
        world.donate()
    try:
        world.request(told.action, told.actor)
    except PaidflowError as error:  # a fault that is still queued up at the bank
        if not error.retryable:
            raise
        world.request(told.action, told.actor)


def _pay(world: World) -> None:
    """The payer pays what he may have been shown: invoices that are attached to an action."""
    shown = {row["invoice_id"] for row in invariants.attempts(world.flow)}
    for invoice_id in world.sandbox.payable_invoices():
        if invoice_id in shown:
            world.sandbox.pay(invoice_id)


if __name__ == "__main__":
    os._exit(run_job(Job.from_json(sys.argv[1])))
