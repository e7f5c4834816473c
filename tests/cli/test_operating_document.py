"""docs/operating.md: its application is used, and its commands are run one after the other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from paidflow.cli.app import app
from paidflow.operating import health
from tests.docs.pages import page
from tests.postgres_programs import folder_of_programs
from tests.postgres_server import PostgresServer

TEXT = page("docs/operating.md").text
_BLOCK = re.compile(r"^```(sh|python) ?(\w+\.py)?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def restored(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database in another cluster."""
    with PostgresServer() as server:
        yield server.create_database()


def run(command: str, folder: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euc", command], cwd=folder, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


def blocks(*, postgres: bool) -> Iterator[tuple[str, str, str]]:
    """The blocks in the order in which a reader comes to them."""
    for language, name, content in _BLOCK.findall(TEXT):
        if postgres or "RESTORED_URL" not in content:
            yield language, name, content


@pytest.mark.empty
@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_all_of_it_runs(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    env = {
        **os.environ,
        "PAIDFLOW_APP": "shop:flow",
        "PAIDFLOW_URL": f"sqlite:///{tmp_path / 'shop.db'}",
        "PATH": os.pathsep.join(
            [str(folder_of_programs()), str(Path(sys.executable).parent), os.environ["PATH"]]
        ),
    }
    env.pop("PYTHONPATH", None)
    if store == "postgres":
        env["PAIDFLOW_URL"] = request.getfixturevalue("direct_dsn")
        env["RESTORED_URL"] = request.getfixturevalue("restored")
    commands = 0
    for language, name, content in blocks(postgres=store == "postgres"):
        if language == "python":
            (tmp_path / name).write_text(content, encoding="utf-8")
            continue
        if "$ACTION" in content:
            program = next(c for _, name, c in blocks(postgres=True) if name == "correlated.py")
            (tmp_path / "correlated.py").write_text(program, encoding="utf-8")
            action_id = run("python correlated.py", tmp_path, env).strip()
            env["ACTION"] = action_id
        told = run(content, tmp_path, env)
        if "$ACTION" in content:
            assert f"shout {action_id} of ann, 10 sats" in told
            assert "request-7" in told
        if "adopt" in content:
            assert "adopted; workers can be started" in told
        commands += len(content.splitlines())
    assert commands >= 20
    assert (tmp_path / "tables.sql").read_text().count("create table") > 15


def test_every_command_and_option_exists() -> None:
    known = typer.main.get_command(app)
    commands: dict[str, Any] = vars(known)["commands"]
    named = re.findall(r"paidflow ([a-z]+)((?: [^`\n|&#>]*)?)", TEXT)
    assert {name for name, _ in named} - set(commands) <= {"import", "changes"}
    for name, rest in named:
        if name in commands and name != "new":
            called, words = commands[name], rest.split()
            if words and words[0] in getattr(called, "commands", {}):
                called = called.commands[words[0]]
            options = {option for param in called.params for option in param.opts}
            assert {word for word in words if word.startswith("--")} <= options, name
    assert set(commands) <= {name for name, _ in named}


def test_the_limits_are_those() -> None:
    rows = dict(re.findall(r"^\| `(\w+)`: .*? \| (.*?) \|$", TEXT, re.MULTILINE))
    assert rows["clock"] == "{:.0f} s | {:.0f} s".format(*health.SKEW_S)
    minutes, hours = (limit.total_seconds() for limit in health.OVERDUE)
    assert rows["overdue"] == f"{minutes / 60:.0f} min | {hours / 3600:.0f} h"
    one, ten = (limit.total_seconds() / 60 for limit in health.LOG_WAITS)
    assert rows["log"] == f"{one:.0f} min | {ten:.0f} min"
    assert rows["stuck"] == f"{health.STUCK.total_seconds() / 3600:.0f} h |"
    behind, far = health.VIEW_BEHIND_S
    assert rows["view"] == f"{behind / 60:.0f} min, any parked | {far / 3600:.0f} h"
