"""The public names and their signatures, as lines of text.

``python -m tests.api.public`` prints them; with ``--write`` it renews the list.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from paidflow import PaidAction

LIST = Path(__file__).parent / "public.txt"

MODULES = {
    "paidflow": None,
    "paidflow.errors": None,
    "paidflow.forum": None,
    "paidflow.payments.contract": None,
    "paidflow.payments.lnd": ("Lnd", "Network"),
    "paidflow.payments.lnd_wallet": ("LndWallet",),
    "paidflow.payments.sandbox": ("SandboxGateway",),
    "paidflow.payments.stripe": ("StripeGateway",),
    "paidflow.outgoing.deliveries": ("Deliveries",),
    "paidflow.outgoing.subscriber": None,
    "paidflow.outgoing.webhook": ("Webhook",),
    "paidflow.contrib.opentelemetry": ("instrument",),
    "paidflow.contrib.prometheus": ("Metrics",),
    "paidflow.contrib.sqlalchemy": (
        *("SqlAlchemy", "Visible", "VisiblePart"),
        *("session_of", "visible", "visible_part"),
    ),
    "paidflow.testing": None,
}
"""Public modules; the names in them, or ``None`` for all that they offer."""


def listing() -> str:
    """All public names, one a line."""
    lines: list[str] = []
    for name, chosen in MODULES.items():
        module = importlib.import_module(name)
        for public in chosen or sorted(_offered(module)):
            lines += _told(f"{name}.{public}", getattr(module, public))
    return "\n".join(lines) + "\n"


def _offered(module: Any) -> list[str]:
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__
    ]


def _told(name: str, thing: Any) -> Iterator[str]:
    if inspect.isclass(thing):
        yield f"class {name}({', '.join(base.__name__ for base in thing.__bases__)})"
        yield from (f"{name}.{line}" for line in _members(thing))
    elif inspect.isfunction(thing):
        yield f"{name}{_signature(thing)}"
    else:
        yield f"{name} = {thing!r}"


def _members(kind: type[Any]) -> Iterator[str]:
    if issubclass(kind, enum.Enum):
        yield from (f"{member.name} = {member.value!r}" for member in kind)
    if issubclass(kind, BaseModel):
        for field, info in kind.model_fields.items():
            yield f"{field}: {inspect.formatannotation(info.annotation)}"
    elif "__init__" in vars(kind):
        yield f"__init__{_signature(kind.__init__)}"
    for name in sorted(_inherited(kind) - set(getattr(kind, "__members__", ()))):
        member = inspect.getattr_static(kind, name)
        if _is_told(kind, name, member):
            continue
        if isinstance(member, staticmethod | classmethod):
            yield f"{name}{_signature(member.__func__)} [{type(member).__name__}]"
        elif inspect.isfunction(member):
            yield f"{name}{_signature(member)}"
        elif isinstance(member, property):
            yield f"{name} [property]"
        elif member is None or isinstance(member, bool | int | str | tuple):
            yield f"{name} = {member!r}"


def _is_told(kind: type[Any], name: str, member: object) -> bool:
    """Whether an action says the same as all actions do."""
    is_action = issubclass(kind, PaidAction) and kind is not PaidAction
    return is_action and inspect.getattr_static(PaidAction, name, None) is member


def _inherited(kind: type[Any]) -> set[str]:
    own = [base for base in kind.__mro__ if base.__module__.startswith("paidflow")]
    return {name for base in own for name in vars(base) if not name.startswith(("_", "model_"))}


def _signature(function: Any) -> str:
    told = str(inspect.signature(function)).replace("''", '""')
    return re.sub(r" at 0x\w+", "", told.replace("'", ""))  # annotations are texts here


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        LIST.write_text(listing(), encoding="utf-8")
    else:
        print(listing(), end="")
