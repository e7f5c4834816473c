"""Deaths in a row: a process is killed, then the workers that heal are killed as well."""

from __future__ import annotations

import os
import random

import pytest

from tests.crash.cells import HEALER, Cells
from tests.crash.scripts import SCRIPTS
from tests.crash.world import SharedClock

ROUNDS = {"short": 50, "long": 5000}
DEATHS_MAX = 5
SEED = 20_300_101


@pytest.mark.soak
def test_many_deaths_in_a_row(cells: Cells) -> None:
    """A round is named by its seed, so that it can be repeated."""
    rounds = ROUNDS[os.environ.get("PAIDFLOW_SOAK", "short")]
    deaths = sum(_round(cells, SEED + number) for number in range(rounds))
    print(f"{rounds} rounds, {deaths} deaths")
    assert deaths > rounds


def _round(cells: Cells, seed: int) -> int:
    chance = random.Random(seed)
    script = chance.choice(tuple(SCRIPTS))
    points = cells.dry_run(script)
    place = cells.ground.fresh()
    clock = SharedClock(place.clock)
    job = cells.job("script", script, place, at=chance.choice(points)[:2])
    cells.run(job, ends=-9)
    deaths = 1
    names = sorted({point.name for point in points if point.name.startswith(("worker.", "sync."))})
    for number in range(chance.randrange(DEATHS_MAX) if names else 0):
        clock.tick(chance.choice((0, 1, 6, 61, 302, 602)))
        at = (chance.choice(names), chance.choice((1, 1, 2)))
        worker = cells.job("work", script, place, seed=HEALER + 1 + number, at=at)
        deaths += "signalled_at" in cells.run(worker, ends=None)
    cells.ground.wait_for_the_dead()
    wrong = cells.heal(script, place, pays=chance.random() < 0.5, replays=chance.random() < 0.5)
    assert (seed, script, wrong) == (seed, script, [])
    return deaths
