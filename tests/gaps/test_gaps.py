"""Readers of the log count: nothing missed, doubled or too early, whatever writers do.

``make test`` appends 20,000 events per scenario, ``make soak`` 200,000.
"""

from __future__ import annotations

import os

import pytest

from tests.gaps.crowd import Crowd
from tests.gaps.writers import Habits

EVENTS = 20_000
SOAK_EVENTS = {"short": 10_000, "long": 200_000}
SEED = 20_300_401

SCENARIOS = {
    "open transactions": Habits(),
    "many rollbacks and savepoints": Habits(savepoints=0.7, gives_up=0.4),
    "own tables first": Habits(elsewhere_first=0.9, rest_s=0.03),
    "prepared transactions": Habits(prepares=0.3),
    "everything": Habits(savepoints=0.3, gives_up=0.1, elsewhere_first=0.3, prepares=0.1),
}


def count_gaps(url: str, habits: Habits, events: int, seed: int = SEED) -> None:
    crowd = Crowd(url, habits, events, seed)
    try:
        crowd.run()
        assert (seed, crowd.wrongs()) == (seed, {})
        assert len(crowd.stored()) >= events
        assert crowd.stored().keys() == crowd.tally.committed
    finally:
        crowd.close()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_gaps_on_postgres(postgres_dsn: str, scenario: str) -> None:
    count_gaps(postgres_dsn, SCENARIOS[scenario], EVENTS)


def test_no_gaps_on_sqlite(tmp_path) -> None:
    habits = Habits(savepoints=0.3, gives_up=0.1, elsewhere_first=0.3, rest_s=0.001)
    count_gaps(f"sqlite:///{tmp_path / 'log.db'}", habits, EVENTS)


@pytest.mark.soak
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_gaps_for_long(postgres_dsn: str, scenario: str) -> None:
    events = SOAK_EVENTS[os.environ.get("PAIDFLOW_SOAK", "short")]
    count_gaps(postgres_dsn, SCENARIOS[scenario], events, SEED + 1)
