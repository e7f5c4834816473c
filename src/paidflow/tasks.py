"""Periodic tasks: what has to be done again and again, by whoever runs a worker."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from paidflow.errors import InvalidConfiguration
from paidflow.flow.paid_flow import PaidFlow

logger = logging.getLogger("paidflow.tasks")

TRY_AGAIN = timedelta(minutes=1)
"""How long a task that raised is left alone, unless it is due before."""


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """Something that has to be done again and again.

    Every process with a worker does it, also at the same moment and right after its start. So it
    must do no harm to do it twice: actions with idempotency keys, claims, conditions in the WHERE.

    Args:
        name: what it is called in the log.
        every: how long after one time the next one is due.
        run: does it; returns how much there was to do, 0 for nothing.

    Raises:
        InvalidConfiguration: when ``every`` is not more than zero.
    """

    name: str
    every: timedelta
    run: Callable[[PaidFlow], int]

    def __post_init__(self) -> None:
        if self.every <= timedelta():
            raise InvalidConfiguration(f"the task {self.name} needs a time between its runs")


class Tasks:
    """Runs periodic tasks when they are due.

    Args:
        flow: what they work on; its clock says when they are due.
        tasks: the tasks.
    """

    def __init__(self, flow: PaidFlow, tasks: Sequence[PeriodicTask]) -> None:
        self._flow = flow
        self._tasks = list(tasks)
        self._due: list[datetime | None] = [None for _ in self._tasks]

    def run_once(self) -> int:
        """Run what is due; one that raises does not keep the others from it.

        Returns:
            How much there was to do.
        """
        done, now = 0, self._flow.clock.now()
        for place, task in enumerate(self._tasks):
            due = self._due[place]
            if due is not None and now < due:
                continue
            self._due[place] = now + min(task.every, TRY_AGAIN)
            try:
                done += task.run(self._flow)
            except Exception as error:
                if self._flow.store.passing(error):
                    raise
                logger.error("the task %s raised", task.name, exc_info=error)
            else:
                self._due[place] = now + task.every
        return done
