"""The actions that a flow knows, by kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from paidflow.actions.contract import PaidAction, check_action
from paidflow.errors import InvalidArguments, InvalidConfiguration, PayloadErased, UnknownAction


class Registry:
    """The classes of paid actions, checked when they are registered.

    Args:
        actions: the classes; every kind once.

    Raises:
        InvalidConfiguration: when a class is not usable or a kind is there twice.
    """

    def __init__(self, actions: Iterable[type[PaidAction]]) -> None:
        self._kinds: dict[str, type[PaidAction]] = {}
        for action in actions:
            check_action(action)
            if action.kind in self._kinds:
                raise InvalidConfiguration(f"two actions have the kind {action.kind!r}")
            self._kinds[action.kind] = action

    def __iter__(self) -> Iterator[type[PaidAction]]:
        return iter(self._kinds.values())

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
        data = cast("dict[str, Any]", json.loads(arguments))
        for number in range(version, action.version):
            data = action.upcasters[number](data)
        try:
            return action.model_validate_json(json.dumps(data))
        except ValidationError as error:
            raise InvalidArguments(f"{kind}, stored in version {version}") from error


def fingerprint(action: PaidAction) -> tuple[str, str]:
    """The arguments of an action as JSON, and a hash of them.

    Raises:
        InvalidArguments: when they cannot be written as JSON.
    """
    try:
        arguments = action.model_dump_json()
    except PydanticSerializationError as error:
        raise InvalidArguments(f"{action.kind} cannot be written as JSON") from error
    text = f"{action.kind}@{action.version}:{arguments}"
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
