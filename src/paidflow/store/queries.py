"""Reads the named statements from the ``.sql`` files."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_FILES = ("queries", "queries_folding")
_HEADER = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def queries(dialect: str) -> dict[str, str]:
    """All named statements of a dialect; its own files override the shared ones.

    Args:
        dialect: ``sqlite`` or ``postgres``.
    """
    found: dict[str, str] = {}
    for name in (f"{file}{of}.sql" for of in ("", f"_{dialect}") for file in _FILES):
        parts = _HEADER.split(script(name))[1:]
        statements = (text.strip().removesuffix(";") for text in parts[1::2])
        found.update(zip(parts[::2], statements, strict=True))
    return found


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
