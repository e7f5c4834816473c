"""What is built can be installed into an empty environment, and the tutorial runs there."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, page

CORE = {"eventsourcing", "psycopg", "pydantic", "transitions"}
TUTORIAL = page("docs/quickstart.md")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("built")
    options = ["--no-isolation", "--outdir", str(folder)]
    run([sys.executable, "-m", "build", *options, str(ROOT)], folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (file,) = built.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment that has the wheel and what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("empty") / "environment"
    venv.create(folder, with_pip=True)
    program = str(folder / "bin" / "python")
    pip = [program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--constraint", str(ROOT / "constraints.txt"), str(wheel)], folder)
    return program


def run(command: list[str], folder: Path) -> str:
    clean = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    clean |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_everything_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    shipped = {
        str(file.relative_to(ROOT / "src"))
        for package in ("paidflow", "pytest_paidflow")
        for file in (ROOT / "src" / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert {"paidflow/py.typed", "paidflow/__init__.py"} < shipped
    extra = {name for name in inside if ".dist-info/" not in name}
    assert extra == shipped
    assert any(name.endswith("licenses/LICENSE") for name in inside)


def test_the_source_distribution_has_what_it_takes(built: Path) -> None:
    (file,) = built.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "constraints.txt"}
    wanted |= {"src/paidflow/py.typed", "docs/index.md", "tests/conftest.py", "Makefile"}
    assert wanted <= inside
    assert not [name for name in inside if name.startswith((".venv", "build", "dist"))]


def test_the_tutorial_runs_in_an_empty_environment(python: str, tmp_path: Path) -> None:
    program = "\n".join(block.code for block in TUTORIAL.blocks("python"))
    (tmp_path / "wall.py").write_text(program, encoding="utf-8")
    told = run([python, "-W", "error", "wall.py"], tmp_path)
    assert told == "".join(block.code for block in TUTORIAL.blocks("text")) != ""


def test_it_needs_four_libraries(python: str, tmp_path: Path) -> None:
    """And what these need themselves."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {each.partition(">")[0].partition("[")[0] for each in project["dependencies"]}
    assert named == CORE
    optional = {"sqlalchemy", "httpx", "rich", "sphinx", "pytest", "fastapi", "flask", "celery"}
    code = "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions()))"
    installed = set(run([python, "-c", code], tmp_path).split())
    assert named | {"paidflow"} <= installed
    assert installed & optional == set()


def test_it_is_the_installed_one(python: str, tmp_path: Path) -> None:
    code = "import paidflow; print(paidflow.__file__)"
    where = Path(run([python, "-c", code], tmp_path).strip())
    assert where.is_relative_to(Path(python).parents[1])
