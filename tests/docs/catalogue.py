"""The table of settings on the page about the catalogue, made from the settings themselves.

``python -m tests.docs.catalogue`` brings the page up to date.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from datetime import timedelta
from typing import Any

from paidflow.forum import ForumSettings
from tests.docs.pages import ROOT, page

CATALOGUE = page("docs/forum.md")

_TABLE = re.compile(r"(?<=<!-- settings:begin -->\n).*?(?=\n<!-- settings:end -->)", re.DOTALL)
_ARGUMENT = re.compile(r"^    (\w+): (.*(?:\n        .*)*)", re.MULTILINE)


def settings_table() -> str:
    """Every setting, its default, and what its docstring says."""
    said = meanings(ForumSettings)
    rows = (
        f"| `{field.name}` | {shown(_default(field))} | {said[field.name]} |"
        for field in fields(ForumSettings)
    )
    return "\n".join(["| setting | default | meaning |", "| --- | --- | --- |", *rows])


def meanings(documented: type) -> Mapping[str, str]:
    """What a docstring says about each argument."""
    found = _ARGUMENT.findall(inspect.getdoc(documented) or "")
    return {name: " ".join(text.split()).replace("``", "`") for name, text in found}


def _default(field: Field[Any]) -> Any:
    return field.default if field.default is not MISSING else field.default_factory  # type: ignore[misc]


def shown(value: Any) -> str:
    """A default as a reader wants to see it."""
    match value:
        case None:
            return "any"
        case timedelta():
            return _shown_time(value)
        case int():
            return f"{value:,}"
        case str():
            return f"`{value}`"
        case type():
            return f"`{value.__name__}`"
        case tuple():
            pairs: tuple[tuple[int, int], ...] = value
            return ", ".join(f"{size // 2**20} MiB: {cost}" for size, cost in pairs)
        case _:
            raise TypeError(f"no reader knows {value!r}")


def _shown_time(value: timedelta) -> str:
    if value % timedelta(days=1):
        whole, unit = value // timedelta(minutes=1), "minute"
        if not value % timedelta(hours=1):
            whole, unit = value // timedelta(hours=1), "hour"
    else:
        whole, unit = value.days, "day"
    return f"{whole} {unit}" + ("s" if whole != 1 else "")


def refreshed(text: str) -> str:
    """The text of the page with the settings as they are."""
    return _TABLE.sub(lambda _: settings_table(), text)


if __name__ == "__main__":
    (ROOT / CATALOGUE.name).write_text(refreshed(CATALOGUE.text), encoding="utf-8")
