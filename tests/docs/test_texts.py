"""What the pages name exists: files, commands, names of the interface, tests."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from paidflow import PaidFlow, Reader
from tests.docs.pages import PAGES, ROOT, Page, page

NAMED = re.compile(r"`((?:src|tests|docs|examples)/[\w./-]+)(?:::(\w+))?`")
LINKED = re.compile(r"\]\((?!http)([^)#]+)\)")
TARGETS = re.compile(r"^([\w-]+):", re.MULTILINE)
GUARANTEES = page("docs/guarantees.md")

QUICKSTART_LINES_MAX = 40
README_LINES_MAX = 160
ACTION_LINES_MAX = 30


def every(pages: tuple[Page, ...] = PAGES) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=lambda page: page.name)


@every()
def test_every_file_that_is_named_exists(page: Page) -> None:
    folder = (ROOT / page.name).parent
    named = [path for path, _ in NAMED.findall(page.text)]
    assert [path for path in named if not (ROOT / path).exists()] == []
    linked = LINKED.findall(page.text)
    assert [path for path in linked if not (folder / path).exists()] == []


@every()
def test_lines_are_short(page: Page) -> None:
    prose = [line for line in page.text.splitlines() if not line.startswith("|")]
    assert [line for line in prose if len(line) > 100] == []


@every()
def test_every_name_of_the_interface_that_is_named_exists(page: Page) -> None:
    classes = {"PaidFlow": PaidFlow, "Reader": Reader}
    named = re.findall(r"`(PaidFlow|Reader)\.(\w+)", page.text)
    assert [name for owner, name in named if not hasattr(classes[owner], name)] == []


@every()
def test_every_command_can_be_typed(page: Page) -> None:
    """What a reader types in another place: targets of make, and extras of pip."""
    targets = set(TARGETS.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for block in page.blocks("console"):
        for line in block.code.splitlines():
            command, *arguments = line.partition("#")[0].split() or ["#"]
            assert command in {"make", "pip", "#"}, line
            if command == "make":
                assert set(arguments) <= targets, line
    for extra in re.findall(r"paidflow\[(\w+)\]", page.text):
        assert extra in project["optional-dependencies"], extra
    for target in re.findall(r"`make ([\w-]+)`", page.text):
        assert target in targets, target


def test_the_readme_is_short() -> None:
    readme = page("README.md")
    (program,) = readme.blocks("python")
    assert len(program.code.splitlines()) <= QUICKSTART_LINES_MAX
    assert len(readme.text.splitlines()) <= README_LINES_MAX


def test_every_page_of_the_site_is_in_its_contents() -> None:
    listed = {
        f"docs/{name}.md"
        for block in page("docs/index.md").blocks("{toctree}")
        for name in block.code.splitlines()
        if name and not name.startswith(":")
    }
    site = {page.name for page in PAGES if page.name.startswith("docs/")} - {"docs/index.md"}
    assert listed == site


def test_every_file_of_the_flow_that_is_named_exists() -> None:
    text = page("docs/architecture.md").text
    told = text[text.index("In `src/paidflow/flow/`") :].partition("\n\n")[0]
    files = re.findall(r"`(\w+\.py)`", told)
    assert files
    assert [file for file in files if not (ROOT / "src/paidflow/flow" / file).exists()] == []


def test_a_counter_is_short() -> None:
    assert len(page("docs/views.md").blocks("python")[0].code.splitlines()) <= 15


def test_a_new_action_from_nothing_is_short() -> None:
    whole = page("docs/write-an-action.md").blocks("python")[0]
    assert whole.file is not None, "it is run as a program"
    assert len(whole.code.splitlines()) <= ACTION_LINES_MAX


# Guarantees.


def rows() -> list[tuple[str, str]]:
    lines = [line.split("|") for line in GUARANTEES.text.splitlines() if line.startswith("| ")]
    return [(cells[1], cells[2]) for cells in lines if cells[1].strip() not in ("promise", "---")]


def test_every_guarantee_names_a_test() -> None:
    found = rows()
    assert len(found) > 20
    assert [promise for promise, tests in found if not NAMED.search(tests)] == []


def test_every_test_that_is_named_is_there() -> None:
    """Pytest itself finds them, so each passes collection."""
    named = {
        f"{path}::{test}" if test else path
        for _, tests in rows()
        for path, test in NAMED.findall(tests)
    }
    done = collected(sorted(named))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_test_that_is_not_there_is_noticed() -> None:
    done = collected(["tests/test_money.py::test_that_nobody_has_written"])
    assert done.returncode != 0


def collected(tests: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    return subprocess.run([*command, *tests], cwd=ROOT, capture_output=True, text=True)
