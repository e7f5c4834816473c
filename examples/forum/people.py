"""Who looks at a page: a cookie says it, as this is a demo where everybody may be anybody."""

from __future__ import annotations

from typing import Annotated

from fastapi import Cookie, Depends, HTTPException

from examples.forum.forum import PEOPLE


def person(person: Annotated[str | None, Cookie()] = None) -> str | None:
    """The person of the switcher; ``None`` is logged out."""
    return person if person in PEOPLE else None


def member(name: Annotated[str | None, Depends(person)]) -> str:
    """The person, on pages that whoever is logged out does not have."""
    if name is None:
        raise HTTPException(404)
    return name


def operator(name: Annotated[str | None, Depends(person)]) -> str | None:
    """Dave looks after the payments."""
    return name if name == "dave" else None
