"""Reads the named statements from the ``.sql`` files."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from paidflow.store.names import PLAIN, Names

_FILES = ("queries", "queries_folding", "queries_inbox", "queries_outgoing")
_TRIED_AGAIN = re.compile(r"\btried_again\((\w+)\)")
_HEADER = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def queries(dialect: str, names: Names = PLAIN) -> dict[str, str]:
    """All named statements of a dialect; its own files override the shared ones.

    Args:
        dialect: ``sqlite`` or ``postgres``.
        names: under which names everything is in the database.
    """
    found: dict[str, str] = {}
    for name in (f"{file}{of}.sql" for of in ("", f"_{dialect}") for file in _FILES):
        found.update(named(names.fill(written_out(script(name)))))
    return found


def named(text: str) -> dict[str, str]:
    """The statements of a text, each below a line ``-- name: what_it_is_called``."""
    parts = _HEADER.split(text)[1:]
    statements = (statement.strip().removesuffix(";") for statement in parts[1::2])
    return dict(zip(parts[::2], statements, strict=True))


def written_out(text: str) -> str:
    """A text with the condition for ``tried_again(alias)``, whether a failed action will be.

    The alias is that of ``paidflow_actions``; the parameters are those of ``AutomaticRetry``.
    """

    def condition(match: re.Match[str]) -> str:
        found = script("tried_again.sql").partition("\n(")[2].strip()
        return re.sub(r"\bfailed\.", f"{match.group(1)}.", f"({found}")

    return _TRIED_AGAIN.sub(condition, text)


def filled(dialect: str, name: str, **parts: str) -> str:
    """A named statement with the names of tables and columns filled in.

    Args:
        dialect: ``sqlite`` or ``postgres``.
        name: the statement's name.
        parts: what its ``{parts}`` stand for; SQL of the program, never of its users.
    """
    return queries(dialect)[name].format(**parts)


def script(name: str) -> str:
    """The text of one ``.sql`` file."""
    return (files("paidflow.store") / "sql" / name).read_text(encoding="utf-8")
