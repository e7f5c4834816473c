"""What people ask for in their texts: to tell somebody, to delete, to be reminded."""

from __future__ import annotations

import re
from datetime import timedelta

MENTIONS_MAX = 100

_MENTION = re.compile(r"(?<![\w@/.])@(\w+(?:[.-]\w+)*)")
_LINK = re.compile(r"/items/([0-9A-Za-z-]{36}(?:\.\d+)?)(?![0-9A-Za-z-])")
_BOTS = frozenset({"delete", "remindme"})
_UNITS_S = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "week": 7 * 86_400,
    "month": 30 * 86_400,
    "year": 365 * 86_400,
}
_IN = rf"[ \t]+in[ \t]+(\d{{1,6}})[ \t]+({'|'.join(_UNITS_S)})s?\b"
_COMMANDS = {bot: re.compile(rf"(?<![\w@/.])@{bot}{_IN}", re.IGNORECASE) for bot in sorted(_BOTS)}


def mentions(text: str) -> list[str]:
    """The names behind an ``@``, each once, at most 100; not those of the bots."""
    names = dict.fromkeys(name for name in _MENTION.findall(text) if name.lower() not in _BOTS)
    return list(names)[:MENTIONS_MAX]


def linked_items(text: str) -> list[str]:
    """The ids of items whose address, ``/items/<id>``, is in a text; each once, at most 100."""
    return list(dict.fromkeys(_LINK.findall(text)))[:MENTIONS_MAX]


def delete_in(text: str) -> timedelta | None:
    """After which time a text wants to be deleted: the last ``@delete in N unit`` says it."""
    return _last(text, "delete")


def remind_in(text: str) -> timedelta | None:
    """After which time its author wants to be reminded of it: ``@remindme in N unit``."""
    return _last(text, "remindme")


def _last(text: str, bot: str) -> timedelta | None:
    found = _COMMANDS[bot].findall(text)
    if not found:
        return None
    number, unit = found[-1]
    return timedelta(seconds=int(number) * _UNITS_S[unit.lower()])
