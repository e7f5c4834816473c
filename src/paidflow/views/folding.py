"""Folding: keeps the views up to date that many actions share.

Any number of processes may run it on the same views. One at a time folds a view; when it dies,
another goes on where it stopped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from paidflow import checkpoints
from paidflow.errors import InvalidArguments, ViewsBehind
from paidflow.flow.paid_flow import PaidFlow
from paidflow.store.records import as_time
from paidflow.views.pages import SIZE
from paidflow.views.parking import Parked, Parking
from paidflow.views.projection import Projection, check_projections
from paidflow.views.runner import Runner

logger = logging.getLogger("paidflow.views")

WAIT_S = 0.002
"""How long to wait for another runner before looking again."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a version of a view is behind the log; a metric.

    Args:
        name: the view.
        version: its version.
        state: ``live``, or ``building`` beside the live one.
        position: the last position of the log that is in it.
        positions: how many positions it is behind; some may hold nothing.
        seconds: how long the first event that is not in it has waited; 0 if there is none.
        tries: how often the next event was tried in vain.
        parked: how many events are parked.
    """

    name: str
    version: int
    state: str
    position: int
    positions: int
    seconds: float
    tries: int
    parked: int


class Folding:
    """Folds the log into views, in batches, each event exactly once.

    Args:
        flow: whose log.
        projections: what to fold.
        page: how many events are folded in one transaction, 1 to 100,000.
        tries_max: how often an event that raises is tried before it is parked.
        pause_s: how long to wait after the first try; twice as long after each further one.
        create: whether to create the tables of views that are new.

    Raises:
        InvalidConfiguration: when a projection does not fit, with a sentence that says why.
    """

    def __init__(
        self,
        flow: PaidFlow,
        projections: Sequence[Projection],
        *,
        page: int = SIZE,
        tries_max: int = 5,
        pause_s: float = 1.0,
        create: bool = True,
    ) -> None:
        check_projections(projections)
        self._store = flow.store
        self._clock = flow.clock
        self._runners = [
            Runner(
                flow.store,
                flow.clock,
                projection,
                page=min(max(page, 1), 100_000),
                tries_max=max(tries_max, 1),
                pause_s=pause_s,
            )
            for projection in projections
        ]
        self._parking = Parking(flow.store, {r.projection.name: r for r in self._runners})
        if create:
            self.create()

    def create(self) -> None:
        """Create the tables of views and versions that are new."""
        with checkpoints.flow("folding"):
            for runner in self._runners:
                runner.create()

    def run_once(self) -> int:
        """Fold one page of every view; a version that was built becomes the live one.

        A view that cannot go on does not keep the others from it.

        Returns:
            How many positions the views went on.
        """
        done = 0
        with checkpoints.flow("folding"):
            upto = self._store.publish()
            for runner in self._runners:
                try:
                    done += runner.advance(upto)
                except Exception as error:
                    if self._store.passing(error):
                        raise
                    logger.error("%s waits", runner.projection.name, exc_info=error)
        return done

    def fold_page(self, name: str) -> int:
        """Fold one page of one view; what is raised comes out.

        Returns:
            How many positions the view went on.
        """
        with checkpoints.flow("folding"):
            return self.runner(name).advance(self._store.publish())

    def run_until_idle(self) -> int:
        """Fold until nothing is left to fold now; for tests and scripts.

        Returns:
            How many positions the views went on.
        """
        done = 0
        while now := self.run_once():
            done += now
        return done

    def catch_up(self, *names: str, timeout_s: float = 5.0) -> None:
        """Fold until everything that was committed before the call is in the live views.

        Args:
            names: the views; all of them by default.
            timeout_s: how long to try.

        Raises:
            ViewsBehind: when that did not happen in time.
        """
        give_up_at = time.monotonic() + timeout_s
        behind = [self.runner(name) for name in names] if names else self._runners
        target: int | None = None
        while True:
            with self._store.reading() as tx:
                if target is None:
                    ((target,),) = tx.fetch("select_last_committed")
                positions = dict(tx.fetch("select_live_positions"))
            behind = [r for r in behind if positions.get(r.projection.name, 0) < target]
            if not behind:
                return
            if time.monotonic() > give_up_at:
                raise ViewsBehind(", ".join(runner.projection.name for runner in behind))
            with checkpoints.flow("folding"):
                upto = self._store.publish()
                done = sum(runner.advance(upto) for runner in behind)
            if not done:
                time.sleep(WAIT_S)

    def position(self) -> int:
        """The last position of the log that is in all live views; for those who wait for it."""
        with self._store.reading() as tx:
            positions = dict(tx.fetch("select_live_positions"))
        return min((positions.get(r.projection.name, 0) for r in self._runners), default=0)

    def lag(self) -> list[Lag]:
        """How far each view is behind, also those of other programs; a metric."""
        with self._store.reading() as tx:
            rows = tx.query("select_lags").fetchall()
        now = self._clock.now()
        return [
            Lag(
                name=row["name"],
                version=row["version"],
                state=row["state"],
                position=row["position"],
                positions=max(row["behind"], 0),
                seconds=_seconds(now, as_time(row["since"])),
                tries=row["tries"],
                parked=row["parked"],
            )
            for row in rows
        ]

    def parked(self, *, limit: int = 50) -> list[Parked]:
        """The events that views could not fold, and those that wait behind them."""
        return self._parking.parked(limit)

    def retry(self, name: str, action_id: str) -> int:
        """Fold the parked events of an action, all or none; what is raised comes out.

        Returns:
            How many events were folded.
        """
        return self._parking.retry(name, action_id)

    def drop(self, name: str, action_id: str) -> int:
        """Give up the parked events of an action; only a rebuild will try them again.

        Returns:
            How many events were given up.
        """
        return self._parking.drop(name, action_id)

    def drop_retired(self) -> None:
        """Drop the tables of versions that were replaced."""
        for runner in self._runners:
            runner.drop_retired()

    def runner(self, name: str) -> Runner:
        """What folds a view.

        Raises:
            InvalidArguments: when there is no such view here.
        """
        for runner in self._runners:
            if runner.projection.name == name:
                return runner
        raise InvalidArguments(f"there is no view {name}")


def _seconds(now: datetime, since: datetime | None) -> float:
    return max((now - since).total_seconds(), 0.0) if since else 0.0
