"""Every page that there is runs, block by block, and prints what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, Block, Page, every_file
from tests.docs.story import Broken, run, tell
from tests.examples.cases import as_url


def test_every_page_is_known() -> None:
    assert sorted(page.name for page in PAGES) == every_file()


def test_what_runs_before_a_page_belongs_to_one() -> None:
    files = (Path(__file__).parent / "before").glob("*.py")
    assert {file.stem for file in files} <= {Path(page.name).stem for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_has_a_language(page: Page) -> None:
    assert page.text.count("```") == 2 * len(page.blocks())


def test_what_is_told_elsewhere_is_told_there() -> None:
    for page in PAGES:
        if page.told_by is not None:
            assert page.name in (ROOT / page.told_by).read_text(encoding="utf-8")


TOLD_HERE = [page for page in PAGES if page.told_by is None]


@pytest.mark.empty
@pytest.mark.parametrize("page", TOLD_HERE, ids=lambda page: page.name)
def test_the_page_runs(page: Page, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    database = as_url(request.getfixturevalue("direct_dsn")) if page.database else None
    code, complaint = run(page, tmp_path, database)
    assert code == 0, complaint
    if page.strict:
        assert complaint == ""


# The mechanism can fail.


class Made(Page):
    """A page that is made up."""

    made: str = ""

    @property
    def text(self) -> str:
        return type(self).made

    @property
    def before(self) -> str:
        return "zero = 0"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```python\n1 / zero\n```\n", ZeroDivisionError),
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", Broken),
        ("```text\nnothing printed this\n```\n", Broken),
        ("```sh\nfalse\ntrue\n```\n", Broken),
        ("```sh\necho 1\n```\n\n```text\n2\n```\n", Broken),
        ("```cobol\nSTOP RUN.\n```\n", Broken),
    ],
)
def test_what_is_wrong_is_noticed(
    text: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Made, "made", text)
    with pytest.raises(error):
        tell(Made("made.md"))


def test_blocks_share_names_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = "```python\none = zero + 1\n```\n\n```python\nprint(one)\n```\n"
    files = "```python two.py\nprint(2)\n```\n\n```sh\npython two.py\n```\n\n```text\n1\n2\n```\n"
    monkeypatch.setattr(Made, "made", program + files)
    tell(Made("made.md"))
    assert (tmp_path / "two.py").read_text() == "print(2)\n"
    assert Made("made.md").blocks("text") == [Block("text", None, 16, "1\n2\n")]
