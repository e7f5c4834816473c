"""The HTML of the package; everything that is put into it is escaped."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined


def render(name: str, **parts: Any) -> str:
    """A template with its parts.

    Args:
        name: its file in ``templates``.
        parts: what it shows.
    """
    return _environment().get_template(name).render(**parts)


@cache
def _environment() -> Environment:
    return Environment(loader=FunctionLoader(_read), autoescape=True, undefined=StrictUndefined)


def _read(name: str) -> str:
    return (files("paidflow.web") / "templates" / name).read_text(encoding="utf-8")
