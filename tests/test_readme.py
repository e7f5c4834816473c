"""README and architecture say what is so: the code runs, the tables are fresh, the files exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import paidflow
from paidflow.states.diagram import BLOCKS, STANDINGS, main, refresh
from paidflow.states.machine import TABLE, State
from paidflow.states.owed import OwedKind, owed
from tests.states.build import NOW, situation

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
EVENTSOURCING = (ROOT / "docs" / "eventsourcing.md").read_text(encoding="utf-8")
TEXTS = {
    "README.md": README,
    "docs/architecture.md": ARCHITECTURE,
    "docs/eventsourcing.md": EVENTSOURCING,
}

QUICKSTART_LINES_MAX = 40
REFRESH = "run `.venv/bin/python -m paidflow.states.diagram README.md docs/architecture.md`"


def blocks_of_code(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_the_quickstart_is_short() -> None:
    (program,) = blocks_of_code("python", README)
    assert len(program.splitlines()) <= QUICKSTART_LINES_MAX


@pytest.mark.parametrize("text", [README, EVENTSOURCING], ids=["README.md", "eventsourcing.md"])
def test_the_program_prints_what_it_says(text: str, tmp_path: Path) -> None:
    (program,), (wanted,) = blocks_of_code("python", text), blocks_of_code("text", text)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.stderr, done.stdout) == ("", wanted)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_the_tables_are_fresh(text: str) -> None:
    assert refresh(text) == text, REFRESH


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (README, "state-diagram"),
        (README, "state-table"),
        (ARCHITECTURE, "state-table"),
        (ARCHITECTURE, "state-transitions"),
    ],
)
def test_every_table_is_in_its_place(text: str, name: str) -> None:
    assert f"<!-- {name}:begin -->\n{BLOCKS[name]()}\n<!-- {name}:end -->" in text


def test_a_stale_diagram_is_noticed_and_mended(tmp_path: Path) -> None:
    stale = README.replace("    PENDING --> PAID: settle\n", "")
    assert refresh(stale) == README != stale
    file = tmp_path / "README.md"
    file.write_text(stale, encoding="utf-8")
    main([str(file)])
    assert file.read_text(encoding="utf-8") == README


def test_everything_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    printed = capsys.readouterr().out
    assert [name for name, block in BLOCKS.items() if block() not in printed] == []
    assert printed.count(" --> ") == len(TABLE)
    assert "NEW" not in printed


@pytest.mark.parametrize("hold", [True, False])
@pytest.mark.parametrize("performed", [True, False])
@pytest.mark.parametrize("state", [state for state in State if state is not State.NEW])
def test_the_states_owe_what_the_table_says(state: State, performed: bool, hold: bool) -> None:
    action = situation(state, performed, hold)
    if action is None:
        return
    due = owed(action, NOW)
    assert due is None or due.kind in STANDINGS[state].owed


def test_every_state_and_every_owed_kind_is_told() -> None:
    assert set(STANDINGS) == set(State) - {State.NEW}
    told = ARCHITECTURE[ARCHITECTURE.index("| owed | what is done |") :]
    assert [kind for kind in OwedKind if f"`{kind}`" not in told] == []


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_every_file_that_is_named_exists(text: str) -> None:
    named = re.findall(r"`((?:src|tests|docs|examples)/[\w./]+)`", text)
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    folder = ROOT if text is README else ROOT / "docs"
    assert named or linked
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert [path for path in linked if not (folder / path).exists()] == []


def test_every_file_of_the_flow_that_is_named_exists() -> None:
    told = ARCHITECTURE[ARCHITECTURE.index("In `src/paidflow/flow/`") :].partition("\n\n")[0]
    files = re.findall(r"`(\w+\.py)`", told)
    assert files
    assert [file for file in files if not (ROOT / "src/paidflow/flow" / file).exists()] == []


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_every_name_of_the_api_that_is_named_exists(text: str) -> None:
    from paidflow.views.reader import Reader

    classes = {"PaidFlow": paidflow.PaidFlow, "Reader": Reader}
    named = re.findall(r"`(PaidFlow|Reader)\.(\w+)", text)
    assert [name for owner, name in named if not hasattr(classes[owner], name)] == []


def test_every_command_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"^make ([\w-]+)|[`; ]make ([\w-]+)", README, re.MULTILINE))
    commands = {name for pair in named for name in pair if name}
    assert {"demo", "test", "check", "soak", "mutants"} <= commands <= targets


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_lines_are_short(text: str) -> None:
    prose = [line for line in text.splitlines() if not line.startswith("|")]
    assert [line for line in prose if len(line) > 100] == []


def test_the_counter_of_the_documentation_is_the_one_that_runs() -> None:
    text = (ROOT / "docs" / "views.md").read_text(encoding="utf-8")
    story = (ROOT / "examples" / "forum_story.py").read_text(encoding="utf-8")
    counter = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[0]
    assert counter in story
    assert len(counter.splitlines()) <= 15
