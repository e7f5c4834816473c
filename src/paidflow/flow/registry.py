"""The actions that a flow knows, by kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from paidflow.actions.contract import HOOKS, PaidAction, Tables, check_action
from paidflow.errors import InvalidArguments, InvalidConfiguration, PayloadErased, UnknownAction


class Registry:
    """The classes of paid actions, checked when they are registered.

    Args:
        actions: the classes; every kind once.
        settings: what hooks find with ``ctx.setting``; of every type one.

    Raises:
        InvalidConfiguration: when a class is not usable or a kind is there twice.
    """

    def __init__(
        self, actions: Iterable[type[PaidAction]], settings: Iterable[object] = ()
    ) -> None:
        self.settings: Mapping[type, object] = _by_type(settings)
        self._kinds: dict[str, type[PaidAction]] = {}
        self._hooks: dict[str, frozenset[str]] = {}
        for action in actions:
            check_action(action)
            if action.kind in self._kinds:
                raise InvalidConfiguration(f"two actions have the kind {action.kind!r}")
            self._kinds[action.kind] = action
            self._hooks[action.kind] = frozenset(filter(action.has_own, HOOKS))

    def __iter__(self) -> Iterator[type[PaidAction]]:
        return iter(self._kinds.values())

    @property
    def tables(self) -> list[Tables]:
        """The tables that the actions bring along, each once."""
        found = {kind.tables.name: kind.tables for kind in self if kind.tables is not None}
        return [found[name] for name in sorted(found)]

    def known(self, action: PaidAction) -> None:
        """Check that the class of an action is registered.

        Raises:
            UnknownAction: when it is not.
        """
        kind = getattr(type(action), "kind", type(action).__name__)
        if self._kinds.get(kind) is not type(action):
            raise UnknownAction(kind)

    def knows(self, kind: str) -> bool:
        """Whether a kind is registered."""
        return kind in self._kinds

    def kind(self, kind: str) -> type[PaidAction]:
        """The class of a kind.

        Raises:
            UnknownAction: when it is not registered.
        """
        if kind not in self._kinds:
            raise UnknownAction(kind)
        return self._kinds[kind]

    def has_hook(self, kind: str, hook: str) -> bool:
        """Whether the class of a kind writes a hook itself.

        Raises:
            UnknownAction: when it is not registered.
        """
        if kind not in self._hooks:
            raise UnknownAction(kind)
        return hook in self._hooks[kind]

    def restore(self, kind: str, version: int, arguments: str | None) -> PaidAction:
        """The action as it was requested, brought to the current version.

        Raises:
            UnknownAction: when the kind is not registered.
            PayloadErased: when the arguments are gone.
            InvalidArguments: when they do not fit the class any more.
        """
        action = self.kind(kind)
        if arguments is None:
            raise PayloadErased
        if version < action.version:
            data = cast("dict[str, Any]", json.loads(arguments))
            for number in range(version, action.version):
                data = action.upcasters[number](data)
            arguments = json.dumps(data)
        try:
            return action.model_validate_json(arguments)
        except ValidationError as error:
            raise InvalidArguments(f"{kind}, stored in version {version}") from error


def _by_type(settings: Iterable[object]) -> Mapping[type, object]:
    found: dict[type, object] = {}
    for each in settings:
        if type(each) in found:
            raise InvalidConfiguration(f"two settings are {type(each).__name__}")
        found[type(each)] = each
    return found


def fingerprint(action: PaidAction) -> tuple[str, str]:
    """The arguments of an action as JSON, and a hash of them but for what will be forgotten.

    Raises:
        InvalidArguments: when they cannot be written as JSON.
    """
    try:
        arguments = action.model_dump_json()
        forgotten = set(action.forgotten)
        kept = action.model_dump_json(exclude=forgotten) if forgotten else arguments
    except PydanticSerializationError as error:
        raise InvalidArguments(f"{action.kind} cannot be written as JSON") from error
    text = f"{action.kind}@{action.version}:{kept}"
    return arguments, hashlib.sha256(text.encode()).hexdigest()


def check_text(what: str, text: object) -> None:
    """Check that something is a text that every database can keep.

    Raises:
        InvalidArguments: when it is not, or empty.
    """
    if type(text) is not str or not text or "\0" in text:
        raise InvalidArguments(f"{what} must be a text, neither empty nor with a NUL in it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidArguments(f"{what} is not valid Unicode") from None
