"""SIGKILL at every point of every way through, on both stores; a new process must heal it all."""

from __future__ import annotations

import ast
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

import paidflow
from tests.crash.cells import Cells, Point
from tests.crash.scripts import WAYS

POINTS_MIN = 1000
SHARE = 3
"""One point in so many is killed at on PostgreSQL by ``make test``; ``make soak`` does the rest."""

SOAKS_LONG = os.environ.get("PAIDFLOW_SOAK") == "long"

LIBRARY = {"append"}
"""What users of the eventsourcing library write (store/streams.py)."""

VIEWS = {"create_view", "switch_view", "drop_retired", "fold", "fold_in_vain"}
PARKING = {"retry_parked", "drop_parked"}
"""Views do nothing to actions; how they end is in tests/views/test_folding.py."""

TABLES = {"application_tables", "protect"}
"""Made before anything is done; see tests/store/test_application_tables.py and
tests/views/test_row_security.py."""

ARCHIVE = {"archive"}
"""Moves what is finished; how that ends is in tests/store/test_archive.py and tests/gaps."""

ADOPTION = {"adopt"}
"""Says where the log lives, in one row; see tests/operating/test_reconcile.py."""

OUTGOING = {
    "create_subscriber",
    "queue",
    "lease_deliveries",
    "release_deliveries",
    "acknowledge",
    "send",
}
GIVEN_UP = {"postpone", "requeue", "drop_given_up", "forget_subscriber", "resume_subscriber"}
"""Deliveries do nothing to actions; how they end is in tests/outgoing/test_killed.py."""

RETRIED = {"retry_in_vain"}
"""One number is written; tests/test_automatic_retry.py looks at it."""

FOREIGN = TABLES | LIBRARY | VIEWS | PARKING | ARCHIVE | ADOPTION | OUTGOING | GIVEN_UP | RETRIED

SOURCE = Path(paidflow.__file__).parent
STEP_ARGUMENTS = {
    "transaction": (0,),
    "record": (2, 3),  # of Asking and of Recorder
    "record_many": (1,),
    "record_or_fall_back": (3,),
    "note": (2,),
    "_call": (1,),
    "_record": (2,),
    "reach": (0,),
}
"""The functions that take the name of a step, and where."""


@pytest.mark.parametrize("script", WAYS)
def test_killed_at_every_point(cells: Cells, script: str) -> None:
    """On PostgreSQL, where a cell takes three times as long, at a share of them."""
    points = list(enumerate(cells.dry_run(script)))
    if not cells.ground.is_embedded:
        points = [cell for cell in points if _is_picked(script, cell[1])]
    _kill(cells, script, points)


def test_killed_at_every_step_on_postgres(postgres_cells: Cells, sqlite_cells: Cells) -> None:
    """The steps that are in nobody's share, once each."""
    cells = [(script, point) for script in WAYS for point in sqlite_cells.dry_run(script)]
    done = {point.name for script, point in cells if _is_picked(script, point)}
    for script, point in cells:
        if point.name not in done:
            done.add(point.name)
            number = postgres_cells.dry_run(script).index(point)
            _kill(postgres_cells, script, [(number, point)])


@pytest.mark.soak
@pytest.mark.parametrize("script", WAYS if SOAKS_LONG else WAYS[::10])
def test_killed_at_every_other_point(postgres_cells: Cells, script: str) -> None:
    """All that are left on PostgreSQL; the short form does it in one script of ten."""
    points = enumerate(postgres_cells.dry_run(script))
    _kill(postgres_cells, script, [cell for cell in points if not _is_picked(script, cell[1])])


def _is_picked(script: str, point: Point) -> bool:
    """Whether it is in the share for PostgreSQL, the same in every run."""
    return zlib.crc32(f"{script} {point.name} {point.occurrence}".encode()) % SHARE == 0


def _kill(cells: Cells, script: str, points: Sequence[tuple[int, Point]]) -> None:
    wrong: list[tuple[Point, list[str]]] = []
    for number, point in points:
        # Every second time the payer is at the counter when the new process starts.
        found = cells.kill(script, point, pays=number % 2 == 0, replays=number % 3 != 0)
        if found:
            wrong.append((point, found))
    assert not wrong, "\n".join(f"{point}: {found}" for point, found in wrong)


@pytest.mark.parametrize(("number", "script"), list(enumerate(WAYS))[::3])
def test_killed_as_a_program(number: int, script: str, request: pytest.FixtureRequest) -> None:
    """A fork shares memory with its parent; here the process is a fresh interpreter."""
    store = "sqlite" if number % 2 else "postgres"
    cells: Cells = request.getfixturevalue(f"{store}_cells")
    points = cells.dry_run(script)
    assert cells.kill_fresh(script, points[len(points) // 2]) == []


def test_no_step_is_left_out(sqlite_cells: Cells) -> None:
    """Every step that the source names is a point of some cell, before and after."""
    points = [point for script in WAYS for point in sqlite_cells.dry_run(script)]
    assert len(points) >= POINTS_MIN
    reached = {tuple(point.name.split(".")[1:]) for point in points}
    wanted = {(step, edge) for step in _steps_in_source() - FOREIGN for edge in ("before", "after")}
    assert wanted - reached == set()
    assert reached - wanted == set()


def _steps_in_source() -> set[str]:
    steps: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                function = node.func
                name = function.attr if isinstance(function, ast.Attribute) else function.id
                for position in STEP_ARGUMENTS.get(name, ()):
                    step = node.args[position] if position < len(node.args) else None
                    if isinstance(step, ast.Constant) and isinstance(step.value, str):
                        steps.add(step.value)
    return steps
