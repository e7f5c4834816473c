"""Reads the named statements from the ``.sql`` files."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_HEADER = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def queries(dialect: str) -> dict[str, str]:
    """All named statements of a dialect; its own file overrides the shared one.

    Args:
        dialect: ``sqlite`` or ``postgres``.
    """
    found: dict[str, str] = {}
    for name in ("queries.sql", f"queries_{dialect}.sql"):
        parts = _HEADER.split(script(name))[1:]
        statements = (text.strip().removesuffix(";") for text in parts[1::2])
        found.update(zip(parts[::2], statements, strict=True))
    return found


def script(name: str) -> str:
    """The text of one ``.sql`` file."""
    return (files("paidflow.store") / "sql" / name).read_text(encoding="utf-8")
