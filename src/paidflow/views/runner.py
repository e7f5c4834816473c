"""Folds one version of one view: a page at a time, each event exactly once.

How far the view is stands in its row of ``paidflow_projections``. It is compared and set in the
transaction that folds, so whatever dies, no event is folded twice or left out. On PostgreSQL a lock
that ends with the transaction keeps several runners from doing the same work; nothing is kept
in the session, so they may share connections through PgBouncer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from paidflow.clock import Clock
from paidflow.errors import UnknownEvent, UpcastMissing
from paidflow.store.contract import Store, Transaction
from paidflow.store.records import as_time
from paidflow.views.batch import Batch, Recorded
from paidflow.views.pages import Page, Pages, Rows
from paidflow.views.projection import Projection

logger = logging.getLogger("paidflow.views")


class Standing(NamedTuple):
    """How far a version of a view is."""

    name: str
    version: int
    state: str
    position: int
    tries: int
    retry_at: datetime | None


def to_standing(row: Mapping[str, Any] | None) -> Standing | None:
    """The standing that a database row holds."""
    if row is None:
        return None
    return Standing(
        name=row["name"],
        version=row["version"],
        state=row["state"],
        position=row["position"],
        tries=row["tries"],
        retry_at=as_time(row["retry_at"]),
    )


class Runner:
    """Folds one projection.

    Args:
        store: where the log and the view are.
        clock: the time, for pauses.
        projection: what to fold.
        page: how many events are folded in one transaction.
        tries_max: how often an event is tried before it is parked.
        pause_s: how long to wait after the first try; twice as long after each further one.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        projection: Projection,
        *,
        page: int,
        tries_max: int,
        pause_s: float,
    ) -> None:
        self.projection = projection
        self._store = store
        self._clock = clock
        self._pages = Pages(store, projection.topics, page)
        self._tries_max = tries_max
        self._pause_s = pause_s
        self.key = {"view": projection.name, "version": projection.version}

    def create(self) -> None:
        """Create what is missing: live if no version is, otherwise to be built beside it."""
        with self._store.transaction("create_view") as tx:
            if tx.query("insert_projection", **self.key).rowcount == 1:
                self.projection.create(tx)
                standing = self.standing(tx)
                if standing is not None and standing.state == "live":
                    self.projection.expose(tx, tx.dialect)

    def standing(self, tx: Transaction) -> Standing | None:
        """How far this version is; ``None`` when it does not exist."""
        return to_standing(tx.query("select_projection", **self.key).fetchone())

    def advance(self, upto: int) -> int:
        """Fold at most one page; a version that was built becomes the live one.

        Args:
            upto: the last position that may be read.

        Returns:
            How many positions the view went on; 0 also when another runner is at work.
        """
        with self._store.reading() as tx:
            s = self.standing(tx)
        if s is None or s.state == "retired" or self._pausing(s):
            return 0
        reached = s.position
        if s.position < upto:
            size = 1 if s.tries else None
            reached = self._fold(self._pages.next(s.position, upto, size), s.tries)
        if s.state == "building" and reached >= upto:
            self._try_to_switch()
        return reached - s.position

    def _fold(self, page: Page, tries: int) -> int:
        """Fold a page, in halves if it raises; returns the position that was reached."""
        try:
            return page.upto if self._commit(page) else page.after
        except Exception as error:
            if self._store.passing(error) or not page.rows:
                raise
            if len(page.rows) == 1:
                return self._in_vain(page, tries, error)
        first, second = page.halves()
        reached = self._fold(first, tries)
        return reached if reached < first.upto else self._fold(second, 0)

    def switch(self) -> bool:
        """Make a version that was built the live one.

        What the live one is ahead is folded in the same transaction, so that nobody sees the view
        go back.

        Returns:
            Whether it is live now; false when there is more than a page to fold, or something to
            look at among its parked events.
        """
        with self._store.transaction("switch_view") as tx:
            live = self._hold_live(tx)
            s = self.standing(tx)
            if s is None or s.state != "building" or tx.fetch("select_parked_actions", **self.key):
                return False
            if live is not None:
                if not self._overtake(tx, s, live.position):
                    return False
                before = {"view": live.name, "version": live.version}
                tx.query("set_projection_state", state="retired", **before)
            tx.query("set_projection_state", state="live", **self.key)
            self.projection.expose(tx, tx.dialect)
        return True

    def _try_to_switch(self) -> None:
        try:
            self.switch()
        except Exception as error:
            if not self._store.passing(error):
                raise
            # Somebody reads the view in a long transaction, and others must not queue up behind us.
            logger.info("%s is not switched yet: %s", self.projection.name, type(error).__name__)

    def _hold_live(self, tx: Transaction) -> Standing | None:
        """Keep the live version from being folded until the transaction ends."""
        live = to_standing(tx.query("select_live", view=self.projection.name).fetchone())
        if live is None:
            return None
        key = {"view": live.name, "version": live.version}
        tx.query("hold_projection", **key)
        return to_standing(tx.query("select_projection", **key).fetchone())

    def _overtake(self, tx: Transaction, s: Standing, upto: int) -> bool:
        if s.position >= upto:
            return True
        page = self._pages.read(tx, s.position, upto)
        return page.upto == upto and self._go_on(tx, page)

    def drop_retired(self) -> None:
        """Drop the versions that were replaced."""
        with self._store.transaction("drop_retired") as tx:
            for (version,) in tx.fetch("select_retired", view=self.projection.name):
                key = {"view": self.projection.name, "version": version}
                self.projection.drop(tx, tx.dialect, version)
                tx.query("delete_parked", **key)
                tx.query("delete_projection", **key)

    def _commit(self, page: Page) -> bool:
        with self._store.transaction("fold") as tx:
            return self._go_on(tx, page)

    def _go_on(self, tx: Transaction, page: Page) -> bool:
        """Fold a page inside a transaction.

        Returns:
            Whether it was done; false when another runner is at work or was faster.
        """
        row = self._advance(tx, page)
        if row is None:
            return False
        rows = self._park_behind(tx, page.rows) if row["parked"] else page.rows
        if rows:
            self.projection.apply(tx, Batch(tx, rows))
        return True

    def _advance(self, tx: Transaction, page: Page) -> Mapping[str, Any] | None:
        """Set how far the view is; ``None`` when another runner is at work or was faster."""
        return tx.query("advance", after=page.after, upto=page.upto, **self.key).fetchone()

    def _park_behind(self, tx: Transaction, rows: Rows) -> Rows:
        """Park the later events of parked actions too: none is folded out of order."""
        parked = {action_id for (action_id,) in tx.fetch("select_parked_actions", **self.key)}
        for event in map(Recorded._make, rows):
            if event.action_id in parked:
                self._park(tx, event, None)
        return [row for row in rows if row[1] not in parked]

    def _park(self, tx: Transaction, event: Recorded, error_type: str | None) -> None:
        tx.query(
            "insert_parked",
            action_id=event.action_id,
            position=event.position,
            error_type=error_type,
            now=self._clock.now(),
            **self.key,
        )

    def _in_vain(self, page: Page, tries: int, error: Exception) -> int:
        """Wait, or park the only event of a page; returns the position that was reached."""
        if isinstance(error, UnknownEvent | UpcastMissing):
            raise error  # a newer program can read it; until then the view waits
        event = Recorded._make(page.rows[0])
        parks = tries + 1 >= self._tries_max
        logger.error(
            "%s could not fold position %d%s",
            self.projection.name,
            event.position,
            ", which is parked" if parks else "",
            exc_info=error,
        )
        with self._store.transaction("fold_in_vain") as tx:
            if not parks:
                pause = timedelta(seconds=self._pause_s * 2**tries)
                retry_at = self._clock.now() + pause
                tx.query("pause", after=page.after, tries=tries, retry_at=retry_at, **self.key)
                return page.after
            if self._advance(tx, page) is None:
                return page.after
            self._park(tx, event, type(error).__name__)
            return page.upto

    def _pausing(self, standing: Standing) -> bool:
        return standing.retry_at is not None and standing.retry_at > self._clock.now()
