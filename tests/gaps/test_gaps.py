"""Readers of the log count: nothing missed, doubled or too early, whatever writers do.

``make test`` appends 10,000 events per scenario, ``make soak`` 200,000.
"""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from paidflow.store.records import Lag
from tests.gaps.crowd import Crowd
from tests.gaps.writers import EVENT, Habits

EVENTS = 10_000
SOAK_EVENTS = {"short": 10_000, "long": 200_000}
SEED = 20_300_401

SCENARIOS = {
    "open transactions": Habits(),
    "many rollbacks and savepoints": Habits(savepoints=0.7, gives_up=0.4),
    "own tables first": Habits(elsewhere_first=0.9, rest_s=0.03),
    "prepared transactions": Habits(prepares=0.3),
    "archived all the time": Habits(archived=True, savepoints=0.2),
    "everything": Habits(savepoints=0.3, gives_up=0.1, elsewhere_first=0.3, prepares=0.1),
}


def count_gaps(url: str, habits: Habits, events: int, seed: int = SEED) -> None:
    crowd = Crowd(url, habits, events, seed)
    try:
        crowd.run()
        assert (seed, crowd.wrongs()) == (seed, {})
        assert len(crowd.stored()) >= events
        assert crowd.stored().keys() == crowd.tally.committed
        assert crowd.count_archived() > events // 10 or not habits.archived
    finally:
        crowd.close()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_gaps_on_postgres(postgres_dsn: str, scenario: str) -> None:
    count_gaps(postgres_dsn, SCENARIOS[scenario], EVENTS)


@pytest.mark.parametrize("archived", [False, True])
def test_no_gaps_on_sqlite(tmp_path: Path, archived: bool) -> None:
    habits = Habits(
        savepoints=0.3, gives_up=0.1, elsewhere_first=0.3, archived=archived, rest_s=0.001
    )
    count_gaps(f"sqlite:///{tmp_path / 'log.db'}", habits, EVENTS)


def test_readers_wait_for_a_long_transaction_that_appended(postgres_dsn: str) -> None:
    crowd = Crowd(postgres_dsn, Habits(), EVENTS // 2, SEED)
    with psycopg.connect(postgres_dsn) as slow:

        def hold() -> None:
            crowd.tally.wait_for(0.2)
            with crowd.store.join(slow) as tx:
                tx.append([{**EVENT, "action_id": "slow", "version": 1}])
                row = tx.execute(
                    "select max(notification_id) as mine from paidflow_events"
                    " where originator_id = 'slow'"
                ).fetchone()
            assert row is not None
            crowd.tally.wait_for(0.9)
            assert all(crowd.position(name) < row["mine"] for name in crowd.read)
            lag = crowd.store.lag()
            assert lag.positions > EVENTS // 4
            assert lag.waiting_since is not None
            slow.commit()

        crowd.run(hold)
    assert crowd.wrongs() == {}
    assert crowd.store.lag() == Lag(0, None)
    crowd.close()


def test_nobody_waits_for_long_foreign_transactions(postgres_dsn: str) -> None:
    """Readers come to the end while one that writes elsewhere and one that reads are still open."""
    crowd = Crowd(postgres_dsn, Habits(), EVENTS // 2, SEED)
    with psycopg.connect(postgres_dsn) as writing, psycopg.connect(postgres_dsn) as reading:
        writing.execute("insert into diary values ('long')")
        reading.execute("begin isolation level repeatable read")
        reading.execute("select count(*) from paidflow_events")
        crowd.run()
        assert crowd.wrongs() == {}
        assert crowd.store.lag() == Lag(0, None)
    crowd.close()


@pytest.mark.soak
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_gaps_for_long(postgres_dsn: str, scenario: str) -> None:
    events = SOAK_EVENTS[os.environ.get("PAIDFLOW_SOAK", "short")]
    count_gaps(postgres_dsn, SCENARIOS[scenario], events, SEED + 1)
