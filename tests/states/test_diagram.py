"""The diagram and the tables of the documentation are those of the table that runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from paidflow.states.diagram import BLOCKS, STANDINGS, main, refresh
from paidflow.states.machine import TABLE, State
from paidflow.states.owed import OwedKind, owed
from tests.docs.pages import PAGES, Page, page
from tests.states.build import NOW, situation

WAYS = page("docs/ways.md")
ARCHITECTURE = page("docs/architecture.md")
REFRESH = "run `.venv/bin/python -m paidflow.states.diagram docs/ways.md docs/architecture.md`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_are_fresh(page: Page) -> None:
    assert refresh(page.text) == page.text, REFRESH


@pytest.mark.parametrize(
    ("page", "name"),
    [
        (WAYS, "state-diagram"),
        (WAYS, "state-table"),
        (ARCHITECTURE, "state-diagram"),
        (ARCHITECTURE, "state-table"),
        (ARCHITECTURE, "state-transitions"),
    ],
)
def test_every_table_is_in_its_place(page: Page, name: str) -> None:
    assert f"<!-- {name}:begin -->\n{BLOCKS[name]()}\n<!-- {name}:end -->" in page.text


def test_a_stale_diagram_is_noticed_and_mended(tmp_path: Path) -> None:
    stale = WAYS.text.replace("    PENDING --> PAID: settle\n", "")
    assert refresh(stale) == WAYS.text != stale
    file = tmp_path / "ways.md"
    file.write_text(stale, encoding="utf-8")
    main([str(file)])
    assert file.read_text(encoding="utf-8") == WAYS.text


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
    text = ARCHITECTURE.text
    told = text[text.index("| owed | what is done |") :]
    assert [kind for kind in OwedKind if f"`{kind}`" not in told] == []
