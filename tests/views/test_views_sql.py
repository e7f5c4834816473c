"""All SQL of the views keeps the rule of who sees what."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from paidflow.forum import READ
from paidflow.store.queries import named
from paidflow.views.sql import FILES, read_sql

FRAMES = {("items", "shown")}
"""Statements around the others; they add to what those have found, and find nothing themselves."""

FOLDING = {"calls", "daily_totals", "item_totals", "item_votes", "notices", "ranks"}
"""Files with what projections fold; no viewer asks for it."""

SUMS = {"forum_daily_totals"}
"""Folded tables of which no row stands for a single thing."""

OF_ITEMS = {
    "forum_ancestors",
    "forum_calls",
    "forum_item_totals",
    "forum_notices",
    "forum_paid_votes",
    "forum_poll_options",
    "forum_ranks",
    "forum_search",
    "forum_searched",
    "forum_tallies",
}
"""Tables about items: whoever reads them asks about the item."""

OWN = {"paidflow_read_marks"}
"""Tables of one person, whom the statement names."""

_READ = re.compile(r"\b(?:from|join)\s+((?:forum|paidflow)_\w+)(?:\s+(\w+))?")
_SAME = re.compile(r"\b(\w+)\.(?:action_id|id) = (\w+)\.id\b")
_KEYWORDS = {"where", "join", "on", "order", "group", "left", "cross", "union", "limit"}

STATEMENTS = {
    (name, statement): text
    for name in FILES
    if name not in FOLDING
    for statement, text in named(read_sql(name)).items()
}


def faults(text: str) -> Iterator[str]:
    """What a statement reads without asking whether the viewer may see it."""
    text = re.sub(r"--[^\n]*|'[^']*'", "", text)
    asked = set(re.findall(r"\bvisible\((\w+)\.\w+\)", text))
    own = set(re.findall(r"\b(\w+)\.(?:actor|author|owner) = :viewer", text))
    for name, other in _SAME.findall(text):
        asked |= {name} if other in asked | own else set()
    for table, alias in _READ.findall(text):
        if table in SUMS or table in READ:
            continue
        name = table if not alias or alias in _KEYWORDS else alias
        if table in OF_ITEMS and not asked:
            yield f"{table} and nothing that is visible"
        elif table in OWN and name not in own:
            yield f"{table} of others"
        elif table not in OF_ITEMS | OWN and name not in asked | own:
            yield f"{table} {name}"


@pytest.mark.parametrize("key", sorted(STATEMENTS.keys() - FRAMES), ids=".".join)
def test_every_statement_asks_what_is_visible(key: tuple[str, str]) -> None:
    assert list(faults(STATEMENTS[key])) == []


def test_a_frame_finds_only_what_a_page_has_found() -> None:
    for key in FRAMES:
        text = STATEMENTS[key]
        assert "from ({page}) p\njoin forum_items i on i.id = p.id\n" in text
        rest = text.replace("join forum_items i on i.id = p.id", "").replace("{page}", "page")
        assert set(faults(rest)) <= {
            "paidflow_actions s",  # of the viewer's own items
            "forum_item_totals and nothing that is visible",  # of the items of the page
        }


@pytest.mark.parametrize(
    "text",
    [
        "select * from forum_items",
        "select * from forum_items i where i.author = :author",
        "select * from forum_items i -- where visible(i.id)",
        "select * from forum_items i where i.title = 'visible(i.id)'",
        "select * from forum_acts a join forum_items i on i.id = a.item_id where visible(i.id)",
        "select * from forum_item_totals t",
        "select * from paidflow_actions s where s.state = 'FAILED'",
        "select * from paidflow_read_marks m",
        "select * from forum_acts a join paidflow_actions s on s.action_id = a.id",
        "select (select count(*) from forum_acts a) from forum_items i where visible(i.id)",
    ],
)
def test_what_is_forgotten_is_found(text: str) -> None:
    assert list(faults(text)) != []
