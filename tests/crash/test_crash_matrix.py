"""SIGKILL at every point of every way through, on both stores; a new process must heal it all."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import paidflow
from tests.crash.cells import Cells, Point
from tests.crash.scripts import WAYS

CELLS_MIN = 1000
STORES = 2

LIBRARY = {"append"}
"""What users of the eventsourcing library write (store/streams.py)."""

VIEWS = {"create_view", "switch_view", "drop_retired", "fold", "fold_in_vain"}
PARKING = {"retry_parked", "drop_parked"}
"""Views do nothing to actions; how they end is in tests/views/test_folding.py."""

ARCHIVE = {"archive"}
"""Moves what is finished; how that ends is in tests/store/test_archive.py and tests/gaps."""

FOREIGN = LIBRARY | VIEWS | PARKING | ARCHIVE

SOURCE = Path(paidflow.__file__).parent
STEP_ARGUMENT = {
    "transaction": 0,
    "record": 3,
    "record_many": 1,
    "record_or_fall_back": 3,
    "note": 2,
    "_record": 2,
    "_call": 1,
}
"""The functions that take the name of a step, and where."""


@pytest.mark.parametrize("script", WAYS)
def test_killed_at_every_point(cells: Cells, script: str) -> None:
    points = cells.dry_run(script)
    wrong: list[tuple[Point, list[str]]] = []
    for number, point in enumerate(points):
        # Every second time the payer is at the counter when the new process starts.
        found = cells.kill(script, point, pays=number % 2 == 0, replays=number % 3 != 0)
        if found:
            wrong.append((point, found))
    assert not wrong, "\n".join(f"{point}: {found}" for point, found in wrong)
    print(f"{len(points)} cells")


@pytest.mark.parametrize(("number", "script"), list(enumerate(WAYS)))
def test_killed_as_a_program(number: int, script: str, request: pytest.FixtureRequest) -> None:
    """A fork shares memory with its parent; here the process is a fresh interpreter."""
    store = "sqlite" if number % 2 else "postgres"
    cells: Cells = request.getfixturevalue(f"{store}_cells")
    points = cells.dry_run(script)
    assert cells.kill_fresh(script, points[len(points) // 2]) == []


def test_no_step_is_left_out(sqlite_cells: Cells) -> None:
    """Every step that the source names is a point of some cell, before and after."""
    points = [point for script in WAYS for point in sqlite_cells.dry_run(script)]
    count = len(points) * STORES
    print(f"{count} cells: {len(WAYS)} ways through, {STORES} stores")
    assert count >= CELLS_MIN
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
                position = STEP_ARGUMENT.get(name)
                if position is None or len(node.args) <= position:
                    continue
                step = node.args[position]
                if isinstance(step, ast.Constant) and isinstance(step.value, str):
                    steps.add(step.value)
    return steps
