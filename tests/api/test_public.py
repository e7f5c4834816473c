"""No public name and no signature changes by accident."""

from __future__ import annotations

import importlib
import inspect

import pytest

from tests.api.public import LIST, MODULES, listing


def test_the_list_is_what_is_there() -> None:
    assert listing() == LIST.read_text(encoding="utf-8"), "if it was on purpose: make public-api"


def test_what_has_a_list_of_names_has_them() -> None:
    for name in MODULES:
        module = importlib.import_module(name)
        missing = [
            public for public in getattr(module, "__all__", ()) if not hasattr(module, public)
        ]
        assert missing == []


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_has_a_docstring(name: str) -> None:
    module = importlib.import_module(name)
    public = MODULES[name] or getattr(module, "__all__", ())
    things = [getattr(module, each) for each in public]
    undocumented = [
        thing for thing in things if inspect.isclass(thing) and not inspect.getdoc(thing)
    ]
    assert undocumented == []
