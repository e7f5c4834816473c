"""Failed payments that are tried again by themselves, and those that their owner is told about."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from paidflow.correlation import about
from paidflow.errors import Conflict, GatewayUnavailable, InvalidConfiguration
from paidflow.flow.paid_flow import PaidFlow
from paidflow.tasks import PeriodicTask

logger = logging.getLogger("paidflow.tasks")

PAGE = 100


@dataclass(frozen=True, slots=True)
class AutomaticRetry:
    """Which failed payments are tried again by themselves.

    Never those of logged-out people, never what the payer has cancelled, and nothing that waits
    for a person.

    Args:
        kinds: only actions of these kinds.
        after: how long it is left alone after it has failed.
        within: how long after that it is not tried again any more.
        times_max: how often it is tried again; tries of its owner count, and so do those of ``run``
            that raised since it failed last.

    Raises:
        InvalidConfiguration: when there is no time between ``after`` and ``within``.
    """

    kinds: Collection[str]
    after: timedelta = timedelta(minutes=1)
    within: timedelta = timedelta(hours=1)
    times_max: int = 5

    def __post_init__(self) -> None:
        if not timedelta() <= self.after < self.within:
            raise InvalidConfiguration("what is tried again must be left alone for a shorter time")

    def run(self, flow: PaidFlow) -> int:
        """Try again what has failed a while ago; any number of processes may do it at once.

        Returns:
            How many payments were tried again.
        """
        with flow.store.reading() as tx:
            rows = tx.query("select_failed", **self._due(flow.clock.now())).fetchall()
        return sum(_retried(flow, row["action_id"], row["actor"]) for row in rows)

    def task(self) -> PeriodicTask:
        """What a worker runs for it."""
        return PeriodicTask("automatic retry", self.after or timedelta(seconds=1), self.run)

    def _due(self, now: datetime) -> dict[str, Any]:
        since, until = now - self.within, now - self.after
        window = {"since": since, "until": until, "beginning": since, "limit": PAGE}
        return {"actor": None, "again": True, **window, **parameters(self, now)}


def parameters(retry: AutomaticRetry | None, now: datetime) -> dict[str, Any]:
    """The parameters of ``tried_again(alias)`` in a query.

    Args:
        retry: what is tried again; ``None`` for nothing.
        now: the moment of the question.
    """
    return {
        "retried_kinds": f" {'  '.join(retry.kinds)} " if retry else "",
        "retried_since": now - retry.within if retry else now,
        "retried_times_max": retry.times_max if retry else 0,
    }


def _retried(flow: PaidFlow, action_id: str, actor: str) -> bool:
    try:
        return flow.retry(action_id, actor=actor).changed
    except (Conflict, GatewayUnavailable) as error:  # somebody was faster, or nobody can be asked
        logger.info("retry of %s: %s", action_id, error.code, extra=about(action_id))
    except Exception as error:
        if flow.store.passing(error):
            raise
        logger.warning("retry of %s failed", action_id, exc_info=error, extra=about(action_id))
        with flow.store.transaction("retry_in_vain") as tx:
            tx.query("count_vain_retry", action_id=action_id)
    return False
