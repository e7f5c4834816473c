"""The pages of the documentation and their blocks of code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(r"^```(\S+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)

OUTPUT = "text"
"""The language of what the blocks before have printed."""

SHOWN = frozenset(
    {"console", "html", "json", "mermaid", "ini", "{eval-rst}", "{toctree}", "{include}"}
)
"""Languages that nothing here runs; other tests look at them."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code.

    Args:
        language: the word behind the backticks.
        file: the name of the file that it is, if it is one.
        line: where it begins on its page, from 1.
        code: its text.
    """

    language: str
    file: str | None
    line: int
    code: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page, and what its code needs to run.

    Args:
        name: its path in the project.
        database: whether ``DATABASE_URL`` names an empty PostgreSQL database.
        strict: whether a warning is an error; not where other libraries warn of themselves.
        told_by: the test that runs it instead, because it needs more than a folder.
    """

    name: str
    database: bool = False
    strict: bool = True
    told_by: str | None = None

    @property
    def text(self) -> str:
        """What is written there."""
        return (ROOT / self.name).read_text(encoding="utf-8")

    @property
    def before(self) -> str:
        """What runs before the blocks: the program around the pieces that the page shows."""
        file = ROOT / "tests" / "docs" / "before" / f"{Path(self.name).stem}.py"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def blocks(self, *languages: str) -> list[Block]:
        """Its blocks, all of them or those in some languages."""
        text = self.text
        found = [
            Block(match[1], match[2], text.count("\n", 0, match.start()) + 1, match[3])
            for match in _BLOCK.finditer(text)
        ]
        return [block for block in found if not languages or block.language in languages]


PAGES = (
    Page("CHANGELOG.md"),
    Page("CONTRIBUTING.md"),
    Page("README.md"),
    Page("SECURITY.md"),
    Page("docs/api.md"),
    Page("docs/architecture.md"),
    Page("docs/archiving.md"),
    Page("docs/celery.md"),
    Page("docs/conformance.md"),
    Page("docs/deploying.md", database=True),
    Page("docs/changes.md"),
    Page("docs/deprecation.md"),
    Page("docs/django.md", told_by="tests/contrib/django/test_django_document.py"),
    Page("docs/embedding.md"),
    Page("docs/erasing.md"),
    Page("docs/errors.md"),
    Page("docs/eventsourcing.md"),
    Page("docs/fastapi.md"),
    Page("docs/flask.md"),
    Page("docs/forum-views.md"),
    Page("docs/forum.md"),
    Page("docs/glossary.md"),
    Page("docs/guarantees.md"),
    Page("docs/importing.md"),
    Page("docs/index.md"),
    Page("docs/lnbits.md"),
    Page("docs/lnd.md"),
    Page("docs/money.md"),
    Page("docs/observing.md"),
    Page("docs/operating.md", told_by="tests/cli/test_operating_document.py"),
    Page("docs/outgoing-events.md"),
    Page("docs/parts.md"),
    Page("docs/performance.md", database=True),
    Page("docs/quickstart.md"),
    Page("docs/quotes.md"),
    Page("docs/refunds.md"),
    Page("docs/row-security.md", database=True),
    Page("docs/stripe.md", told_by="tests/gateways/stripe/test_stripe_document.py"),
    Page("docs/testing.md"),
    Page("docs/views.md"),
    Page("docs/ways.md"),
    Page("docs/withdrawals.md"),
    Page("docs/workers.md"),
    Page("docs/webhooks.md"),
    Page("docs/wrapped.md"),
    Page("docs/write-a-gateway.md"),
    Page("docs/write-an-action.md"),
)
"""Every page there is."""


def page(name: str) -> Page:
    """The page of this name."""
    return next(page for page in PAGES if page.name == name)


def every_file() -> list[str]:
    """The pages that lie in the project."""
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(str(file.relative_to(ROOT)) for file in files)
