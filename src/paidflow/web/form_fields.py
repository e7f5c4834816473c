"""The fields of a form: texts with names, of which an action is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from paidflow.actions.contract import PaidAction

Shape = Mapping[str, Any]
"""A JSON Schema, as pydantic writes it."""


def action_of(action_type: type[PaidAction], sent: Mapping[str, Sequence[str]]) -> PaidAction:
    """The action that the fields of a form ask for.

    ``post.title`` is the title inside of the field ``post``. What was left empty and is not needed
    gets its default. A list takes all values that are not empty; any other field takes the last.

    Args:
        action_type: what is asked for.
        sent: the values of each field, at least one.

    Raises:
        RequestValidationError: when a field is not as it has to be.
    """
    whole = _schema(action_type)
    fields: dict[str, Any] = {}
    for name, values in sent.items():
        *outer, last = path = name.split(".")
        around, shapes = _at(whole, outer), _at(whole, path)
        if any(shape.get("type") == "array" for shape in shapes):
            _put(fields, path, [value for value in values if value])
        elif not shapes:
            fields[name] = values[-1]  # the action says that it does not know it
        elif values[-1] or any(last in shape.get("required", ()) for shape in around):
            _put(fields, path, values[-1])
    try:
        return action_type.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False)) from None


def _put(fields: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *outer, last = path
    for name in outer:
        if not isinstance(fields.get(name), dict):
            fields[name] = {}
        fields = fields[name]
    fields[last] = value


@cache
def _schema(action_type: type[PaidAction]) -> Shape:
    return action_type.model_json_schema()


def _at(whole: Shape, path: Sequence[str]) -> list[Shape]:
    """What may stand at a place; nothing if there is no such place."""
    found = [whole]
    for name in path:
        inside = [
            shape["properties"][name] for shape in found if name in shape.get("properties", ())
        ]
        found = [one for shape in inside for one in _options(whole, shape)]
    return found


def _options(whole: Shape, shape: Shape) -> Iterator[Shape]:
    """A shape, and those that it allows instead."""
    yield shape
    if name := shape.get("$ref"):
        yield from _options(whole, whole["$defs"][name.rsplit("/", 1)[1]])
    for one in (*shape.get("anyOf", ()), *shape.get("oneOf", ())):
        yield from _options(whole, one)
