"""Who looks at a page: a cookie says it, as this is a demo where everybody may be anybody."""

from __future__ import annotations

from typing import Annotated

from fastapi import Cookie, Depends

from examples.forum.forum import PEOPLE


def person(person: Annotated[str | None, Cookie()] = None) -> str | None:
    """The person of the switcher; ``None`` is logged out."""
    return person if person in PEOPLE else None


def operator(name: Annotated[str | None, Depends(person)]) -> str | None:
    """Dave looks after the payments."""
    return name if name == "dave" else None
